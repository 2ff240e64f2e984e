//! Connectors as rows: named instances of a type, with their config and the dates of their secrets.

mod row;

use uuid::Uuid;

use self::row::{SELECT, from_row};

use super::audit::Detail;
use super::audit::detail::State;
use super::connection::DatabaseConnection;
use super::drafts::{self, DraftUse};
use super::error::Entity;
use super::secrets::{self, SealedSecret, SecretChanges};
use super::sql::{Key, Statement, json, now};
use super::types;
use super::{
    ConnectorBound, ConnectorFields, ConnectorFilter, ConnectorRow, ExecutionModel, LoadedConnector, Page, PageRequest,
    Store, StoreError, TypeChoice, actor, page,
};
use crate::changes::{Action, Subject};

/// Tells cursors of this list from those of others.
const LIST: char = 'c';

/// Which connectors a list has, by columns that are no filter of REST.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Only {
    /// Whether they are enabled; `None` means any.
    pub enabled: Option<bool>,
    /// Only those in whose mock settings something is enabled. The caller looks at what it is.
    pub may_mock: bool,
    /// Those that the caller reaches.
    pub bound: ConnectorBound,
}

/// The connectors of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Connectors<'s> {
    pub(super) store: &'s Store,
}

impl Connectors<'_> {
    /// Creates a connector, its secrets and, if requested, its type in one transaction. The caller creates the id
    /// ([`super::new_id`]), because the secrets are sealed for it.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] for the connector or the new type, [`StoreError::TypeGone`], and [`StoreError::Stale`]
    /// if the type has changed since.
    pub async fn create(
        &self,
        id: Uuid,
        fields: ConnectorFields,
        connector_type: TypeChoice,
        secrets: Vec<SealedSecret>,
    ) -> Result<ConnectorRow, StoreError> {
        self.create_using(id, fields, connector_type, secrets, None).await
    }

    /// Like [`Connectors::create`]; uses a draft up in the same transaction, whose result is then the connector's id.
    ///
    /// # Errors
    /// Those of [`Connectors::create`], and those of a draft that cannot be used.
    pub async fn create_using(
        &self,
        id: Uuid,
        fields: ConnectorFields,
        connector_type: TypeChoice,
        secrets: Vec<SealedSecret>,
        draft: Option<&DraftUse>,
    ) -> Result<ConnectorRow, StoreError> {
        let now = now();
        let mut transaction = self.store.begin_change().await?;
        if let Some(draft) = draft {
            drafts::take(&mut transaction, draft, &id.to_string(), now).await?;
        }
        let type_id = match connector_type {
            TypeChoice::Existing(id) => id,
            TypeChoice::At { id, revision } => {
                types::hold(&mut transaction, id, revision).await?;
                id
            }
            TypeChoice::New(new) => {
                let (name, detail) = (new.name.clone(), Detail::created(State::of_type(&new.fields)));
                let id = types::insert(&mut transaction, new, now).await?;
                transaction.note(Subject::ConnectorType { id, name }, Action::Created, detail);
                id
            }
        };
        let written = sqlx::query(
            "INSERT INTO connector (id, name, type_id, description, category, tags, enabled, log_level, timeout_ms, mock, config, \
             endpoint_url, search, created_at, updated_at, revision, execution_model, record, updated_by_token, updated_by_name) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, 1, $15, $16, $17, $18)",
        )
        .bind(id.to_string())
        .bind(fields.name.as_str())
        .bind(type_id.to_string())
        .bind(fields.description.as_str())
        .bind(fields.category.as_deref())
        .bind(json(&fields.tags))
        .bind(i64::from(fields.enabled))
        .bind(fields.log_level.as_str())
        .bind(fields.timeout_ms.map(i64::from))
        .bind(json(&fields.mock))
        .bind(json(&fields.config))
        .bind(fields.endpoint_url.as_deref())
        .bind(search_text(&fields))
        .bind(now.as_millisecond())
        .bind(fields.execution_model.map(ExecutionModel::as_str))
        .bind(fields.record.as_str())
        .bind(actor::token_text(&self.store.author.actor))
        .bind(self.store.author.actor.name.as_str())
        .execute(&mut *transaction)
        .await;
        if let Err(error) = written {
            return Err(if StoreError::is_foreign_key_violation(&error) {
                StoreError::TypeGone
            } else {
                name_taken(error, fields.name)
            });
        }
        write_tags(&mut transaction, id, fields.tags).await?;
        secrets::change(&mut transaction, id, SecretChanges { put: secrets, remove: Vec::new() }, now).await?;
        let stored = fetch(&mut transaction, &id.to_string()).await?;
        transaction.note(stored.subject(), Action::Created, Detail::created(State::of_connector(&stored)));
        transaction.commit().await?;
        Ok(stored)
    }

    /// Finds a connector by id or name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, key: &str) -> Result<ConnectorRow, StoreError> {
        let mut snapshot = self.store.snapshot().await?;
        fetch(&mut snapshot, key).await
    }

    /// Finds a connector by id or name, with its type and its sealed secrets.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn load(&self, key: &str) -> Result<LoadedConnector, StoreError> {
        let mut snapshot = self.store.snapshot().await?;
        let connector = fetch(&mut snapshot, key).await?;
        let connector_type = types::fetch(&mut snapshot, &connector.type_id.to_string()).await?;
        let secrets = secrets::sealed(&mut snapshot, connector.id).await?;
        Ok(LoadedConnector { connector, connector_type, secrets })
    }

    /// Lists connectors, newest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(&self, filter: &ConnectorFilter, page: &PageRequest) -> Result<Page<ConnectorRow>, StoreError> {
        self.list_only(filter, &Only::default(), page).await
    }

    /// Like [`Connectors::list`], of those alone whose columns fit.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list_only(
        &self,
        filter: &ConnectorFilter,
        only: &Only,
        page: &PageRequest,
    ) -> Result<Page<ConnectorRow>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" WHERE 1 = 1");
        if let Some(q) = &filter.q {
            statement.push(" AND c.search LIKE ").bind(contains(q)).push(" ESCAPE '\\'");
        }
        if let Some(type_name) = &filter.type_name {
            statement.push(" AND ");
            Key::parse(type_name).condition(&mut statement, "t");
        }
        if let Some(model) = filter.execution_model {
            statement.push(" AND COALESCE(c.execution_model, t.execution_model) = ").bind(model.as_str());
        }
        if let Some(category) = &filter.category {
            statement.push(" AND c.category = ").bind(category.as_str());
        }
        if let Some(tag) = &filter.tag {
            statement.push(" AND EXISTS (SELECT 1 FROM connector_tag g WHERE g.connector_id = c.id AND g.tag = ");
            statement.bind(tag.as_str()).push(")");
        }
        if let Some(enabled) = only.enabled {
            statement.push(" AND c.enabled = ").bind(i64::from(enabled));
        }
        if only.may_mock {
            statement.push(" AND c.mock LIKE '%\"enabled\":true%'");
        }
        only.bound.push(&mut statement, "c.name");
        if let Some(id) = page.after(LIST)? {
            statement.push(" AND c.id < ").bind(id);
        }
        statement.push(" ORDER BY c.id DESC LIMIT ").bind(i64::from(page.limit()) + 1);

        let mut snapshot = self.store.snapshot().await?;
        let rows = statement.query().fetch_all(&mut *snapshot).await?;
        let items = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        let mut page = page::cut(items, page, LIST, |last: &ConnectorRow| last.id.to_string());
        let ids: Vec<Uuid> = page.items.iter().map(|connector| connector.id).collect();
        let mut dates = secrets::dates(&mut snapshot, &ids).await?;
        for connector in &mut page.items {
            connector.secrets = dates.remove(&connector.id).unwrap_or_default();
        }
        Ok(page)
    }

    /// Replaces the fields that may change and changes secrets, if the connector still has the revision that the caller
    /// has read.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Stale`], [`StoreError::NameTaken`].
    pub async fn update(
        &self,
        id: Uuid,
        revision: i64,
        fields: ConnectorFields,
        secrets: SecretChanges,
    ) -> Result<ConnectorRow, StoreError> {
        let now = now();
        let mut transaction = self.store.begin_change().await?;
        let before = fetch(&mut transaction, &id.to_string()).await?;
        let written = sqlx::query(
            "UPDATE connector SET name = $1, description = $2, category = $3, tags = $4, enabled = $5, log_level = $6, \
             timeout_ms = $7, mock = $8, config = $9, endpoint_url = $10, search = $11, updated_at = $12, record = $15, updated_by_token = $16, \
             updated_by_name = $17, revision = revision + 1 WHERE id = $13 AND revision = $14",
        )
        .bind(fields.name.as_str())
        .bind(fields.description.as_str())
        .bind(fields.category.as_deref())
        .bind(json(&fields.tags))
        .bind(i64::from(fields.enabled))
        .bind(fields.log_level.as_str())
        .bind(fields.timeout_ms.map(i64::from))
        .bind(json(&fields.mock))
        .bind(json(&fields.config))
        .bind(fields.endpoint_url.as_deref())
        .bind(search_text(&fields))
        .bind(now.as_millisecond())
        .bind(id.to_string())
        .bind(revision)
        .bind(fields.record.as_str())
        .bind(actor::token_text(&self.store.author.actor))
        .bind(self.store.author.actor.name.as_str())
        .execute(&mut *transaction)
        .await;
        let written = match written {
            Ok(done) => done.rows_affected(),
            Err(error) => return Err(name_taken(error, fields.name)),
        };
        if written == 0 {
            return Err(StoreError::Stale { entity: Entity::Connector, revision });
        }
        write_tags(&mut transaction, id, fields.tags).await?;
        secrets::change(&mut transaction, id, secrets, now).await?;
        let stored = fetch(&mut transaction, &id.to_string()).await?;
        let detail = Detail::changed(State::of_connector(&before), State::of_connector(&stored));
        transaction.note(stored.subject(), Action::Changed, detail);
        transaction.commit().await?;
        Ok(stored)
    }

    /// Deletes a connector with its secrets and the answers kept for idempotency keys. Its executions stay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], and [`StoreError::Stale`] if it no longer has the `revision` that the caller has read.
    pub async fn delete(&self, id: Uuid, revision: Option<i64>) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let before = fetch(&mut transaction, &id.to_string()).await?;
        let mut statement = Statement::new("DELETE FROM connector WHERE id = ");
        statement.bind(id.to_string());
        if let Some(revision) = revision {
            statement.push(" AND revision = ").bind(revision);
        }
        if statement.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            fetch(&mut transaction, &id.to_string()).await?;
            return Err(StoreError::Stale { entity: Entity::Connector, revision: revision.unwrap_or_default() });
        }
        transaction.note(before.subject(), Action::Deleted, Detail::deleted(State::of_connector(&before)));
        for sql in
            ["DELETE FROM idempotency WHERE connector_id = $1", "DELETE FROM execution_hour WHERE connector_id = $1"]
        {
            sqlx::query(sql).bind(id.to_string()).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Returns the cursor of a list of connectors that goes on after one of them.
pub fn connector_cursor(id: Uuid) -> String {
    page::cursor(LIST, &id.to_string())
}

impl ConnectorRow {
    /// Returns the connector as the subject of a change.
    fn subject(&self) -> Subject {
        Subject::Connector { id: self.id, name: self.fields.name.clone() }
    }
}

async fn fetch(connection: &mut DatabaseConnection, key: &str) -> Result<ConnectorRow, StoreError> {
    let mut statement = Statement::new(SELECT);
    statement.push(" WHERE ");
    Key::parse(key).condition(&mut statement, "c");
    let row = statement.query().fetch_optional(&mut *connection).await?;
    let mut connector =
        from_row(&row.ok_or_else(|| StoreError::NotFound { entity: Entity::Connector, key: key.to_owned() })?)?;
    connector.secrets = secrets::dates(connection, &[connector.id]).await?.remove(&connector.id).unwrap_or_default();
    Ok(connector)
}

async fn write_tags(connection: &mut DatabaseConnection, id: Uuid, mut tags: Vec<String>) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM connector_tag WHERE connector_id = $1")
        .bind(id.to_string())
        .execute(&mut *connection)
        .await?;
    tags.sort_unstable();
    tags.dedup();
    if !tags.is_empty() {
        let mut statement = Statement::new("INSERT INTO connector_tag (connector_id, tag) VALUES ");
        statement.rows(tags, |columns, tag| {
            columns.bind(id.to_string()).bind(tag);
        });
        statement.query().execute(connection).await?;
    }
    Ok(())
}

fn name_taken(error: sqlx::Error, name: String) -> StoreError {
    if StoreError::is_unique_violation(&error) {
        StoreError::NameTaken { entity: Entity::Connector, name }
    } else {
        error.into()
    }
}

/// The text in lower case by Rust's rules, because the databases' rules differ beyond ASCII.
fn search_text(fields: &ConnectorFields) -> String {
    let mut text = format!("{}\n{}", fields.name, fields.description);
    for part in fields.category.iter().chain(&fields.tags) {
        text.push('\n');
        text.push_str(part);
    }
    text.to_lowercase()
}

/// Returns a LIKE pattern for texts that contain `q`, whatever characters it has.
pub(super) fn contains(q: &str) -> String {
    let mut pattern = String::from("%");
    for character in q.to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}
