//! What is known of the services of connectors: the circuit, the schema, the health of each.
//!
//! A decrypted connector is dropped with each write to it and loaded again; what is known of its service is
//! kept here, by connector. A changed endpoint starts with fresh status.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::protocol::Fingerprint;
use jiff::Timestamp;
use tokio::time::Instant;
use url::Url;
use uuid::Uuid;

use super::breaker::{Breaker, CircuitState};
use super::schema_check::SchemaComparison;
use super::state::{ExternalState, Health};

/// What is known of the service behind one connector.
#[derive(Debug, Default)]
pub struct ServiceStatus {
    /// Keeps calls from a service that cannot be reached.
    pub breaker: Breaker,
    pub(super) fit: SchemaComparison,
    health: RwLock<Option<Health>>,
}

impl ServiceStatus {
    /// Returns the state of a connector's service; `expected` is the fingerprint of its type, if it has a schema.
    pub fn state(&self, expected: Option<&Fingerprint>) -> ExternalState {
        let health = self.health.read().clone();
        let mismatch = expected.and_then(|expected| self.fit.mismatch(expected));
        ExternalState { health, serves: self.fit.serves(), mismatch, ..ExternalState::of(&self.breaker) }
    }

    /// Keeps the outcome of a health check.
    pub(super) fn note_health(&self, outcome: Result<(), String>) {
        let health = Health { ok: outcome.is_ok(), error: outcome.err(), at: Timestamp::now() };
        *self.health.write() = Some(health);
    }
}

/// What is known of every service.
#[derive(Debug, Default)]
pub struct ServiceStatuses(Mutex<HashMap<Uuid, (Url, Arc<ServiceStatus>)>>);

impl ServiceStatuses {
    /// Returns the status of a connector's service at an endpoint.
    pub fn at(&self, connector: Uuid, endpoint: &Url) -> Arc<ServiceStatus> {
        let mut kept = self.0.lock();
        match kept.get(&connector) {
            Some((known, status)) if known == endpoint => Arc::clone(status),
            _ => {
                let status = Arc::<ServiceStatus>::default();
                kept.insert(connector, (endpoint.clone(), Arc::clone(&status)));
                status
            }
        }
    }

    /// Returns how many services cannot be reached at the moment.
    pub fn open_circuits(&self) -> usize {
        let now = Instant::now();
        self.0.lock().values().filter(|(_, status)| status.breaker.state(now) != CircuitState::Closed).count()
    }

    /// Returns whether calls of a connector's service are refused at the moment, because it could not be reached.
    pub fn has_open_circuit(&self, connector: Uuid, endpoint: &Url) -> bool {
        let kept = self.0.lock();
        let status = kept.get(&connector).filter(|(known, _)| known == endpoint);
        status.is_some_and(|(_, status)| status.breaker.state(Instant::now()) != CircuitState::Closed)
    }

    /// Forgets a connector that was deleted.
    pub fn forget(&self, connector: Uuid) {
        self.0.lock().remove(&connector);
    }
}
