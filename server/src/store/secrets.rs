//! Sealed secrets of connectors: ciphertexts of [`crate::vault`], one row per field.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::connection::DatabaseConnection;
use super::sql::{Reader, Statement, now};
use super::{Connectors, StoreError};

/// The field name under which the signing secret of an external connector is kept. No config field can have
/// it: names of fields do not begin with `$`.
pub const SIGNING_SECRET: &str = "$signingSecret";

/// The field name under which the server keeps what it got for a connector's refresh token. It belongs to the value of
/// [`REFRESH_TOKEN`], goes with it, and is no secret of the config: nothing but its own reader sees it.
pub const REFRESHED: &str = "$refreshed";

/// The config field that holds a refresh token.
pub const REFRESH_TOKEN: &str = "refreshToken";

/// One secret field as it is stored. `Debug` shows the field alone.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedSecret {
    /// The config field, or [`SIGNING_SECRET`].
    pub field: String,
    /// The ciphertext from the vault, for table `connector_secret`, row = connector id, field = this field.
    pub ciphertext: String,
}

impl std::fmt::Debug for SealedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedSecret").field("field", &self.field).finish_non_exhaustive()
    }
}

/// The changes that an update makes to a connector's secrets; fields that it does not name are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretChanges {
    /// Secrets to add or replace.
    pub put: Vec<SealedSecret>,
    /// Fields whose secret is removed.
    pub remove: Vec<String>,
}

pub(super) async fn change(
    connection: &mut DatabaseConnection,
    connector: Uuid,
    mut changes: SecretChanges,
    at: Timestamp,
) -> Result<(), StoreError> {
    let is_refresh_token = |field: &str| field == REFRESH_TOKEN;
    if changes.remove.iter().any(|field| is_refresh_token(field))
        || changes.put.iter().any(|secret| is_refresh_token(&secret.field))
    {
        changes.remove.push(REFRESHED.to_owned());
    }
    if !changes.remove.is_empty() {
        let mut statement = Statement::new("DELETE FROM connector_secret WHERE connector_id = ");
        statement.bind(connector.to_string()).push(" AND field IN (").list(changes.remove).push(")");
        statement.query().execute(&mut *connection).await?;
    }
    // The last of two values for one field wins; PostgreSQL refuses to write a row twice in one statement.
    let put: BTreeMap<String, String> =
        changes.put.into_iter().map(|secret| (secret.field, secret.ciphertext)).collect();
    if !put.is_empty() {
        let mut statement =
            Statement::new("INSERT INTO connector_secret (connector_id, field, ciphertext, updated_at) VALUES ");
        statement.rows(put, |columns, (field, ciphertext)| {
            columns.bind(connector.to_string()).bind(field).bind(ciphertext).bind(at.as_millisecond());
        });
        statement.push(
            " ON CONFLICT (connector_id, field) DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = excluded.updated_at",
        );
        statement.query().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Reads which secrets connectors have, and when each was last written.
pub(super) async fn dates(
    connection: &mut DatabaseConnection,
    connectors: &[Uuid],
) -> Result<BTreeMap<Uuid, BTreeMap<String, Timestamp>>, StoreError> {
    let mut found: BTreeMap<Uuid, BTreeMap<String, Timestamp>> = BTreeMap::new();
    if connectors.is_empty() {
        return Ok(found);
    }
    let mut statement =
        Statement::new("SELECT connector_id, field, updated_at FROM connector_secret WHERE connector_id IN (");
    statement.list(connectors.iter().map(Uuid::to_string)).push(") AND field <> ").bind(REFRESHED);
    for row in statement.query().fetch_all(connection).await? {
        let row = Reader::new(&row, "connector_secret");
        found.entry(row.id("connector_id")?).or_default().insert(row.text("field")?, row.time("updated_at")?);
    }
    Ok(found)
}

/// Reads the sealed secrets of connectors.
pub(super) async fn sealed_of(
    connection: &mut DatabaseConnection,
    connectors: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<SealedSecret>>, StoreError> {
    let mut found: BTreeMap<Uuid, Vec<SealedSecret>> = BTreeMap::new();
    if connectors.is_empty() {
        return Ok(found);
    }
    let mut statement =
        Statement::new("SELECT connector_id, field, ciphertext FROM connector_secret WHERE connector_id IN (");
    statement.list(connectors.iter().map(Uuid::to_string)).push(") AND field <> ").bind(REFRESHED);
    statement.push(" ORDER BY field");
    for row in statement.query().fetch_all(connection).await? {
        let row = Reader::new(&row, "connector_secret");
        let sealed = SealedSecret { field: row.text("field")?, ciphertext: row.text("ciphertext")? };
        found.entry(row.id("connector_id")?).or_default().push(sealed);
    }
    Ok(found)
}

pub(super) async fn sealed(
    connection: &mut DatabaseConnection,
    connector: Uuid,
) -> Result<Vec<SealedSecret>, StoreError> {
    Ok(sealed_of(connection, &[connector]).await?.remove(&connector).unwrap_or_default())
}

impl Connectors<'_> {
    /// Reads what was got for a connector's refresh token, sealed.
    ///
    /// # Errors
    /// Database errors.
    pub async fn refreshed(&self, connector: Uuid) -> Result<Option<SealedSecret>, StoreError> {
        let row = sqlx::query("SELECT ciphertext FROM connector_secret WHERE connector_id = $1 AND field = $2")
            .bind(connector.to_string())
            .bind(REFRESHED)
            .fetch_optional(&self.store.read)
            .await?;
        row.map(|row| {
            let ciphertext = Reader::new(&row, "connector_secret").text("ciphertext")?;
            Ok(SealedSecret { field: REFRESHED.to_owned(), ciphertext })
        })
        .transpose()
    }

    /// Writes what was got for a connector's refresh token. Returns false, and writes nothing, if the connector has no
    /// refresh token any more. It is no change of the connector: its revision stays, and nobody is told.
    ///
    /// # Errors
    /// Database errors.
    pub async fn keep_refreshed(&self, connector: Uuid, ciphertext: String) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let belongs = sqlx::query("SELECT field FROM connector_secret WHERE connector_id = $1 AND field = $2")
            .bind(connector.to_string())
            .bind(REFRESH_TOKEN)
            .fetch_optional(&mut *transaction)
            .await?;
        if belongs.is_none() {
            return Ok(false);
        }
        let secret = SealedSecret { field: REFRESHED.to_owned(), ciphertext };
        change(&mut transaction, connector, SecretChanges { put: vec![secret], remove: Vec::new() }, now()).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
