//! Runs as data: the steps of a run, the references in them, and the check before a run starts.
//!
//! Everything here is pure: it reads JSON and schemas, and does no I/O. The server runs the steps; every door that takes
//! steps asks the same [`check`]. docs/contract.md#7-runs has the rules.

pub mod check;
pub mod condition;
pub mod definition;
pub mod mistake;
pub mod reference;
pub mod shape;
mod suggest;

pub use suggest::{MAX_DISTANCE, nearest};
