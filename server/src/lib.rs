//! The Floh connector server: what the binary `floh` is made of.

pub mod auth;
pub mod store;
pub mod vault;
