//! Helpers that tests of several rooms share and that must be inside the crate: a whole server in this process,
//! connector types, a sandbox without processes. The rest is in the crate `test-support`.

mod answer;
pub(crate) mod log;
pub(crate) mod sandbox;
mod server;
mod typed;
pub(crate) mod types;

pub(crate) use answer::Answer;
pub(crate) use server::{TestServer, all_types, start};
