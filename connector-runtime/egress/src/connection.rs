//! The client of one connection: it knows the connection's secrets, and where they may go.
//!
//! Made once for a connection and cloned for its calls, so that a call pays for none of it. Whoever makes
//! an `Invocation` makes its client here; a handler can forget to look at a
//! URL, but not to be looked after.

use serde_json::{Map, Value};

use super::scope::Place;
use super::{Client, IntoUrl};
use crate::Secret;
use connector_schema::{FieldValues, Fields};

/// Where the requests of a connection that carry secrets may go. What carries none is free to go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EgressScope {
    /// Nothing is declared: to the connection's one field of format `uri`. With none of them, or with
    /// several, the destination is left to the code.
    #[default]
    Inferred,
    /// To the origins (scheme, host, port) of these connection fields, by wire name.
    Fields(&'static [&'static str]),
    /// Wherever the code sends them.
    Anywhere,
}

impl Client {
    /// Returns a client over the same pool for one connection.
    ///
    /// It watches for `secrets`, as [`Client::watching`] does, and sends what is secret to the origins that
    /// `scope` means in `values` (defaults count) alone, as [`Client::scoped`] does. A field that is not set,
    /// or whose URL is none that may be called, names no origin: with no other field, nothing secret leaves.
    #[must_use]
    pub fn for_connection(
        &self,
        scope: EgressScope,
        fields: &Fields,
        values: &Map<String, Value>,
        secrets: impl IntoIterator<Item = Secret>,
    ) -> Self {
        let mut client = self.watching(secrets);
        let Some(named) = origin_fields(scope, fields) else { return client };
        let given = FieldValues::new(fields, values);
        let place = |field: &str| {
            let text = given.get(field).and_then(Value::as_str);
            // As the typed field reads it, and then as a request is judged.
            let url = text.and_then(|text| url::Url::parse(text).ok()).and_then(|url| url.into_url().ok());
            Place { field: Some(field.to_owned()), origin: url.map(|url| url.origin()) }
        };
        client.scope = client.scope.with_places(named.into_iter().map(place).collect());
        client
    }
}

/// Returns the fields whose origins may have secrets; `None` where the code decides.
fn origin_fields(scope: EgressScope, fields: &Fields) -> Option<Vec<&str>> {
    match scope {
        EgressScope::Anywhere => None,
        EgressScope::Fields(names) => Some(names.to_vec()),
        EgressScope::Inferred => {
            let mut urls = fields.iter().filter(|(_, field)| field.format.as_deref() == Some("uri"));
            match (urls.next(), urls.next()) {
                (Some((name, _)), None) => Some(vec![name]),
                _ => None,
            }
        }
    }
}
