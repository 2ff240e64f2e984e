//! The client of one connection: it knows the connection's secrets, and the origins that may have them.
//!
//! It is made once for a connection and cloned for its calls, so that a call pays for none of it. The code
//! that makes an `Invocation` makes its client here, so a connector cannot bypass the policy by skipping its
//! own URL check.

use std::sync::Arc;

use connector_schema::destination::{egress_fields, resolved_text};
use connector_schema::{ConfigSchema, Field};
use serde_json::{Map, Value};

use super::scope::AllowedOrigin;
use super::{Client, IntoUrl};
use crate::redact::Redactor;

/// Where the requests of a connection that carry secrets may go. Requests without secrets may go anywhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EgressScope {
    /// To the origins that the schema's `egress` names; without that to the origin of the connection's one URL field
    /// ([`egress_fields`]). With no such field, or with several, nowhere, unless the connection has no secret field:
    /// then there is nothing to keep, and the code decides.
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
    /// It recognises the secrets of `redactor`, as [`Client::guarding`] does, and sends secrets only to the origins that
    /// `scope` selects in `values` (defaults count, and variables of URL templates are filled in), as [`Client::scoped`]
    /// does. A field that is not set, or whose URL may not be called, selects no origin: without another field, no
    /// secret is sent.
    #[must_use]
    pub fn for_connection(
        &self,
        scope: EgressScope,
        schema: &ConfigSchema,
        values: &Map<String, Value>,
        redactor: &Arc<Redactor>,
    ) -> Self {
        let mut client = self.guarding(Arc::clone(redactor)).with_own_limits();
        let Some(named) = origin_fields(scope, schema) else { return client };
        let place = |field: &str| {
            let text = resolved_text(&schema.connection, values, field);
            // As the typed field reads it, and then as a request is judged.
            let url = text.and_then(|text| url::Url::parse(&text).ok()).and_then(|url| url.into_url().ok());
            AllowedOrigin { field: Some(field.to_owned()), origin: url.map(|url| url.origin()) }
        };
        client.scope = client.scope.with_allowed(named.into_iter().map(place).collect());
        client
    }
}

/// Returns the fields whose origins may have secrets; `None` if the code decides.
fn origin_fields(scope: EgressScope, schema: &ConfigSchema) -> Option<Vec<&str>> {
    match scope {
        EgressScope::Anywhere => None,
        EgressScope::Fields(names) => Some(names.to_vec()),
        EgressScope::Inferred => {
            let named = egress_fields(schema.egress.as_deref(), &schema.connection);
            let has_secrets = || schema.connection.values().any(Field::holds_secret);
            (!named.is_empty() || schema.egress.is_some() || has_secrets()).then_some(named)
        }
    }
}
