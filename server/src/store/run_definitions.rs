//! Run definitions and their versions as rows. Every write is in the audit trail.

use std::collections::BTreeMap;

use floh_client::answers::RunDefinitionSummary;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::actor::token_text;
use super::audit::{Detail, NewEntry};
use super::connection::DatabaseConnection;
use super::error::Entity;
use super::sql::{Reader, Statement, json as json_text, new_id, now};
use super::{Actor, AuditAction, ConnectorBound, Page, PageRequest, Store, StoreError, page};

const TABLE: &str = "run_definition";
const COLUMNS: &str = "run_definition.id, run_definition.name, run_definition.description, run_definition.version, run_definition.step_count, \
     run_definition.created_at, run_definition.updated_at, run_definition.actor_token, run_definition.actor_name";
/// The maximum number of definitions.
pub(crate) const MAX_DEFINITIONS: i64 = 10_000;
/// The maximum number of versions that are kept of a definition; a further one removes the oldest.
pub(crate) const MAX_VERSIONS: i64 = 1_000;

/// What a version of a definition says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionContent {
    /// What it is for.
    pub description: Option<String>,
    /// The inputs as JSON text.
    pub inputs: String,
    /// The steps as JSON text.
    pub steps: String,
    /// How many steps there are.
    pub step_count: i64,
    /// Whether warnings about references count as errors.
    pub strict: bool,
    /// The versions of connector types that it was checked against.
    pub checked: BTreeMap<String, String>,
    /// The connectors that its steps name.
    pub connectors: Vec<String>,
}

/// A version of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefinitionRow {
    /// The id of the definition.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The version.
    pub version: i64,
    /// What it is for.
    pub description: Option<String>,
    /// The inputs as JSON text.
    pub inputs: String,
    /// The steps as JSON text.
    pub steps: String,
    /// Whether warnings about references count as errors.
    pub strict: bool,
    /// The versions of connector types that it was checked against.
    pub checked: BTreeMap<String, String>,
    /// When the version was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub created_by: Actor,
}

/// A version in the list of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionHead {
    /// The version.
    pub version: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it.
    pub created_by: Actor,
}

/// The run definitions of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct RunDefinitions<'s> {
    store: &'s Store,
}

impl Store {
    /// Run definitions.
    pub fn run_definitions(&self) -> RunDefinitions<'_> {
        RunDefinitions { store: self }
    }
}

impl RunDefinitions<'_> {
    /// Creates a definition with its first version.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`]; [`StoreError::TooManyDefinitions`].
    pub async fn create(&self, name: &str, content: &DefinitionContent) -> Result<(), StoreError> {
        let (id, at) = (new_id(), now());
        let mut transaction = self.store.begin_change().await?;
        let actor = transaction.author().actor.clone();
        let mut insert = Statement::new(
            "INSERT INTO run_definition (id, name, description, version, step_count, created_at, updated_at, actor_token, actor_name) SELECT ",
        );
        insert.bind(id.to_string()).push(", ").bind(name).push(", ").bind(content.description.as_deref());
        insert.push(", 1, ").bind(content.step_count).push(", ").bind(at.as_millisecond()).push(", ");
        insert.bind(at.as_millisecond()).push(", ").bind(token_text(&actor)).push(", ").bind(actor.name.as_str());
        insert.push(" WHERE (SELECT COUNT(*) FROM run_definition) < ").bind(MAX_DEFINITIONS);
        insert.push(" ON CONFLICT (name) DO NOTHING");
        if insert.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            let taken = sqlx::query("SELECT 1 AS one FROM run_definition WHERE name = $1").bind(name);
            return Err(match taken.fetch_optional(&mut *transaction).await? {
                Some(_) => StoreError::NameTaken { entity: Entity::RunDefinition, name: name.to_owned() },
                None => StoreError::TooManyDefinitions,
            });
        }
        insert_version(&mut transaction, id, 1, content, at, &actor).await?;
        let detail = Detail { before: None, after: Some(shown(1, content)) };
        transaction.trail(NewEntry::of_definition(id, name, AuditAction::Created, detail));
        transaction.commit().await
    }

    /// Writes the next version of a definition; returns its number. `before` is the version that the content was compared
    /// with.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the definition has another version now.
    pub async fn add_version(&self, before: &DefinitionRow, content: &DefinitionContent) -> Result<i64, StoreError> {
        let (id, at, version) = (before.id, now(), before.version + 1);
        let mut transaction = self.store.begin_change().await?;
        let actor = transaction.author().actor.clone();
        let mut update = Statement::new("UPDATE run_definition SET version = ");
        update.bind(version).push(", description = ").bind(content.description.as_deref());
        update.push(", step_count = ").bind(content.step_count).push(", updated_at = ").bind(at.as_millisecond());
        update.push(", actor_token = ").bind(token_text(&actor)).push(", actor_name = ").bind(actor.name.as_str());
        update.push(" WHERE id = ").bind(id.to_string()).push(" AND version = ").bind(before.version);
        if update.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(StoreError::Stale { entity: Entity::RunDefinition, revision: before.version });
        }
        sqlx::query("DELETE FROM run_definition_connector WHERE definition_id = $1")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM run_definition_version WHERE definition_id = $1 AND version <= $2")
            .bind(id.to_string())
            .bind(version - MAX_VERSIONS)
            .execute(&mut *transaction)
            .await?;
        insert_version(&mut transaction, id, version, content, at, &actor).await?;
        let mut was = Map::new();
        was.insert("version".to_owned(), before.version.into());
        let detail = Detail { before: Some(was), after: Some(shown(version, content)) };
        transaction.trail(NewEntry::of_definition(id, &before.name, AuditAction::Changed, detail));
        transaction.commit().await?;
        Ok(version)
    }

    /// Finds a version of a definition; the newest if none is named.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, name: &str, version: Option<i64>) -> Result<DefinitionRow, StoreError> {
        let mut statement = Statement::new(
            "SELECT d.id, d.name, v.version, v.description, v.inputs, v.steps, v.strict, v.checked, v.created_at, v.actor_token, v.actor_name \
             FROM run_definition AS d JOIN run_definition_version AS v ON v.definition_id = d.id AND v.version = ",
        );
        match version {
            Some(version) => statement.bind(version),
            None => statement.push("d.version"),
        };
        statement.push(" WHERE d.name = ").bind(name);
        if let Some(row) = statement.query().fetch_optional(&self.store.read).await? {
            return from_row(&row);
        }
        let known = sqlx::query("SELECT 1 AS one FROM run_definition WHERE name = $1").bind(name);
        let is_known = known.fetch_optional(&self.store.read).await?.is_some();
        Err(match version.filter(|_| is_known) {
            Some(version) => {
                StoreError::NotFound { entity: Entity::RunDefinitionVersion, key: format!("{name} {version}") }
            }
            None => StoreError::NotFound { entity: Entity::RunDefinition, key: name.to_owned() },
        })
    }

    /// Lists definitions all of whose connectors are within a bound, by name.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(
        &self,
        bound: &ConnectorBound,
        request: &PageRequest,
    ) -> Result<Page<RunDefinitionSummary>, StoreError> {
        let mut statement = Statement::new("SELECT ");
        statement.push(COLUMNS).push(" FROM run_definition WHERE 1 = 1");
        if let Some(after) = request.after('d')? {
            statement.push(" AND name > ").bind(after);
        }
        if !bound.is_all() {
            statement.push(
                " AND NOT EXISTS (SELECT 1 FROM run_definition_connector WHERE definition_id = run_definition.id",
            );
            bound.push_beyond(&mut statement, "connector");
            statement.push(")");
        }
        statement.push(" ORDER BY name LIMIT ").bind(i64::from(request.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(summary).collect::<Result<_, _>>()?;
        Ok(page::cut(items, request, 'd', |last: &RunDefinitionSummary| last.name.clone()))
    }

    /// Lists the versions of a definition, newest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn versions(&self, id: Uuid, request: &PageRequest) -> Result<Page<VersionHead>, StoreError> {
        let mut statement = Statement::new(
            "SELECT version, created_at, actor_token, actor_name FROM run_definition_version WHERE definition_id = ",
        );
        statement.bind(id.to_string());
        if let Some(before) = request.after('n')? {
            let before: i64 = before.parse().map_err(|_| StoreError::BadCursor)?;
            statement.push(" AND version < ").bind(before);
        }
        statement.push(" ORDER BY version DESC LIMIT ").bind(i64::from(request.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let head = |row: &AnyRow| {
            let row = Reader::new(row, "run_definition_version");
            Ok(VersionHead {
                version: row.value("version")?,
                created_at: row.time("created_at")?,
                created_by: actor(&row)?,
            })
        };
        let items = rows.iter().map(head).collect::<Result<_, StoreError>>()?;
        Ok(page::cut(items, request, 'n', |last: &VersionHead| last.version.to_string()))
    }

    /// Deletes a definition with its versions.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Stale`] if `expected` is named and is not its version.
    pub async fn delete(&self, name: &str, expected: Option<i64>) -> Result<(), StoreError> {
        let row = self.get(name, None).await?;
        let version = expected.unwrap_or(row.version);
        let mut transaction = self.store.begin_change().await?;
        let mut delete = Statement::new("DELETE FROM run_definition WHERE id = ");
        delete.bind(row.id.to_string());
        if expected.is_some() {
            delete.push(" AND version = ").bind(version);
        }
        if delete.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            return Err(StoreError::Stale { entity: Entity::RunDefinition, revision: version });
        }
        let mut was = Map::new();
        was.insert("version".to_owned(), row.version.into());
        let detail = Detail { before: Some(was), after: None };
        transaction.trail(NewEntry::of_definition(row.id, name, AuditAction::Deleted, detail));
        transaction.commit().await
    }

    /// Returns whether the newest version of a definition names a connector beyond a bound.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_beyond(&self, id: Uuid, bound: &ConnectorBound) -> Result<bool, StoreError> {
        let mut statement = Statement::new("SELECT 1 AS one FROM run_definition_connector WHERE definition_id = ");
        statement.bind(id.to_string());
        bound.push_beyond(&mut statement, "connector");
        statement.push(" LIMIT 1");
        Ok(statement.query().fetch_optional(&self.store.read).await?.is_some())
    }

    /// Finds the definitions, in their newest version, that name a connector of a type, by name after `after`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn naming_type(
        &self,
        type_id: Uuid,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<DefinitionRow>, StoreError> {
        let mut statement = Statement::new(
            "SELECT d.id, d.name, v.version, v.description, v.inputs, v.steps, v.strict, v.checked, v.created_at, v.actor_token, v.actor_name \
             FROM run_definition AS d JOIN run_definition_version AS v ON v.definition_id = d.id AND v.version = d.version \
             WHERE EXISTS (SELECT 1 FROM run_definition_connector AS n JOIN connector AS c ON c.name = n.connector \
             WHERE n.definition_id = d.id AND c.type_id = ",
        );
        statement.bind(type_id.to_string()).push(")");
        if let Some(after) = after {
            statement.push(" AND d.name > ").bind(after);
        }
        statement.push(" ORDER BY d.name LIMIT ").bind(i64::from(limit));
        statement.query().fetch_all(&self.store.read).await?.iter().map(from_row).collect()
    }
}

async fn insert_version(
    connection: &mut DatabaseConnection,
    id: Uuid,
    version: i64,
    content: &DefinitionContent,
    at: Timestamp,
    actor: &Actor,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO run_definition_version (definition_id, version, strict, created_at, actor_token, actor_name, checked, description, inputs, steps) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(id.to_string())
    .bind(version)
    .bind(i64::from(content.strict))
    .bind(at.as_millisecond())
    .bind(token_text(actor))
    .bind(actor.name.as_str())
    .bind(json_text(&content.checked))
    .bind(content.description.as_deref())
    .bind(content.inputs.as_str())
    .bind(content.steps.as_str())
    .execute(&mut *connection)
    .await?;
    if !content.connectors.is_empty() {
        let mut connectors = Statement::new("INSERT INTO run_definition_connector (connector, definition_id) VALUES ");
        connectors.rows(&content.connectors, |columns, name| {
            columns.bind(name.as_str()).bind(id.to_string());
        });
        connectors.query().execute(connection).await?;
    }
    Ok(())
}

/// Returns what the trail shows of a version: its steps may be large, and the version itself is kept.
fn shown(version: i64, content: &DefinitionContent) -> Map<String, Value> {
    let shown = json!({ "version": version, "steps": content.step_count, "connectors": content.connectors });
    if let Value::Object(shown) = shown { shown } else { Map::new() }
}

fn actor(row: &Reader<'_>) -> Result<Actor, StoreError> {
    Ok(Actor { token_id: row.optional_id("actor_token")?, name: row.text("actor_name")? })
}

fn summary(row: &AnyRow) -> Result<RunDefinitionSummary, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(RunDefinitionSummary {
        name: row.text("name")?,
        description: row.value("description")?,
        version: row.value("version")?,
        step_count: row.value("step_count")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        updated_by: actor(&row)?,
    })
}

fn from_row(row: &AnyRow) -> Result<DefinitionRow, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(DefinitionRow {
        id: row.id("id")?,
        name: row.text("name")?,
        version: row.value("version")?,
        description: row.value("description")?,
        inputs: row.text("inputs")?,
        steps: row.text("steps")?,
        strict: row.flag("strict")?,
        checked: row.json("checked")?,
        created_at: row.time("created_at")?,
        created_by: actor(&row)?,
    })
}
