//! The connector postgresql against a real server of its own, with a password and TLS, and against servers that lie.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

mod changes;
mod connections;
mod fixture;
mod hostile;
mod interrupted;
mod limits;
mod refusals;
mod values;
