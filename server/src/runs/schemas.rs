//! Whether the connectors of a run still are what its steps were checked against.

use std::collections::BTreeMap;

use connector_flow::check::{self, Inputs, Item};
use connector_flow::definition::Flow;
use serde_json::{Map, Value};

use super::connectors_of;
use crate::auth::OpContext;
use crate::catalog::{self, Reached};
use crate::error::{Error, ErrorKind};
use crate::execute::find_step_command;
use crate::services::Services;

async fn version_of(services: &Services, connector: &str) -> Result<Option<String>, Error> {
    match find_step_command(services, connector, None, true).await {
        Ok(found) => Ok(Some(format!("{} {}", found.type_name, found.type_version))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns whether connectors have the types and versions that were checked.
///
/// # Errors
/// Database errors.
pub(super) async fn are_as_checked(services: &Services, checked: &BTreeMap<String, String>) -> Result<bool, Error> {
    for (connector, version) in checked {
        if version_of(services, connector).await?.as_ref() != Some(version) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Checks the steps of a run from a position on; returns the first error.
///
/// # Errors
/// Unavailable if there is no memory for the schemas; database errors.
pub(super) async fn first_error(
    services: &Services,
    flow: &Flow,
    variables: &Map<String, Value>,
    position: usize,
) -> Result<Option<(usize, Item)>, Error> {
    let names = connectors_of(flow);
    let known = catalog::named(&OpContext::system(), services, &names).await?;
    let reached = Reached::new(&known.by_name, Vec::new());
    let checked = check::check(flow, &Inputs::Given(variables), &reached);
    Ok(checked.errors.into_iter().find_map(|item| {
        let step = item.pointer.strip_prefix("/steps/")?.split('/').next()?.parse::<usize>().ok()?;
        (step >= position).then_some((step, item))
    }))
}
