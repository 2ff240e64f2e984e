//! How the services behind connectors stand: the circuit, what each serves, how it is.
//!
//! A decrypted connector is dropped with each write to it and made anew; what is known of its service is kept
//! here meanwhile, by connector. Another endpoint is another service: it begins without a past.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::protocol::Fingerprint;
use jiff::Timestamp;
use url::Url;
use uuid::Uuid;

use super::Breaker;
use super::schema_check::Fit;
use super::state::{ExternalState, Health};

/// What is known of the service behind one connector.
#[derive(Debug, Default)]
pub struct ServiceStatus {
    /// Keeps calls from a service that cannot be reached.
    pub breaker: Breaker,
    pub(super) fit: Fit,
    health: RwLock<Option<Health>>,
}

impl ServiceStatus {
    /// Returns what is known, for the state of a connector whose type is `expected`, where it has a schema.
    pub fn state(&self, expected: Option<&Fingerprint>) -> ExternalState {
        let health = self.health.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mismatch = expected.and_then(|expected| self.fit.mismatch(expected));
        ExternalState { health, serves: self.fit.serves(), mismatch, ..ExternalState::of(&self.breaker) }
    }

    /// Keeps how the service said it is.
    pub(super) fn note_health(&self, outcome: Result<(), String>) {
        let health = Health { ok: outcome.is_ok(), error: outcome.err(), at: Timestamp::now() };
        *self.health.write().unwrap_or_else(PoisonError::into_inner) = Some(health);
    }
}

/// What is known of every service.
#[derive(Debug, Default)]
pub struct ServiceStatuses(Mutex<HashMap<Uuid, (Url, Arc<ServiceStatus>)>>);

impl ServiceStatuses {
    /// Returns how the service of a connector at an endpoint stands.
    pub fn at(&self, connector: Uuid, endpoint: &Url) -> Arc<ServiceStatus> {
        let mut kept = self.lock();
        match kept.get(&connector) {
            Some((known, status)) if known == endpoint => Arc::clone(status),
            _ => {
                let status = Arc::<ServiceStatus>::default();
                kept.insert(connector, (endpoint.clone(), Arc::clone(&status)));
                status
            }
        }
    }

    /// Forgets a connector that was deleted.
    pub fn forget(&self, connector: Uuid) {
        self.lock().remove(&connector);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, (Url, Arc<ServiceStatus>)>> {
        // A thread that died here left whole values behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
