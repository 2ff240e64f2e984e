//! Seals and opens the values of connectors' secret fields: each ciphertext is bound to its connector and field.

use serde_json::{Map, Value};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::store::SealedSecret;
use crate::vault::{Place, Vault};

/// Seals the value of a connector's secret field.
///
/// # Errors
/// Internal if it cannot be sealed.
pub(crate) fn seal(vault: &Vault, connector: Uuid, field: &str, value: &Value) -> Result<SealedSecret, Error> {
    let row = connector.to_string();
    let text = Zeroizing::new(value.to_string());
    let ciphertext = vault.seal(&place(&row, field), text.as_bytes()).map_err(Error::internal)?;
    Ok(SealedSecret { field: field.to_owned(), ciphertext })
}

/// Opens the value of a connector's secret field.
///
/// # Errors
/// Internal if it cannot be opened.
pub(crate) fn open(vault: &Vault, connector: Uuid, sealed: &SealedSecret) -> Result<Value, Error> {
    let row = connector.to_string();
    let text = vault.open(&place(&row, &sealed.field), &sealed.ciphertext).map_err(Error::internal)?;
    serde_json::from_slice(&text)
        .map_err(|_| Error::internal(format!("the secret {} of connector {connector} is damaged", sealed.field)))
}

/// Opens the values of a connector's secret fields, by field.
///
/// # Errors
/// Internal if one cannot be opened.
pub(crate) fn open_all(vault: &Vault, connector: Uuid, sealed: &[SealedSecret]) -> Result<Map<String, Value>, Error> {
    sealed.iter().map(|sealed| Ok((sealed.field.clone(), open(vault, connector, sealed)?))).collect()
}

fn place<'p>(row: &'p str, field: &'p str) -> Place<'p> {
    Place { table: "connector_secret", row, field }
}
