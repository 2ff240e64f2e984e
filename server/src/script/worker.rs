//! The worker: the process that runs scripts.
//!
//! `main` calls [`main`] before it starts anything else of the server. The worker sets up its confinement (`jail`),
//! then takes one frame after the other from the pipe that is its standard input. Every run has a runtime
//! of its own (`engine`); what stays between runs is the compiled script. After a run that met a limit
//! the engine is not trusted any more: the worker answers and ends without cleaning up.

mod channel;
mod checking;
mod clock;
mod engine;
mod fault;
mod from_json;
mod host;
mod host_answer;
mod jail;
mod realm;
mod run;
mod serve;
mod text;
mod to_json;
mod util;

pub use self::serve::{ARGUMENT, is_worker, main};
