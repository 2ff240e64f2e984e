//! What is known of a service, for the connector's state.

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::Instant;

use super::{Breaker, CircuitState};

/// What is known of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalState {
    /// Whether calls are sent.
    pub circuit: Circuit,
    /// Connect failures in a row.
    pub failures: u32,
    /// The text of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When an open circuit lets the next call through, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_in_ms: Option<u64>,
    /// Version and schema hash that the service named last: `<version>;sha256=<hex>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// How the schema differs from the type's; no call is sent then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mismatch: Option<String>,
    /// How the service was when it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// What a service answered at `/health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// Whether it is healthy.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked.
    #[serde(with = "crate::schema::times::milliseconds")]
    pub at: Timestamp,
}

/// Whether calls are sent to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// Calls are sent.
    Closed,
    /// Calls are refused.
    Open,
    /// One call is trying whether the service is back.
    HalfOpen,
}

impl ExternalState {
    pub(super) fn of(breaker: &Breaker) -> Self {
        let (failures, last_error) = breaker.failures();
        let (circuit, pause) = match breaker.state(Instant::now()) {
            CircuitState::Closed => (Circuit::Closed, None),
            CircuitState::Open(pause) => (Circuit::Open, Some(pause)),
            CircuitState::HalfOpen => (Circuit::HalfOpen, None),
        };
        Self {
            circuit,
            failures,
            last_error,
            retry_in_ms: pause.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
            health: None,
            serves: None,
            mismatch: None,
        }
    }
}
