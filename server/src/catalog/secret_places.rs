//! Where the secrets of a connector go now: the one answer that every write is judged by. It is computed before and
//! after the write, of a connector or of its type, and a difference means that the owner of the secrets has not seen
//! where they would go. Then the stored secrets are cleared, unless they are sent again (docs/security.md#destinations).

use std::collections::BTreeSet;

use connector_runtime::schema::ConfigSchema;
use connector_runtime::schema::destination::{Destinations, origin};
use serde_json::{Map, Value};

use crate::store::{ExecutionModel, SIGNING_SECRET};

/// What serves a connector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Served<'s> {
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// The endpoint of an external connector: its own, else its type's.
    pub endpoint_url: Option<&'s str>,
    /// Its name: an agent serves connectors by name.
    pub name: &'s str,
}

/// The places that have the secrets of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SecretPlaces {
    /// The destinations that its config names.
    connection: Destinations,
    receiver: Receiver,
}

/// Who gets the whole config with every call.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Receiver {
    /// This server runs the commands.
    Server,
    /// The service at an origin.
    Service(String),
    /// The agent that serves the connectors of a name.
    Agent(String),
}

impl SecretPlaces {
    /// Finds the places. `values` is the whole config, with secrets opened, as the schema's defaults complete it.
    pub(super) fn of(served: Served<'_>, schema: &ConfigSchema, values: &Map<String, Value>) -> Self {
        let receiver = match (served.execution_model, served.endpoint_url) {
            (ExecutionModel::External, Some(url)) => Receiver::Service(origin(&Value::from(url))),
            (ExecutionModel::External, None) => Receiver::Agent(served.name.to_owned()),
            _ => Receiver::Server,
        };
        Self { connection: Destinations::of(schema, values), receiver }
    }

    /// Returns which of the `stored` secrets a write clears that leads to the places `after`.
    pub(super) fn cleared<'n>(&self, after: &Self, stored: impl IntoIterator<Item = &'n str>) -> BTreeSet<String> {
        if self == after {
            return BTreeSet::new();
        }
        // A signing secret belongs to the receiver, and goes with it alone.
        let moves = |name: &str| name != SIGNING_SECRET || self.receiver != after.receiver;
        stored.into_iter().filter(|name| moves(name)).map(str::to_owned).collect()
    }
}

/// A connector as a change would leave it, without its secrets.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'p> {
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Its endpoint, or its type's.
    pub endpoint_url: Option<&'p str>,
    /// Its name.
    pub name: &'p str,
    /// The config schema of its type.
    pub config_schema: &'p Value,
    /// Its config without secrets.
    pub config: &'p Map<String, Value>,
}

/// Predicts which of the `stored` secrets a change clears. The server decides when the change is made; secrets that are
/// addresses themselves are not known here.
pub fn would_clear<'n>(
    before: &Planned<'_>,
    after: &Planned<'_>,
    stored: impl IntoIterator<Item = &'n str>,
) -> Vec<String> {
    let places = |planned: &Planned<'_>| {
        let schema = ConfigSchema::parse(planned.config_schema).ok().filter(|schema| !schema.connection.is_empty());
        // The type `http` shows no fields; then the names of the values are what there is to go by.
        let schema = schema.unwrap_or_else(ConfigSchema::open);
        let Planned { execution_model, endpoint_url, name, .. } = *planned;
        SecretPlaces::of(Served { execution_model, endpoint_url, name }, &schema, planned.config)
    };
    // The signing secret is shown under its plain name, and stored under one that no field can have.
    let plain = SIGNING_SECRET.trim_start_matches('$');
    let stored = stored.into_iter().map(|name| if name == plain { SIGNING_SECRET } else { name });
    let cleared = places(before).cleared(&places(after), stored);
    cleared.into_iter().map(|name| name.trim_start_matches('$').to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn places(model: ExecutionModel, endpoint: Option<&str>, name: &str, config: &Value) -> SecretPlaces {
        let served = Served { execution_model: model, endpoint_url: endpoint, name };
        SecretPlaces::of(served, &ConfigSchema::open(), config.as_object().unwrap())
    }

    #[test]
    fn a_name_is_a_place_only_for_an_agent() {
        let of = |model, endpoint, name| places(model, endpoint, name, &json!({}));
        let stored = ["key", SIGNING_SECRET];
        let agent = of(ExecutionModel::External, None, "hr");
        assert_eq!(agent.cleared(&of(ExecutionModel::External, None, "hr"), stored).len(), 0);
        assert_eq!(agent.cleared(&of(ExecutionModel::External, None, "other"), stored).len(), 2);
        let service = of(ExecutionModel::External, Some("https://a.example/x"), "hr");
        assert_eq!(agent.cleared(&service, stored).len(), 2);
        let renamed = of(ExecutionModel::External, Some("https://a.example/y"), "other");
        assert_eq!(service.cleared(&renamed, stored).len(), 0);
        let script = of(ExecutionModel::Script, None, "hr");
        assert_eq!(script.cleared(&of(ExecutionModel::Script, None, "other"), stored).len(), 0);
    }

    #[test]
    fn a_signing_secret_stays_while_its_service_does() {
        let of = |config: Value| places(ExecutionModel::External, Some("https://a.example"), "hr", &config);
        let (before, after) = (of(json!({ "host": "a.example" })), of(json!({ "host": "b.example" })));
        assert_eq!(before.cleared(&after, ["key", SIGNING_SECRET]), BTreeSet::from(["key".to_owned()]));
        let none = of(json!({}));
        assert_eq!(none.cleared(&before, ["key"]).len(), 1, "a first place is a move");
    }
}
