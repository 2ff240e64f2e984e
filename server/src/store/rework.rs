//! Rewrites the stored configs of a type's connectors, in the transaction that changes the type. The store knows
//! neither schemas nor keys: the caller decides for each connector.

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::audit::detail::State;
use super::audit::{Detail, NewEntry};
use super::change::ChangeTransaction;
use super::connection::DatabaseConnection;
use super::secrets::{self, SealedSecret, SecretChanges};
use super::sql::{Reader, Statement, json, now};
use super::{Actor, Connectors, ExecutionModel, StoreError, actor, types};
use crate::changes::{Action, Subject};

/// The number of connectors read at once.
const BATCH: u32 = 200;

/// What is stored of a connector's connection.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredConfig {
    /// The connector's id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// How its commands are served, if otherwise than its type's.
    pub execution_model: Option<ExecutionModel>,
    /// Its own endpoint.
    pub endpoint_url: Option<String>,
    /// Its config without secrets.
    pub config: Map<String, Value>,
    /// Its secrets, still sealed; [`super::SIGNING_SECRET`] among them.
    pub secrets: Vec<SealedSecret>,
}

/// The new state of a connector's connection.
#[derive(Debug, Clone, PartialEq)]
pub struct Rework {
    /// Its new config.
    pub config: Map<String, Value>,
    /// What happens to its secrets.
    pub secrets: SecretChanges,
}

/// Decides what a connector's connection becomes; `None` leaves it unchanged.
pub type Reworking<'r, E> = dyn FnMut(StoredConfig) -> Result<Option<Rework>, E> + Send + 'r;

impl Connectors<'_> {
    /// Rewrites the connectors of a type in one transaction; the type itself stays unchanged.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], database errors and errors of `reworking`; then nothing is written.
    pub async fn rework<E: From<StoreError>>(&self, type_id: Uuid, reworking: &mut Reworking<'_, E>) -> Result<(), E> {
        let mut transaction = self.store.begin_change().await?;
        let subject = types::fetch(&mut transaction, &type_id.to_string()).await?.subject();
        all(&mut transaction, type_id, now(), Some(reworking)).await?;
        // The type itself is as it was; the trail has the connectors that were rewritten.
        transaction.tell(subject, Action::Changed);
        Ok(transaction.commit().await?)
    }

    /// Reads the stored connections of a type's connectors, a batch at a time, in the order of their ids; empty at the
    /// end.
    ///
    /// # Errors
    /// Database errors.
    pub async fn configs(&self, type_id: Uuid, after: Option<Uuid>) -> Result<Vec<StoredConfig>, StoreError> {
        let mut snapshot = self.store.snapshot().await?;
        read(&mut snapshot, type_id, after).await
    }
}

/// Rewrites every connector of the type and raises its revision, so that a concurrent change that was based on the old
/// type fails as stale and is tried again.
pub(super) async fn all<E: From<StoreError>>(
    transaction: &mut ChangeTransaction,
    type_id: Uuid,
    at: Timestamp,
    reworking: Option<&mut Reworking<'_, E>>,
) -> Result<(), E> {
    sqlx::query("UPDATE connector SET revision = revision + 1 WHERE type_id = $1")
        .bind(type_id.to_string())
        .execute(&mut **transaction)
        .await
        .map_err(StoreError::from)?;
    let Some(reworking) = reworking else { return Ok(()) };
    let mut after = None;
    loop {
        let batch = read(transaction, type_id, after).await?;
        let Some(last) = batch.last() else { return Ok(()) };
        after = Some(last.id);
        for stored in batch {
            let before = stored.clone();
            if let Some(rework) = reworking(stored)? {
                let subject = Subject::Connector { id: before.id, name: before.name.clone() };
                let id = before.id;
                let (before, after) = State::of_rework(before, &rework);
                transaction.trail(NewEntry::of(&subject, Action::Changed, Detail::changed(before, after)));
                let actor = transaction.author().actor.clone();
                write(transaction, id, rework, at, &actor).await?;
            }
        }
    }
}

async fn read(
    connection: &mut DatabaseConnection,
    type_id: Uuid,
    after: Option<Uuid>,
) -> Result<Vec<StoredConfig>, StoreError> {
    let mut statement =
        Statement::new("SELECT id, name, config, execution_model, endpoint_url FROM connector WHERE type_id = ");
    statement.bind(type_id.to_string());
    if let Some(id) = after {
        statement.push(" AND id > ").bind(id.to_string());
    }
    statement.push(" ORDER BY id LIMIT ").bind(i64::from(BATCH));
    let rows = statement.query().fetch_all(&mut *connection).await?;
    let mut configs = Vec::with_capacity(rows.len());
    for row in &rows {
        let row = Reader::new(row, "connector");
        configs.push(StoredConfig {
            id: row.id("id")?,
            name: row.text("name")?,
            execution_model: row.optional_word("execution_model")?,
            endpoint_url: row.value("endpoint_url")?,
            config: row.json("config")?,
            secrets: Vec::new(),
        });
    }
    let ids: Vec<Uuid> = configs.iter().map(|stored| stored.id).collect();
    let mut sealed = secrets::sealed_of(connection, &ids).await?;
    for stored in &mut configs {
        stored.secrets = sealed.remove(&stored.id).unwrap_or_default();
    }
    Ok(configs)
}

async fn write(
    connection: &mut DatabaseConnection,
    id: Uuid,
    rework: Rework,
    at: Timestamp,
    by: &Actor,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE connector SET config = $1, updated_at = $2, updated_by_token = $4, updated_by_name = $5 WHERE id = $3",
    )
    .bind(json(&rework.config))
    .bind(at.as_millisecond())
    .bind(id.to_string())
    .bind(actor::token_text(by))
    .bind(by.name.as_str())
    .execute(&mut *connection)
    .await?;
    secrets::change(connection, id, rework.secrets, at).await
}
