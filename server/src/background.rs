//! Work that comes again and again while the server runs: what it is, how it is driven, and how it last went.

mod driver;
mod lease;
mod tasks;
#[cfg(test)]
mod tests;

pub use driver::{Background, MAX_ERROR, Run, TaskStatus};
pub(crate) use lease::Lease;
pub use lease::{LeaseError, NAME as LEASE};
pub(crate) use tasks::spawn_tasks;
pub use tasks::{AGENT_TOKENS, EXPIRED_ANSWERS, LAST_USED};
