//! On-premise agents (docs/contract.md#agents): processes inside a private network that connect out to the
//! server and execute commands for it.
//!
//! A `session` is one socket, a `connection` is what the server knows about a registered agent, and the [`Hub`] is the
//! table of all connections. A `delivery` brings one command to an agent and its result back, across lost connections;
//! [`AgentExecutor`] offers that as an executor like those of the other execution models.
//!
//! Where several servers share a database, an agent is connected to one of them. A `directory` in the database says to which; a
//! command from another server goes over NATS to the `holder` of the connection, and what comes of it goes back over an `exchange`.

mod acknowledge;
mod admission;
mod close_reason;
mod cluster;
mod command_id;
mod connection;
mod counted_stream;
mod delivery;
mod directory;
mod exchange;
mod executor;
mod holder;
mod hub;
mod inflight;
mod late;
mod line;
mod messages;
mod meters;
mod outbox;
mod over_server;
mod schemas;
pub(crate) mod session;
mod trail;
mod view;

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

pub use self::executor::AgentExecutor;
pub use self::hub::{Hub, Shared};
pub use self::late::{LateResult, LateResults, Settled};
pub use self::trail::{AGENT_ENTRY_WINDOW, MAX_AGENT_ENTRIES};
pub use self::view::ServingAgentState;
