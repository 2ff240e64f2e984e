//! The connections of one connector that has a certificate of its own: where it is shown, and the pool that shows it.
//!
//! A request goes through this pool only if its URL is of an origin of the connection; every other one, after a redirect
//! too, goes through the shared pool, which has no certificate to show. Nobody else uses this pool: a connection that was
//! opened with a certificate carries the rights of its owner.

use std::fmt;
use std::time::Duration;

use connector_schema::{CLIENT_CERTIFICATE, CLIENT_KEY, ConfigSchema, FieldValues, has_client_certificate};
use parking_lot::Mutex;
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::time::Instant;
use url::{Origin, Url};

use super::client::HttpEngine;
use super::scope::AllowedOrigin;
use super::{ClientCertificate, ClientCertificateError, EgressError};
use crate::Secret;

/// The most certificates that a client keeps for code that gets its connection anew with each call.
pub(super) const MAX_KEPT: usize = 32;
/// How long one of them is kept after its latest call.
pub(super) const MAX_IDLE: Duration = Duration::from_secs(300);

/// The fields of a connection that make a certificate, as they were given.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct GivenCertificate {
    certificate: String,
    key: Secret,
    /// Where it may be shown, and which fields say so.
    places: Vec<(Option<String>, Option<Origin>)>,
}

impl GivenCertificate {
    /// Takes the fields of a connection; `None` if it has no certificate. Defaults count.
    pub(super) fn of(schema: &ConfigSchema, values: &Map<String, Value>, places: &[AllowedOrigin]) -> Option<Self> {
        if !has_client_certificate(&schema.connection) {
            return None;
        }
        let given = FieldValues::new(&schema.connection, values);
        let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
        let (certificate, key) = (text(CLIENT_CERTIFICATE), text(CLIENT_KEY));
        let places = places.iter().map(|place| (place.field.clone(), place.origin.clone())).collect();
        let given = Self { certificate: certificate.to_owned(), key: Secret::new(key), places };
        (!certificate.is_empty() || !key.is_empty()).then_some(given)
    }

    /// Reads the certificate and finds where it is shown.
    fn read(&self) -> Result<ClientCertificate, ClientCertificateError> {
        let refuse = |field, why: String| Err(ClientCertificateError { field, why });
        if self.key.is_empty() {
            return refuse(CLIENT_KEY, format!("it is not set, and {CLIENT_CERTIFICATE} is; send the key again"));
        }
        if self.certificate.is_empty() {
            return refuse(CLIENT_CERTIFICATE, format!("it is not set, and {CLIENT_KEY} is; send the certificate"));
        }
        let read = ClientCertificate::read(&self.certificate, &self.key)?;
        if self.origins().next().is_none() {
            let fields: Vec<&str> = self.places.iter().filter_map(|(field, _)| field.as_deref()).collect();
            let mend = if fields.is_empty() {
                "the type names no place for it: its author declares one with a connection field that holds a URL, and, if \
                 there are several, with `egress`"
                    .to_owned()
            } else {
                format!("set {} to an https URL", fields.join(" or "))
            };
            return refuse(
                CLIENT_CERTIFICATE,
                format!("there is nowhere to show it to, as that takes an https URL; {mend}"),
            );
        }
        Ok(read)
    }

    /// The origins that see it: those that speak TLS.
    fn origins(&self) -> impl Iterator<Item = &Origin> {
        let origins = self.places.iter().filter_map(|(_, origin)| origin.as_ref());
        origins.filter(|origin| matches!(origin, Origin::Tuple(scheme, ..) if scheme == "https"))
    }
}

/// A pool whose connections show a certificate.
pub(super) struct OwnTls {
    given: GivenCertificate,
    engine: Result<HttpEngine, ClientCertificateError>,
}

impl OwnTls {
    pub(super) fn new(given: GivenCertificate, engine: impl FnOnce(&ClientCertificate) -> HttpEngine) -> Self {
        let engine = given.read().map(|certificate| engine(&certificate));
        Self { given, engine }
    }

    /// Returns the pool for a URL; `None` if the certificate is not shown there.
    pub(super) fn engine_for(&self, url: &Url) -> Option<&HttpEngine> {
        let origin = url.origin();
        let engine = self.engine.as_ref().ok()?;
        self.given.origins().any(|own| *own == origin).then_some(engine)
    }

    /// Fails if the certificate cannot be used: without it a call is not what its owner wanted, wherever it goes.
    pub(super) fn check(&self) -> Result<(), EgressError> {
        let error = self.engine.as_ref().err();
        error.map_or(Ok(()), |error| Err(EgressError::Certificate { field: error.field, why: error.why.clone() }))
    }

    /// Prints where the certificate is shown.
    pub(super) fn shown_to(&self) -> String {
        self.given.origins().map(Origin::ascii_serialization).collect::<Vec<_>>().join(" or ")
    }
}

impl fmt::Debug for OwnTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnTls").field("shown_to", &self.shown_to()).finish_non_exhaustive()
    }
}

/// The pools of connections that come anew with each call, as to a service or an agent: each is made at its first call
/// and serves the next ones.
#[derive(Default)]
pub(super) struct KeptPools(Mutex<Vec<(Instant, Arc<OwnTls>)>>);

impl KeptPools {
    /// Returns the pool of a certificate: the one of an earlier call, else a new one.
    pub(super) fn get(&self, given: GivenCertificate, make: impl FnOnce(GivenCertificate) -> OwnTls) -> Arc<OwnTls> {
        let now = Instant::now();
        let mut kept = self.0.lock();
        kept.retain(|(used, _)| now.duration_since(*used) < MAX_IDLE);
        let known = kept.iter().position(|(_, own)| own.given == given);
        let own = match known {
            Some(index) => kept.remove(index).1,
            None => Arc::new(make(given)),
        };
        // The latest comes first; the one that was not used for the longest time goes.
        kept.truncate(MAX_KEPT - 1);
        kept.insert(0, (now, Arc::clone(&own)));
        own
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.lock().len()
    }
}
