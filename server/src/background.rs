//! Recurring work of a running server: the tasks, their driver, and the state of their last runs.

mod driver;
mod lease;
mod tasks;
#[cfg(test)]
mod tests;

pub use driver::{Background, MAX_ERROR, Run, TaskStatus};
pub(crate) use lease::Lease;
pub use lease::{LeaseError, NAME as LEASE};
pub(crate) use tasks::spawn_tasks;
pub use tasks::{AGENT_TOKENS, AGENT_TRAIL, AUDIT_RETENTION, CHECKPOINTS, EXPIRED_ANSWERS, LAST_USED, MASTER_KEYS};
