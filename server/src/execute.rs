//! Executing a command: the server's half of the one path (docs/contract.md#3-execution). The runtime's
//! `dispatch` picks, checks, runs and normalises; here the connector is resolved and decrypted before,
//! and the call recorded around it.

mod call;
mod history;
mod idempotency;
mod path;
mod record;
#[cfg(test)]
mod tests;

pub use call::{execute, test};
pub use history::{get_execution, list_executions};
pub use idempotency::{Answer, CallFingerprint, IdempotentOutcome, KeyError, KeyedCall, settle_abandoned};
pub use path::{ExecuteError, Executed, Request};
