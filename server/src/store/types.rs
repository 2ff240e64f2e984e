//! Connector types as rows.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::audit::Detail;
use super::audit::detail::State;
use super::connection::DatabaseConnection;
use super::drafts::{self, DraftUse};
use super::error::Entity;
use super::rework::{self, Reworking};
use super::sql::{Key, Reader, Statement, json, new_id, now};
use super::stored_schema::StoredSchema;
use super::type_lines;
use super::versions::{self, NewVersion};
use super::{Actor, ExecutionModel, Page, PageRequest, Store, StoreError, TypeSource, VersionSource, page};
use crate::changes::{Action, Subject};

const TABLE: &str = "connector_type";
const SELECT: &str = "SELECT t.id, t.name, t.version, t.execution_model, t.description, t.category, t.tags, t.config_schema, \
     t.script_source, t.endpoint_url, t.source, t.available, t.seeded_version, t.seeded_schema, t.created_at, t.updated_at, t.revision, \
     (SELECT COUNT(*) FROM connector c WHERE c.type_id = t.id) AS instances FROM connector_type t";

/// The fields of a connector type that may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeFields {
    /// Its semantic version.
    pub version: String,
    /// What it connects to; may be empty.
    pub description: String,
    /// Its category, if any.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The config schema.
    pub config_schema: StoredSchema,
    /// The JavaScript of a script type.
    pub script_source: Option<String>,
    /// Where an external type is served.
    pub endpoint_url: Option<String>,
}

/// A connector type that a user creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewType {
    /// Its unique name.
    pub name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Its other fields.
    pub fields: TypeFields,
    /// Who creates it.
    pub actor: Actor,
}

/// A connector type as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorType {
    /// Its id.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// The fields that may change.
    pub fields: TypeFields,
    /// Compiled in, or created by a user.
    pub source: TypeSource,
    /// False if an earlier release seeded it and this release does not have it compiled in.
    pub available: bool,
    /// The version that seeding last wrote; `None` for a user's type.
    pub seeded_version: Option<String>,
    /// The config schema that seeding last wrote; `None` for a user's type.
    pub seeded_schema: Option<StoredSchema>,
    /// The number of connectors of this type.
    pub instances: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Increases with every change; the ETag of REST.
    pub revision: i64,
}

/// The connector types of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct ConnectorTypes<'s> {
    pub(super) store: &'s Store,
}

impl ConnectorTypes<'_> {
    /// Finds a type by id or name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, key: &str) -> Result<ConnectorType, StoreError> {
        let mut connection = self.store.read.acquire().await?;
        fetch(&mut connection, key).await
    }

    /// Lists types by name.
    ///
    /// # Errors
    /// [`StoreError::BadCursor`].
    pub async fn list(&self, page: &PageRequest) -> Result<Page<ConnectorType>, StoreError> {
        let mut statement = Statement::new(SELECT);
        if let Some(name) = page.after('t')? {
            statement.push(" WHERE t.name > ").bind(name);
        }
        statement.push(" ORDER BY t.name LIMIT ").bind(i64::from(page.limit()) + 1);
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let items = rows.iter().map(from_row).collect::<Result<_, _>>()?;
        Ok(page::cut(items, page, 't', |last: &ConnectorType| last.name.clone()))
    }

    /// Replaces the fields that may change, if the type still has the revision that the caller has read. With a
    /// `version`, a history row is written, `reworking` decides the new config of each connector of the type, and each
    /// gets a new revision. All of it is one transaction.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Stale`], and errors of `reworking`; then nothing is written.
    pub async fn update<E: From<StoreError>>(
        &self,
        id: Uuid,
        revision: i64,
        fields: TypeFields,
        version: Option<NewVersion>,
        reworking: Option<&mut Reworking<'_, E>>,
    ) -> Result<ConnectorType, E> {
        self.update_using(id, revision, fields, version, reworking, None).await
    }

    /// Like [`ConnectorTypes::update`]; uses a draft up in the same transaction, whose result is then the version.
    ///
    /// # Errors
    /// Those of [`ConnectorTypes::update`], and those of a draft that cannot be used.
    pub async fn update_using<E: From<StoreError>>(
        &self,
        id: Uuid,
        revision: i64,
        fields: TypeFields,
        version: Option<NewVersion>,
        reworking: Option<&mut Reworking<'_, E>>,
        draft: Option<&DraftUse>,
    ) -> Result<ConnectorType, E> {
        let now = now();
        let mut transaction = self.store.begin_change().await?;
        if let Some(draft) = draft {
            drafts::take(&mut transaction, draft, &fields.version, now).await?;
        }
        let before = fetch(&mut transaction, &id.to_string()).await?;
        replace(&mut transaction, id, revision, &fields, now).await?;
        if let Some(version) = version {
            versions::insert(&mut transaction, id, &fields, &version, now).await?;
            rework::all(&mut transaction, id, now, reworking).await?;
        }
        let stored = fetch(&mut transaction, &id.to_string()).await?;
        type_lines::write(&mut transaction, &stored).await?;
        let detail = Detail::changed(State::of_type(&before.fields), State::of_type(&stored.fields));
        transaction.note(stored.subject(), Action::Changed, detail);
        transaction.commit().await?;
        Ok(stored)
    }

    /// Deletes a type that has no connectors and is not compiled in.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::TypeIsCode`], [`StoreError::TypeInUse`].
    pub async fn delete(&self, id: Uuid) -> Result<(), StoreError> {
        let mut transaction = self.store.begin_change().await?;
        let stored = fetch(&mut transaction, &id.to_string()).await?;
        // One that is compiled in no more would only be in the way.
        if stored.source == TypeSource::Code && stored.available {
            return Err(StoreError::TypeIsCode);
        }
        if stored.instances > 0 {
            return Err(StoreError::TypeInUse { instances: stored.instances });
        }
        let deleted = sqlx::query("DELETE FROM connector_type WHERE id = $1")
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await;
        match deleted {
            Ok(_) => {
                let detail = Detail::deleted(State::of_type(&stored.fields));
                transaction.note(stored.subject(), Action::Deleted, detail);
                transaction.commit().await
            }
            // A connector was created between the count and the delete; the foreign key caught it.
            Err(error) if StoreError::is_foreign_key_violation(&error) => Err(StoreError::TypeInUse { instances: 1 }),
            Err(error) => Err(error.into()),
        }
    }
}

async fn replace(
    connection: &mut DatabaseConnection,
    id: Uuid,
    revision: i64,
    fields: &TypeFields,
    at: Timestamp,
) -> Result<(), StoreError> {
    let written = sqlx::query(
        "UPDATE connector_type SET version = $1, description = $2, category = $3, tags = $4, config_schema = $5, \
         script_source = $6, endpoint_url = $7, updated_at = $8, revision = revision + 1 WHERE id = $9 AND revision = $10",
    )
    .bind(fields.version.as_str())
    .bind(fields.description.as_str())
    .bind(fields.category.as_deref())
    .bind(json(&fields.tags))
    .bind(fields.config_schema.as_text())
    .bind(fields.script_source.as_deref())
    .bind(fields.endpoint_url.as_deref())
    .bind(at.as_millisecond())
    .bind(id.to_string())
    .bind(revision)
    .execute(&mut *connection)
    .await?;
    if written.rows_affected() == 0 {
        return Err(StoreError::Stale { entity: Entity::ConnectorType, revision });
    }
    Ok(())
}

impl ConnectorType {
    /// Returns the type as the subject of a change.
    pub(super) fn subject(&self) -> Subject {
        Subject::ConnectorType { id: self.id, name: self.name.clone() }
    }
}

/// Locks a type, which must have the revision that the caller has read, until the end of the caller's transaction.
pub(super) async fn hold(connection: &mut DatabaseConnection, id: Uuid, revision: i64) -> Result<(), StoreError> {
    let held = sqlx::query("UPDATE connector_type SET revision = revision WHERE id = $1 AND revision = $2")
        .bind(id.to_string())
        .bind(revision)
        .execute(&mut *connection)
        .await?;
    if held.rows_affected() > 0 {
        return Ok(());
    }
    match fetch(connection, &id.to_string()).await {
        Ok(_) => Err(StoreError::Stale { entity: Entity::ConnectorType, revision }),
        Err(StoreError::NotFound { .. }) => Err(StoreError::TypeGone),
        Err(other) => Err(other),
    }
}

/// Writes a user's type inside the caller's transaction.
pub(super) async fn insert(
    connection: &mut DatabaseConnection,
    new: NewType,
    at: Timestamp,
) -> Result<Uuid, StoreError> {
    let id = new_id();
    let NewType { name, execution_model, fields, actor } = new;
    let written = sqlx::query(
        "INSERT INTO connector_type (id, name, version, execution_model, description, category, tags, config_schema, \
         script_source, endpoint_url, source, available, created_at, updated_at, revision) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, $12, $12, 1)",
    )
    .bind(id.to_string())
    .bind(name.as_str())
    .bind(fields.version.as_str())
    .bind(execution_model.as_str())
    .bind(fields.description.as_str())
    .bind(fields.category.as_deref())
    .bind(json(&fields.tags))
    .bind(fields.config_schema.as_text())
    .bind(fields.script_source.as_deref())
    .bind(fields.endpoint_url.as_deref())
    .bind(TypeSource::User.as_str())
    .bind(at.as_millisecond())
    .execute(&mut *connection)
    .await;
    match written {
        Ok(_) => {
            versions::insert(connection, id, &fields, &NewVersion::first(VersionSource::Create, actor), at).await?;
            let stored = fetch(connection, &id.to_string()).await?;
            type_lines::write(connection, &stored).await?;
            Ok(id)
        }
        Err(error) if StoreError::is_unique_violation(&error) => {
            Err(StoreError::NameTaken { entity: Entity::ConnectorType, name })
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn fetch(connection: &mut DatabaseConnection, key: &str) -> Result<ConnectorType, StoreError> {
    let mut statement = Statement::new(SELECT);
    statement.push(" WHERE ");
    Key::parse(key).condition(&mut statement, "t");
    let row = statement.query().fetch_optional(connection).await?;
    from_row(&row.ok_or_else(|| StoreError::NotFound { entity: Entity::ConnectorType, key: key.to_owned() })?)
}

fn from_row(row: &AnyRow) -> Result<ConnectorType, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(ConnectorType {
        id: row.id("id")?,
        name: row.text("name")?,
        execution_model: row.word("execution_model")?,
        fields: TypeFields {
            version: row.text("version")?,
            description: row.text("description")?,
            category: row.value("category")?,
            tags: row.json("tags")?,
            config_schema: StoredSchema::from_text(row.text("config_schema")?),
            script_source: row.value("script_source")?,
            endpoint_url: row.value("endpoint_url")?,
        },
        source: row.word("source")?,
        available: row.flag("available")?,
        seeded_version: row.value("seeded_version")?,
        seeded_schema: row.value::<Option<String>>("seeded_schema")?.map(StoredSchema::from_text),
        instances: row.value("instances")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        revision: row.value("revision")?,
    })
}
