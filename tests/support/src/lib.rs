//! What the tests of several crates share, so that there is one home for it: servers that a test plays, the real
//! binary, databases, certificates, a REST client that can misbehave, and waiting with a bound.
//!
//! It depends on no crate of this workspace, so every crate's tests may depend on it. Everything listens on
//! loopback and on a free port, and everything is gone when its value is dropped. Nothing sleeps to wait for
//! something: [`eventually`] asks again and gives up after a bound.
#![allow(clippy::unwrap_used, reason = "test support: what goes wrong here fails the test")]

pub mod agent;
pub mod api;
#[cfg(feature = "certificates")]
pub mod certificates;
pub mod client;
pub mod command;
pub mod floh;
mod http;
pub mod listener;
pub mod nats;
pub mod postgres;
pub mod process;
pub mod program;
mod requirement;
#[cfg(feature = "certificates")]
pub mod samba;
pub mod service;
#[cfg(feature = "certificates")]
pub mod slapd;
pub mod sqlite;
pub mod stub;
pub mod upstream;
mod wait;

pub use agent::{Agent, Site};
pub use client::{Answer, Client, Connection};
pub use command::{run, run_in, run_with_input};
pub use floh::{ADMIN_TOKEN, Floh, Setup};
pub use listener::Listener;
pub use process::Exit;
pub use requirement::skipped;
pub use service::Service;
pub use stub::Stub;
pub use upstream::{Gate, Received, Reply, Upstream};
pub use wait::{BOUND, eventually, until, within_bound};
