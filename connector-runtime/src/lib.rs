//! What a connector author imports.

extern crate self as connector_runtime;

pub mod egress;
mod secret;

pub use secret::Secret;
