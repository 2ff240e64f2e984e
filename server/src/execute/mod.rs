//! Executing a command: the server's half of the one path (contract section 3). The runtime's
//! `dispatch` picks, checks, runs and normalises; here the connector is resolved and decrypted before,
//! and the call recorded around it.

mod carried;
mod idempotency;
mod instance;
mod instances;
mod path;
mod record;
mod remote;
#[cfg(test)]
mod tests;

pub use carried::Carried;
pub use idempotency::{Answer, KeyError, Keyed, execute_keyed, settle_abandoned};
pub use instance::Instance;
pub use instances::Instances;
pub use path::{ExecuteError, Executed, Request, check_health, execute, refuse};
