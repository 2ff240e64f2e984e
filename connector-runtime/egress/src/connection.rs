//! The client of one connection: it knows the connection's secrets, and the origins that may have them.
//!
//! It is made once for a connection and cloned for its calls, so that a call pays for none of it. The code
//! that makes an `Invocation` makes its client here, so a connector cannot bypass the policy by skipping its
//! own URL check.

use std::sync::Arc;

use connector_schema::destination::{egress_fields, resolved_text};
use connector_schema::{ConfigSchema, Field};
use serde_json::{Map, Value};

use super::own_tls::GivenCertificate;
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
    ///
    /// A connection with `clientCertificate` and `clientKey` ([`has_client_certificate`]) has a pool of its own beside the
    /// shared one. It shows the certificate to those origins; where the code decides where secrets go, to those of all URL
    /// fields. Requests of such a client fail while the certificate cannot be used.
    ///
    /// [`has_client_certificate`]: connector_schema::has_client_certificate
    #[must_use]
    pub fn for_connection(
        &self,
        scope: EgressScope,
        schema: &ConfigSchema,
        values: &Map<String, Value>,
        redactor: &Arc<Redactor>,
    ) -> Self {
        self.of_connection(scope, schema, values, redactor, false)
    }

    /// Returns a client as [`Client::for_connection`] does, for code that gets the connection anew with each call. The pool
    /// of a certificate is kept for the next call with the same one: at most 32 of them, each for 5 minutes after its
    /// latest call. Access tokens are kept too, for calls with the same credentials.
    #[must_use]
    pub fn for_called_connection(
        &self,
        scope: EgressScope,
        schema: &ConfigSchema,
        values: &Map<String, Value>,
        redactor: &Arc<Redactor>,
    ) -> Self {
        self.of_connection(scope, schema, values, redactor, true)
    }

    fn of_connection(
        &self,
        scope: EgressScope,
        schema: &ConfigSchema,
        values: &Map<String, Value>,
        redactor: &Arc<Redactor>,
        is_kept: bool,
    ) -> Self {
        let places = |names: Vec<&str>| -> Vec<AllowedOrigin> {
            names.into_iter().map(|field| place(schema, values, field)).collect()
        };
        let named = origin_fields(scope, schema).map(places);
        let given = match &named {
            Some(named) => GivenCertificate::of(schema, values, named),
            None => GivenCertificate::of(schema, values, &places(url_fields(schema))),
        };
        let mut client =
            self.guarding(Arc::clone(redactor)).with_own_limits().naming(schema, values).showing(given, is_kept);
        if let Some(named) = named {
            client.scope = client.scope.with_allowed(named);
        }
        if is_kept {
            // A token is named by the credentials that it was got with: whoever has them may have it.
            client.tokens = Arc::clone(&self.tokens);
        }
        client
    }
}

/// Returns the origin that a field names.
fn place(schema: &ConfigSchema, values: &Map<String, Value>, field: &str) -> AllowedOrigin {
    let text = resolved_text(&schema.connection, values, field);
    // As the typed field reads it, and then as a request is judged.
    let url = text.and_then(|text| url::Url::parse(&text).ok()).and_then(|url| url.into_url().ok());
    AllowedOrigin { field: Some(field.to_owned()), origin: url.map(|url| url.origin()) }
}

/// Returns the fields that hold a URL.
fn url_fields(schema: &ConfigSchema) -> Vec<&str> {
    let urls = schema.connection.iter().filter(|(_, field)| field.format.as_deref() == Some("uri"));
    urls.map(|(name, _)| name.as_str()).collect()
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
