//! Connectors by name and little more, for lists in other pages and for the search.

use sqlx::any::AnyRow;
use uuid::Uuid;

use super::connectors::{Connectors, contains};
use super::sql::{Reader, Statement};
use super::{Page, PageRequest, StoreError, page};

/// Tells cursors of this list from those of others.
const LIST: char = 'n';
const SELECT: &str = "SELECT c.id, c.name, c.description, c.enabled, t.name AS type_name FROM connector c JOIN connector_type t ON t.id = c.type_id";

/// A connector without its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorLine {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it may be called.
    pub enabled: bool,
    /// The name of its type.
    pub type_name: String,
}

/// What the list of all commands has of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorHead {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The id of its type.
    pub type_id: Uuid,
    /// The revision of its type.
    pub type_revision: i64,
}

impl Connectors<'_> {
    /// Returns the first `limit` enabled connectors by name, with the revisions of their types.
    ///
    /// # Errors
    /// Database errors.
    pub async fn heads(&self, limit: u32) -> Result<Vec<ConnectorHead>, StoreError> {
        let rows = sqlx::query(
            "SELECT c.id, c.name, c.tags, c.type_id, t.revision FROM connector c JOIN connector_type t ON t.id = c.type_id \
             WHERE c.enabled = 1 ORDER BY c.name LIMIT $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.store.read)
        .await?;
        let head = |row: &AnyRow| {
            let row = Reader::new(row, "connector");
            Ok(ConnectorHead {
                id: row.id("id")?,
                name: row.text("name")?,
                tags: row.json("tags")?,
                type_id: row.id("type_id")?,
                type_revision: row.value("revision")?,
            })
        };
        rows.iter().map(head).collect()
    }

    /// Lists the connectors of a type, newest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn lines_of(&self, type_id: Uuid, page: &PageRequest) -> Result<Page<ConnectorLine>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE c.type_id = ").bind(type_id.to_string());
        if let Some(id) = page.after(LIST)? {
            statement.push(" AND c.id < ").bind(id);
        }
        statement.push(" ORDER BY c.id DESC LIMIT ").bind(i64::from(page.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(page::cut(items, page, LIST, |last: &ConnectorLine| last.id.to_string()))
    }

    /// Finds connectors by a text in what they say of themselves; those whose name begins with it first.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_lines(&self, q: &str, limit: u32) -> Result<Vec<ConnectorLine>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE c.search LIKE ").bind(contains(q)).push(" ESCAPE '\\' ORDER BY CASE WHEN c.name LIKE ");
        statement.bind(contains(q).split_off(1)).push(" ESCAPE '\\' THEN 0 ELSE 1 END, c.name LIMIT ");
        statement.bind(i64::from(limit));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter().map(from_row).collect()
    }
}

fn from_row(row: &AnyRow) -> Result<ConnectorLine, StoreError> {
    let row = Reader::new(row, "connector");
    Ok(ConnectorLine {
        id: row.id("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        enabled: row.flag("enabled")?,
        type_name: row.text("type_name")?,
    })
}
