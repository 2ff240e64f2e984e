//! Sealed secrets of connectors: ciphertexts of [`crate::vault`], one row per field.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::StoreError;
use super::sql::{Reader, Statement};

/// The field name under which the signing secret of an external connector is kept. No config field can have
/// it: names of fields do not begin with `$`.
pub const SIGNING_SECRET: &str = "$signingSecret";

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
    connection: &mut AnyConnection,
    connector: Uuid,
    changes: SecretChanges,
    at: Timestamp,
) -> Result<(), StoreError> {
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
    connection: &mut AnyConnection,
    connectors: &[Uuid],
) -> Result<BTreeMap<Uuid, BTreeMap<String, Timestamp>>, StoreError> {
    let mut found: BTreeMap<Uuid, BTreeMap<String, Timestamp>> = BTreeMap::new();
    if connectors.is_empty() {
        return Ok(found);
    }
    let mut statement =
        Statement::new("SELECT connector_id, field, updated_at FROM connector_secret WHERE connector_id IN (");
    statement.list(connectors.iter().map(Uuid::to_string)).push(")");
    for row in statement.query().fetch_all(connection).await? {
        let row = Reader::new(&row, "connector_secret");
        found.entry(row.id("connector_id")?).or_default().insert(row.text("field")?, row.time("updated_at")?);
    }
    Ok(found)
}

/// Reads the sealed secrets of connectors.
pub(super) async fn sealed_of(
    connection: &mut AnyConnection,
    connectors: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<SealedSecret>>, StoreError> {
    let mut found: BTreeMap<Uuid, Vec<SealedSecret>> = BTreeMap::new();
    if connectors.is_empty() {
        return Ok(found);
    }
    let mut statement =
        Statement::new("SELECT connector_id, field, ciphertext FROM connector_secret WHERE connector_id IN (");
    statement.list(connectors.iter().map(Uuid::to_string)).push(") ORDER BY field");
    for row in statement.query().fetch_all(connection).await? {
        let row = Reader::new(&row, "connector_secret");
        let sealed = SealedSecret { field: row.text("field")?, ciphertext: row.text("ciphertext")? };
        found.entry(row.id("connector_id")?).or_default().push(sealed);
    }
    Ok(found)
}

pub(super) async fn sealed(connection: &mut AnyConnection, connector: Uuid) -> Result<Vec<SealedSecret>, StoreError> {
    let rows = sqlx::query("SELECT field, ciphertext FROM connector_secret WHERE connector_id = $1 ORDER BY field")
        .bind(connector.to_string())
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| {
            let row = Reader::new(row, "connector_secret");
            Ok(SealedSecret { field: row.text("field")?, ciphertext: row.text("ciphertext")? })
        })
        .collect()
}
