//! The history of connector types: a row per version created, put or seeded (docs/contract.md#connector-types).
//!
//! A row is written in the transaction that writes the type. The list omits config schemas and scripts, because a page
//! of config schemas could be gigabytes.

use jiff::Timestamp;
use uuid::Uuid;

use super::connection::DatabaseConnection;
use super::error::Entity;
use super::sql::{Reader, Statement, new_id};
use super::stored_schema::StoredSchema;
use super::types::{ConnectorTypes, TypeFields};
use super::{Actor, Page, PageRequest, StoreError, VersionSource, actor, page};

const TABLE: &str = "connector_type_version";

/// What a version's row stores in addition to the type's own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// The kind of write.
    pub source: VersionSource,
    /// What changed since the previous version, as JSON text.
    pub changes: String,
    /// Who writes it.
    pub actor: Actor,
}

impl NewVersion {
    /// Returns a first version, which has no changes.
    pub fn first(source: VersionSource, actor: Actor) -> Self {
        Self { source, actor, changes: r#"{"level":"none","total":0,"changes":[]}"#.to_owned() }
    }
}

/// A version of a type, without its schema and script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionSummary {
    /// Id of the row; ids increase with time.
    pub id: Uuid,
    /// The semantic version.
    pub version: String,
    /// The kind of write.
    pub source: VersionSource,
    /// What changed since the previous version, as JSON text.
    pub changes: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Who wrote it; `None` in rows of releases that did not record it.
    pub actor: Option<Actor>,
}

/// A version of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeVersion {
    /// Everything except schema and script.
    pub summary: VersionSummary,
    /// The config schema.
    pub config_schema: StoredSchema,
    /// The JavaScript of a script type.
    pub script_source: Option<String>,
    /// Where an external type was served.
    pub endpoint_url: Option<String>,
}

impl ConnectorTypes<'_> {
    /// Lists the versions of a type, newest first.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn versions(&self, type_id: Uuid, page: &PageRequest) -> Result<Page<VersionSummary>, StoreError> {
        let mut statement = Statement::new(
            "SELECT id, version, source, changes, created_at, actor_token, actor_name FROM connector_type_version \
             WHERE type_id = ",
        );
        statement.bind(type_id.to_string());
        if let Some(id) = page.after('v')? {
            statement.push(" AND id < ").bind(id);
        }
        statement.push(" ORDER BY id DESC LIMIT ").bind(i64::from(page.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(|row| summary(&Reader::new(row, TABLE))).collect::<Result<_, _>>()?;
        Ok(page::cut(items, page, 'v', |last: &VersionSummary| last.id.to_string()))
    }

    /// Finds a version of a type; if several rows have that version, the newest.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn version(&self, type_id: Uuid, version: &str) -> Result<TypeVersion, StoreError> {
        let row = sqlx::query(
            "SELECT id, version, source, changes, created_at, actor_token, actor_name, config_schema, script_source, endpoint_url \
             FROM connector_type_version WHERE type_id = $1 AND version = $2 ORDER BY id DESC LIMIT 1",
        )
        .bind(type_id.to_string())
        .bind(version)
        .fetch_optional(&self.store.read)
        .await?;
        let missing = || StoreError::NotFound { entity: Entity::TypeVersion, key: version.to_owned() };
        let row = row.ok_or_else(missing)?;
        let row = Reader::new(&row, TABLE);
        Ok(TypeVersion {
            summary: summary(&row)?,
            config_schema: StoredSchema::from_text(row.text("config_schema")?),
            script_source: row.value("script_source")?,
            endpoint_url: row.value("endpoint_url")?,
        })
    }
}

/// Maximum number of seeded schemas of one version that are looked at, newest first.
const MAX_SEEDED_TEXTS: i64 = 100;

impl ConnectorTypes<'_> {
    /// Lists the config schemas that seeding has shown for a version of a type: its texts may have changed under the
    /// same version. Newest first, at most a hundred.
    ///
    /// # Errors
    /// Database errors.
    pub async fn seeded_schemas(&self, name: &str, version: &str) -> Result<Vec<StoredSchema>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.config_schema FROM connector_type_version v JOIN connector_type t ON t.id = v.type_id \
             WHERE t.name = $1 AND v.version = $2 AND v.source = $3 ORDER BY v.id DESC LIMIT $4",
        )
        .bind(name)
        .bind(version)
        .bind(VersionSource::Seed.as_str())
        .bind(MAX_SEEDED_TEXTS)
        .fetch_all(&self.store.read)
        .await?;
        rows.iter().map(|row| Ok(StoredSchema::from_text(Reader::new(row, TABLE).text("config_schema")?))).collect()
    }
}

/// Writes a version inside the caller's transaction.
pub(super) async fn insert(
    connection: &mut DatabaseConnection,
    type_id: Uuid,
    fields: &TypeFields,
    new: &NewVersion,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO connector_type_version (id, type_id, version, config_schema, script_source, endpoint_url, source, \
         changes, created_at, actor_token, actor_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(new_id().to_string())
    .bind(type_id.to_string())
    .bind(fields.version.as_str())
    .bind(fields.config_schema.as_text())
    .bind(fields.script_source.as_deref())
    .bind(fields.endpoint_url.as_deref())
    .bind(new.source.as_str())
    .bind(new.changes.as_str())
    .bind(at.as_millisecond())
    .bind(actor::token_text(&new.actor))
    .bind(new.actor.name.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

fn summary(row: &Reader<'_>) -> Result<VersionSummary, StoreError> {
    Ok(VersionSummary {
        id: row.id("id")?,
        version: row.text("version")?,
        source: row.word("source")?,
        changes: row.text("changes")?,
        created_at: row.time("created_at")?,
        actor: actor::read(row)?,
    })
}
