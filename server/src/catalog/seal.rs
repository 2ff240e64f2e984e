//! Seals stored values by the types that are compiled in now: the value of a field that a newer release made a secret
//! moves into the vault at the start, before anything is shown or executed.

use connector_runtime::schema::Fields;

use super::config_migration::{MigratedConfig, take_secrets};
use crate::connector_secrets;
use crate::error::Error;
use crate::services::Services;
use crate::store::{ConnectorType, PageRequest, Rework, SecretChanges, StoreError, StoredConfig, TypeSource};
use crate::type_schema::type_schema;

/// Why stored values could not be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A value cannot be sealed, or a type cannot be read.
    #[error("connector type {0}: what its connectors have stored cannot be sealed; the log says why")]
    Type(String),
}

/// Seals stored plain values of connectors of compiled types whose fields are secrets. Doing it twice changes nothing.
///
/// # Errors
/// Database errors and errors of the vault.
pub async fn seal_stored(services: &Services) -> Result<(), SealError> {
    let mut page = PageRequest { limit: PageRequest::MAX, cursor: None };
    loop {
        let types = services.store.types().list(&page).await?;
        for row in types.items.iter().filter(|row| row.source == TypeSource::Code && row.instances > 0) {
            seal_type(services, row).await?;
        }
        page.cursor = types.next_cursor;
        if page.cursor.is_none() {
            return Ok(());
        }
    }
}

async fn seal_type(services: &Services, row: &ConnectorType) -> Result<(), SealError> {
    let failed = |_: Error| SealError::Type(row.name.clone());
    let schema = type_schema(&services.registry, row).map_err(failed)?;
    let fields = &schema.connection;
    let mut after = None;
    let found = loop {
        let batch = services.store.connectors().configs(row.id, after).await?;
        let Some(last) = batch.last() else { break false };
        after = Some(last.id);
        if batch.iter().any(|stored| split(fields, stored).is_some()) {
            break true;
        }
    };
    if !found {
        return Ok(());
    }
    let mut sealed = 0_usize;
    let mut reworking = |stored: StoredConfig| -> Result<Option<Rework>, SealError> {
        let Some(MigratedConfig { config, seal, .. }) = split(fields, &stored) else { return Ok(None) };
        let put = seal.iter().map(|(field, value)| connector_secrets::seal(&services.vault, stored.id, field, value));
        let put = put.collect::<Result<_, _>>().map_err(failed)?;
        sealed += 1;
        Ok(Some(Rework { config, secrets: SecretChanges { put, remove: Vec::new() } }))
    };
    services.store.connectors().rework(row.id, &mut reworking).await?;
    tracing::warn!(
        event = "connector_values_sealed",
        name = row.name,
        connectors = sealed,
        "fields that this release holds as secrets were stored in the clear; they are sealed now"
    );
    Ok(())
}

/// Splits the secrets off a config; `None` if there are none.
fn split(fields: &Fields, stored: &StoredConfig) -> Option<MigratedConfig> {
    let secret = fields.iter().filter(|(_, field)| field.holds_secret()).map(|(name, _)| name.as_str());
    let mut config = stored.config.clone();
    let seal = take_secrets(&mut config, secret);
    (config.len() != stored.config.len()).then_some(MigratedConfig { config, seal, clear: Vec::new() })
}
