//! The connectors that a caller reaches, as the check of a run asks for them.

use std::collections::HashMap;

use connector_flow::check::{Connector, Known, State};
use connector_runtime::schema::Fields;

use super::named::NamedConnector;

/// The connectors that the steps of one run name, and the names of others for suggestions.
#[derive(Debug)]
pub(crate) struct Reached<'k> {
    by_name: &'k HashMap<String, NamedConnector>,
    others: Vec<String>,
}

impl<'k> Reached<'k> {
    pub(crate) fn new(by_name: &'k HashMap<String, NamedConnector>, others: Vec<String>) -> Self {
        Self { by_name, others }
    }
}

impl Known for Reached<'_> {
    fn connector(&self, name: &str) -> Option<Connector<'_>> {
        let found = self.by_name.get(name)?;
        let state = match (found.enabled, found.ready) {
            (false, _) => State::Disabled,
            (true, false) => State::NotReady,
            (true, true) => State::Ready,
        };
        Some(Connector { schema: &found.schema, built_in: found.is_built_in, state })
    }

    fn connector_names(&self) -> Vec<&str> {
        self.by_name.keys().chain(&self.others).map(String::as_str).collect()
    }

    fn variables(&self, connector: &str, command: &str) -> Option<&Fields> {
        self.connector(connector)?.variables(command)
    }
}
