//! Executing a command: the server's half of the one path (contract section 3). The runtime's
//! `dispatch` picks, checks, runs and normalises; here the connector is resolved and decrypted before,
//! and the call recorded around it.

mod idempotency;
mod instance;
mod instances;
mod path;
mod record;
mod remote;
mod run_to_completion;
#[cfg(test)]
mod tests;

pub use idempotency::{Answer, IdempotentOutcome, KeyError, execute_keyed, settle_abandoned};
pub use instance::Instance;
pub use instances::Instances;
pub use path::{ExecuteError, Executed, Request, check_health, execute, refuse};
pub use run_to_completion::RunToCompletion;
