//! The one path that every call takes, whatever asked for it and whatever serves it:
//! pick the command, validate, mock chain, deadline, panic, normalise, redact.
//!
//! [`prepare`] does everything that comes before the connector acts, so that a server can record the
//! start in between; [`Call::run`] does the rest. [`dispatch`] does both. A call that is refused never
//! becomes a [`Call`]: it is a [`FinishedCall`] at once.

mod call;
mod deadline;
mod deprecation;
mod executor;
mod mock_chain;
mod prepare;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;
mod undeclared;

pub use self::call::{Call, FinishedCall, Prepared, dispatch};
pub use self::executor::{DEFAULT_TIMEOUT_MS, Executor, MAX_TIMEOUT_MS, Target};
pub use self::prepare::{Checked, check, deadline, prepare, prepare_checked};
