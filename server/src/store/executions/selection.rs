//! Which rows a list of executions has, and how many rows it looks at to find them.
//!
//! A filter with an index can lead: its index is read in order of the ids, newest first. The other filters are checked
//! row by row, for at most [`MAX_SCANNED`] rows a page; then the page ends early, with a cursor for the rest. So a filter
//! needs no index of its own, which each execution would pay for, and no list reads the whole table at once.

use floh_client::ExecutionFilter;
use uuid::Uuid;

use super::super::sql::{Statement, first_id};
use super::super::{ExecutionStatus, PageRequest, StoreError};

/// The maximum number of rows that are looked at for a page.
pub(in crate::store) const MAX_SCANNED: u32 = 5_000;

/// Lists read neither params nor results nor logs, so that a page is small whatever was recorded.
pub(super) const SELECT: &str = "SELECT id, connector_id, connector, type, type_version, command, status, mocked, source, step_id, run_id, \
     deprecated, started_at, duration_ms, actor_token, actor_name, request_id FROM execution WHERE 1 = 1";

// The conditions of the partial indexes, literally: otherwise the databases do not see that an index applies.
const UNFINISHED: &str = "status IN ('accepted', 'started')";
const UNSUCCESSFUL: &str = "status IN ('failed', 'unknown')";

/// The rows of a page.
#[derive(Debug)]
pub(in crate::store) struct Selection {
    filters: Vec<Filter>,
    /// The smallest id.
    from: Option<String>,
    /// The id before which they are.
    before: Option<String>,
}

/// A filter that is read from its index; `None`: the index of the ids is read.
pub(in crate::store) type Lead = Option<usize>;

#[derive(Debug)]
struct Filter {
    column: &'static str,
    /// Any of these.
    values: Vec<String>,
    index: Index,
}

#[derive(Debug)]
enum Index {
    None,
    /// On the column and the id. Of several values each is read by itself.
    Column,
    /// On the ids of the rows for which this holds.
    Where(&'static str),
}

impl Filter {
    fn of_states(states: &[ExecutionStatus]) -> Self {
        use ExecutionStatus::{Accepted, Failed, Started, Unknown};
        let within = |all: [ExecutionStatus; 2]| states.iter().all(|state| all.contains(state));
        let index = if within([Accepted, Started]) {
            Index::Where(UNFINISHED)
        } else if within([Failed, Unknown]) {
            Index::Where(UNSUCCESSFUL)
        } else {
            Index::None
        };
        Self { column: "status", values: states.iter().map(|state| state.as_str().to_owned()).collect(), index }
    }

    /// Returns whether its index has exactly the rows of the filter.
    fn is_exact(&self) -> bool {
        match self.index {
            Index::None => false,
            Index::Column => true,
            Index::Where(_) => self.values.len() == 2,
        }
    }
}

impl Selection {
    /// Builds the selection of a page; `None` if no row can match. `connectors` are those that the filter names and the
    /// caller reaches, `None` for all; `type_name` is that of the filter, found already.
    pub(in crate::store) fn of(
        filter: &ExecutionFilter,
        connectors: Option<Vec<Uuid>>,
        type_name: Option<String>,
        page: &PageRequest,
    ) -> Result<Option<Self>, StoreError> {
        let mut filters = Vec::new();
        let connectors = connectors.map(|ids| ids.iter().map(Uuid::to_string).collect::<Vec<_>>());
        if connectors.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let mut any = |column, values: Option<Vec<String>>, index| {
            filters.extend(values.map(|values| Filter { column, values, index }));
        };
        any("run_id", filter.run_id.clone().map(|run| vec![run]), Index::Column);
        any("connector_id", connectors, Index::Column);
        let mut equal = |column, value: Option<String>, index| any(column, value.map(|value| vec![value]), index);
        equal("actor_token", filter.token.map(|id| id.to_string()), Index::Column);
        equal("command", filter.command.clone(), Index::Column);
        equal("type", type_name, Index::None);
        equal("source", filter.source.map(|source| source.as_str().to_owned()), Index::None);
        if filter.success.is_some() || !filter.status.is_empty() {
            let mut states = if filter.status.is_empty() { ExecutionStatus::ALL } else { &filter.status }.to_vec();
            states.retain(|state| filter.success.is_none_or(|success| state.success() == Some(success)));
            if states.is_empty() {
                return Ok(None);
            }
            filters.push(Filter::of_states(&states));
        }
        let before = [page.after('e')?, filter.until.map(first_id)].into_iter().flatten().min();
        Ok(Some(Self { filters, from: filter.since.map(first_id), before }))
    }

    /// Returns the filters that can lead, the most selective kinds first.
    pub(in crate::store) fn leads(&self) -> Vec<Lead> {
        let leads = self.filters.iter().enumerate().filter(|(_, filter)| !matches!(filter.index, Index::None));
        let leads: Vec<Lead> = leads.map(|(at, _)| Some(at)).collect();
        if leads.is_empty() { vec![None] } else { leads }
    }

    /// Returns whether rows must be checked beside what the lead finds.
    pub(in crate::store) fn is_checked(&self, lead: Lead) -> bool {
        self.filters.iter().enumerate().any(|(at, filter)| lead != Some(at) || !filter.is_exact())
    }

    /// Builds the statement that finds the last row that a page may look at. There is none if there are fewer.
    pub(in crate::store) fn last_scanned(&self, lead: Lead) -> Statement {
        let mut statement = Statement::new("SELECT id FROM execution WHERE 1 = 1");
        if let Some(filter) = self.several(lead) {
            // Each value has its share of the rows; the page ends where the first share does.
            statement.push(" AND id IN (");
            self.push_each(&mut statement, filter, None, 1, share(filter) - 1);
            statement.push(") ORDER BY id DESC LIMIT 1");
            return statement;
        }
        self.push_lead(&mut statement, lead, None);
        statement.push(" ORDER BY id DESC LIMIT 1 OFFSET ").bind(i64::from(MAX_SCANNED) - 1);
        statement
    }

    /// Returns the filter that leads, if it has several values that are each read from its index.
    fn several(&self, lead: Lead) -> Option<&Filter> {
        let filter = &self.filters[lead?];
        (matches!(filter.index, Index::Column) && filter.values.len() > 1).then_some(filter)
    }

    /// Builds the statement that reads rows, none before `last`.
    pub(in crate::store) fn rows(&self, lead: Lead, last: Option<&str>, limit: i64) -> Statement {
        let mut statement = Statement::new(SELECT);
        if let Some(filter) = self.several(lead) {
            // No value has more rows after `last` than its share and those that were just written.
            let most = if self.is_checked(lead) { limit + i64::from(MAX_SCANNED) } else { limit };
            statement.push(" AND id IN (");
            self.push_each(&mut statement, filter, last, most, 0);
            statement.push(")");
        } else {
            self.push_lead(&mut statement, lead, last);
        }
        for (at, filter) in self.filters.iter().enumerate() {
            if lead == Some(at) && filter.is_exact() {
                continue;
            }
            // As an expression, so that no other index than the lead's is read.
            statement.push(" AND ").push(filter.column).push(" || '' IN (");
            statement.list(filter.values.iter().map(String::as_str)).push(")");
        }
        statement.push(" ORDER BY id DESC LIMIT ").bind(limit);
        statement
    }

    fn push_lead(&self, statement: &mut Statement, lead: Lead, last: Option<&str>) {
        match lead.map(|at| &self.filters[at]) {
            Some(Filter { column, values, index: Index::Column }) => {
                statement.push(" AND ").push(column).push(" = ").bind(values[0].as_str());
            }
            Some(Filter { index: Index::Where(condition), .. }) => {
                statement.push(" AND ").push(condition);
            }
            Some(Filter { index: Index::None, .. }) | None => {}
        }
        self.push_range(statement, last);
    }

    /// Writes the ids of the rows of each value, newest first: at most `limit` of each, after `offset`.
    fn push_each(&self, statement: &mut Statement, filter: &Filter, last: Option<&str>, limit: i64, offset: i64) {
        for (at, value) in filter.values.iter().enumerate() {
            statement.push(if at == 0 { "" } else { " UNION ALL " });
            statement.push("SELECT id FROM (SELECT id FROM execution WHERE ").push(filter.column).push(" = ");
            statement.bind(value.as_str());
            self.push_range(statement, last);
            statement.push(" ORDER BY id DESC LIMIT ").bind(limit).push(" OFFSET ").bind(offset);
            statement.push(&format!(") AS of_{at}"));
        }
    }

    fn push_range(&self, statement: &mut Statement, last: Option<&str>) {
        if let Some(from) = [last, self.from.as_deref()].into_iter().flatten().max() {
            statement.push(" AND id >= ").bind(from);
        }
        if let Some(before) = &self.before {
            statement.push(" AND id < ").bind(before.as_str());
        }
    }
}

/// Returns how many rows of each value of a filter a page may look at.
fn share(filter: &Filter) -> i64 {
    let values = i64::try_from(filter.values.len()).unwrap_or(i64::MAX).max(1);
    (i64::from(MAX_SCANNED) / values).max(1)
}
