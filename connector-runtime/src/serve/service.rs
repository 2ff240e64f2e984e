//! What a service serves, with its limits: the connector types, the signing secret, the way out.

use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use axum::Router;
use tokio::sync::Semaphore;

use super::nonces::Nonces;
use super::problem::RequestProblem;
use super::{listen, routes};
use crate::Secret;
use crate::descriptor::Descriptor;
use crate::egress::Client;
use crate::protocol::AcceptedSignatures;
use crate::registry::{Entry, Registry};

/// The most calls that run at the same time; further ones are refused with 503.
pub(super) const MAX_CALLS: usize = 256;

/// The connectors that a service serves, and how. [`Service::router`] makes the router.
pub struct Service {
    pub(super) registry: Registry,
    pub(super) http: Client,
    pub(super) secret: Option<Secret>,
    pub(super) accepted: AcceptedSignatures,
    pub(super) nonces: Nonces,
    pub(super) calls: Semaphore,
}

impl Service {
    /// Serves the types of a registry. Calls need no signature, and handlers reach public destinations only.
    pub fn new(registry: Registry) -> Self {
        Self {
            registry,
            http: Client::default(),
            secret: None,
            accepted: AcceptedSignatures::V2,
            nonces: Nonces::default(),
            calls: Semaphore::new(MAX_CALLS),
        }
    }

    /// Refuses calls that are not signed with this secret, and those whose signature was used before.
    #[must_use]
    pub fn signed_with(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Accepts signatures of version 1 too, from servers of an earlier release and through proxies that change the path. A
    /// recorded request can then be sent again for five minutes.
    #[must_use]
    pub fn accepting_v1_signatures(mut self) -> Self {
        self.accepted = AcceptedSignatures::V1AndV2;
        self
    }

    /// Sends the requests of handlers through this client, which holds the operator's policy.
    #[must_use]
    pub fn through(mut self, http: Client) -> Self {
        self.http = http;
        self
    }

    /// Returns the router. It may be nested into another one.
    pub fn router(self) -> Router {
        routes::router(Arc::new(self))
    }

    /// Returns a type by name.
    pub(super) fn entry(&self, name: &str) -> Result<&Entry, RequestProblem> {
        self.registry.get(name).ok_or_else(|| {
            RequestProblem::not_found(format!("this service has no connector type {name}; it has {}", self.types()))
        })
    }

    /// Returns the only type; a service with several types has none at the root.
    pub(super) fn only(&self) -> Result<&Entry, RequestProblem> {
        let mut entries = self.registry.iter();
        match (entries.next(), entries.next()) {
            (Some(entry), None) => Ok(entry),
            _ => Err(RequestProblem::not_found(format!(
                "this service has several connector types ({}); add the name of one to the endpoint's URL: \
                 /<type>/execute",
                self.types()
            ))),
        }
    }

    /// Returns the names of the types, separated by commas.
    pub(super) fn types(&self) -> String {
        self.registry.names().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("types", &self.types())
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

/// Serves the types of a registry. Calls need no signature, and handlers reach public destinations only.
pub fn router(registry: Registry) -> Router {
    Service::new(registry).router()
}

/// Serves every connector that is linked into the program, with the settings of the environment
/// ([`Settings::read`](super::Settings::read)), until it is asked to stop. This is the whole `main` of a service.
///
/// A crate that is only listed as a dependency is not linked: name an item of it first, or use
/// [`main_of`].
pub fn main() -> ExitCode {
    listen::main_with(Registry::collect())
}

/// Serves these connectors like [`main`]: `main_of([Widget::DESCRIPTOR])`.
pub fn main_of(descriptors: impl IntoIterator<Item = &'static Descriptor>) -> ExitCode {
    listen::main_with(Registry::of(descriptors))
}
