//! The Floh server: stores connectors, executes their commands, answers REST and the command line.
//!
//! `app` wires the rooms: `store` and `vault` keep things, `auth` knows who may do what, `catalog` has
//! the rules about connectors and types, `execute` is the one path of a call, `external` calls services of
//! their own, `agent` is the process inside a private network, `api` and `cli` are the doors.

pub mod agent_hub;
pub mod api;
pub mod app;
pub mod auth;
pub mod background;
mod blocking;
pub mod catalog;
pub mod changes;
pub mod cli;
pub mod config;
mod connector_secrets;
pub mod data_lock;
pub mod error;
pub mod events;
pub mod execute;
pub mod input;
pub mod instances;
pub mod listen;
pub mod openapi;
mod run_to_completion;
pub mod script;
pub mod seed;
pub mod services;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod testing;
pub mod tokens;
mod type_schema;
pub mod vault;
