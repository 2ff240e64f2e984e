//! On-premise agents through the real binary: a server, agents as processes of their own, and the services of
//! the network that only the agents may call.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]
#![allow(clippy::needless_pass_by_value, reason = "shorter calls")]

#[path = "agents/check.rs"]
mod check;
#[path = "agents/fixture.rs"]
mod fixture;
#[path = "agents/flow.rs"]
mod flow;
#[path = "agents/identity.rs"]
mod identity;
#[path = "agents/killed.rs"]
mod killed;
#[path = "agents/network.rs"]
mod network;
#[path = "agents/places.rs"]
mod places;
#[path = "agents/route.rs"]
mod route;
#[path = "agents/schemas.rs"]
mod schemas;
