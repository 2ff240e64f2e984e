//! Connectors that another process serves: the caller's side of the external protocol 2.0.
//!
//! [`External`] implements the same trait as compiled connectors and scripts, so that validation, mocks,
//! the deadline, redaction and recording are those of every call. A [`Breaker`] for each connector keeps
//! calls from a service that cannot be reached; [`ServiceStatuses`] hold what is known of each service;
//! [`fetch_schema`] and [`health`] ask a service about itself.

mod answer;
mod breaker;
mod executor;
mod health;
mod probe;
mod schema_check;
mod service_status;
mod signed;
mod state;
#[cfg(test)]
#[cfg(feature = "serve")]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
pub(crate) mod tests;

pub use self::answer::{quote, read_result};
pub use self::breaker::{Admission, Breaker, CircuitState, Refusal};
pub use self::executor::below;
pub use self::executor::{External, Service};
pub use self::health::HealthCheck;
pub use self::probe::{FetchedSchema, ProbeError, fetch_schema, health};
pub use self::schema_check::{Expected, SchemaMismatch};
pub use self::service_status::{ServiceStatus, ServiceStatuses};
pub use self::signed::signature;
pub use self::state::{Circuit, ExternalState, Health};
