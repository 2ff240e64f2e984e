//! Several servers on one PostgreSQL whose agents are joined by NATS: real processes, a real database, a real NATS.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

#[path = "servers/agents.rs"]
mod agents;
#[path = "servers/at_random.rs"]
mod at_random;
#[path = "servers/clocks.rs"]
mod clocks;
#[path = "agents/fixture.rs"]
#[allow(dead_code, reason = "the tests of one server use more of it")]
mod fixture;
#[path = "servers/group.rs"]
mod group;
#[path = "servers/guide.rs"]
mod guide;
#[path = "servers/killed.rs"]
mod killed;
#[path = "servers/nats.rs"]
mod nats;
#[path = "servers/rows.rs"]
mod rows;
#[path = "servers/starts.rs"]
mod starts;
