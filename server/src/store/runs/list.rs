//! Lists of runs: newest first, by an index of one filter, with a bounded number of rows looked at for each page.

use super::super::sql::{Reader, Statement, first_id};
use super::super::{ConnectorBound, Page, PageRequest, RunFilter, StoreError, page};
use super::{COLUMNS, Runs, TABLE, summary};
use floh_client::answers::RunSummary;

/// The maximum number of rows that are looked at for a page.
const MAX_SCANNED: u32 = 5_000;

impl Runs<'_> {
    /// Lists runs all of whose connectors are within a bound, newest first, without their steps, variables and tasks. A
    /// page may have fewer rows than requested, or none, although others follow: a bounded number of rows is looked at.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(
        &self,
        filter: &RunFilter,
        bound: &ConnectorBound,
        request: &PageRequest,
    ) -> Result<Page<RunSummary>, StoreError> {
        let before = [request.after('r')?, filter.until.map(first_id)].into_iter().flatten().min();
        let span = Span { from: filter.since.map(first_id), before };
        let last = self.last_scanned(filter, &span).await?;
        let mut statement = Statement::new("SELECT ");
        statement.push(COLUMNS).push(" FROM run WHERE 1 = 1");
        span.push(&mut statement, "run.id");
        if let Some(last) = &last {
            statement.push(" AND run.id >= ").bind(last.as_str());
        }
        push(filter, &mut statement);
        if !bound.is_all() {
            statement.push(" AND NOT EXISTS (SELECT 1 FROM run_connector WHERE run_connector.run_id = run.id");
            bound.push_beyond(&mut statement, "run_connector.connector");
            statement.push(")");
        }
        statement.push(" ORDER BY run.id DESC LIMIT ").bind(i64::from(request.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(summary).collect::<Result<_, _>>()?;
        let mut page = page::cut(items, request, 'r', |last: &RunSummary| last.id.to_string());
        if page.next_cursor.is_none() {
            page.next_cursor = last.map(|last| page::cursor('r', &last));
        }
        Ok(page)
    }

    /// Finds the last row that the page may look at, if there are more.
    async fn last_scanned(&self, filter: &RunFilter, span: &Span) -> Result<Option<String>, StoreError> {
        let mut statement = Statement::new("SELECT ");
        // The index of the filter that has the fewest rows.
        if let Some(connector) = &filter.connector {
            statement.push("run_id AS id FROM run_connector WHERE connector = ").bind(connector.as_str());
            span.push(&mut statement, "run_id");
            statement.push(" ORDER BY run_id");
        } else {
            statement.push("id FROM run WHERE 1 = 1");
            if let Some(definition) = &filter.definition {
                statement.push(" AND definition = ").bind(definition.as_str());
            } else if let Some(token) = filter.token {
                statement.push(" AND actor_token = ").bind(token.to_string());
            } else if let [status] = filter.status[..] {
                statement.push(" AND status = ").bind(status.as_str());
            }
            span.push(&mut statement, "id");
            statement.push(" ORDER BY id");
        }
        statement.push(" DESC LIMIT 1 OFFSET ").bind(i64::from(MAX_SCANNED) - 1);
        let row = statement.query().fetch_optional(&self.store.read).await?;
        row.map(|row| Reader::new(&row, TABLE).text("id")).transpose()
    }
}

/// Between which ids the runs of a page are.
struct Span {
    from: Option<String>,
    before: Option<String>,
}

impl Span {
    fn push(&self, statement: &mut Statement, column: &str) {
        if let Some(from) = &self.from {
            statement.push(" AND ").push(column).push(" >= ").bind(from.as_str());
        }
        if let Some(before) = &self.before {
            statement.push(" AND ").push(column).push(" < ").bind(before.as_str());
        }
    }
}

fn push(filter: &RunFilter, statement: &mut Statement) {
    if !filter.status.is_empty() {
        statement.push(" AND run.status IN (").list(filter.status.iter().map(|status| status.as_str())).push(")");
    }
    if let Some(definition) = &filter.definition {
        statement.push(" AND run.definition = ").bind(definition.as_str());
    }
    if let Some(token) = filter.token {
        statement.push(" AND run.actor_token = ").bind(token.to_string());
    }
    if let Some(connector) = &filter.connector {
        statement.push(" AND EXISTS (SELECT 1 FROM run_connector WHERE run_connector.connector = ");
        statement.bind(connector.as_str()).push(" AND run_connector.run_id = run.id)");
    }
}
