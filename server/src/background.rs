//! Recurring work of a running server: the tasks, their driver, and the state of their last runs.

mod driver;
mod lease;
mod others;
mod retention;
mod retention_watch;
mod tasks;
#[cfg(test)]
mod tests;

pub use driver::{Background, MAX_ERROR, Run, TaskStatus};
pub use lease::NAME as LEASE;
pub(crate) use lease::{Lease, ReleaseMix};
pub use others::{FOLLOW, SETTLE};
pub(crate) use others::{Follower, spawn_tasks_of_others};
pub use retention::{
    BAG_KEPT, DEFAULT_AUDIT_DAYS, DEFAULT_AUDIT_ROWS, DEFAULT_EXECUTION_DAYS, DEFAULT_EXECUTION_MIB,
    DEFAULT_EXECUTION_ROWS, DEFAULT_KEY_MIB, DEFAULT_KEY_ROWS, DEFAULT_RUN_DAYS, DEFAULT_RUN_ROWS, MIN_HOURS_KEPT,
    Retention,
};
pub(crate) use retention_watch::RetentionWatch;
pub(crate) use tasks::spawn_tasks;
pub use tasks::{
    AGENT_TOKENS, AGENT_TRAIL, CHECKPOINTS, DOUBTS, ENVIRONMENT_TOKEN, HOURS, LAST_USED, MASTER_KEYS, RETENTION,
    SESSIONS,
};
