//! The link to NATS, by which servers that share a database bring commands to each other's agents.
//!
//! Core NATS only: what is published is passed on to whoever is subscribed now, or to nobody, which the publisher is told. Nothing
//! is kept by NATS, so nothing has to be cleaned up there. NATS is the operator's, as PostgreSQL is: it is not reached by the
//! egress rules.

mod link;
mod settings;

#[cfg(test)]
mod tests;

pub use self::link::{Message, Nats, NatsError, NatsState, Published, Subscription};
pub use self::settings::{DEFAULT_PREFIX, MAX_PREFIX, NatsSettings, NatsSettingsError};

/// The most bytes of a message between servers: a command or a result of an agent, sealed.
pub const MAX_MESSAGE: usize = 15 * 1024 * 1024;
