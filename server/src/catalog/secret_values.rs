//! Which values of a new connector are secrets, before it is made.

use floh_client::bodies::NewConnector;

use super::create::parse_schema;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::store::StoreError;
use crate::type_schema::type_schema;

/// Returns the names of the fields in the config of a new connector that are secrets of its type. Everything is one where the type has
/// no schema.
///
/// # Errors
/// Denied; database errors.
pub async fn secrets_in(ctx: &OpContext, services: &Services, new: &NewConnector) -> Result<Vec<String>, Error> {
    ctx.authorize(Scope::ConnectorsWrite)?;
    let Some(config) = new.config.clone().filter(|config| !config.is_empty()) else { return Ok(Vec::new()) };
    let row = match services.store.types().get(&new.type_name).await {
        Ok(row) if row.name == new.type_name => Some(row),
        Ok(_) | Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    let (registry, sent) = (services.registry.clone(), new.config_schema.clone());
    blocking::run(move || {
        let schema = match (row, sent) {
            (Some(row), _) => type_schema(&registry, &row)?,
            // What is wrong with it is told by the creation.
            (None, Some(sent)) => parse_schema(&sent).unwrap_or_default().into(),
            (None, None) => return Ok(Vec::new()),
        };
        let is_secret = |name: &String| match schema.connection.get(name) {
            Some(field) => field.holds_secret(),
            None => schema.open,
        };
        Ok(config
            .into_iter()
            .filter(|(name, value)| !value.is_null() && is_secret(name))
            .map(|(name, _)| name)
            .collect())
    })
    .await
}
