//! The agent against a hub of the test's own: real sockets on loopback, a connection at a time.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]
#![allow(clippy::needless_pass_by_value, reason = "shorter calls")]

#[path = "agent/destinations.rs"]
mod destinations;
#[path = "agent/exchange.rs"]
mod exchange;
#[path = "agent/fixture.rs"]
mod fixture;
#[path = "agent/frames.rs"]
mod frames;
#[path = "agent/hub.rs"]
mod hub;
#[path = "agent/lost.rs"]
mod lost;
#[path = "agent/secure.rs"]
mod secure;
