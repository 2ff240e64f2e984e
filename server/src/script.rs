//! Scripts, run in confined processes.
//!
//! The engine is C code that has been broken out of before, and its interrupt is not a deadline. So no script runs in
//! the server: `pool` keeps worker processes, which jail themselves before they read a byte (`worker`), and
//! `process` talks to one over a pipe and kills it at its deadline. A worker serves one connector and
//! one script; it has no file, no network and no secrets of other connectors. The server carries out a script's outside
//! work ([`HostCalls`]) and interprets its result ([`judge`]).

mod answer;
mod compute_slot;
mod egress;
mod executor;
mod failure;
mod frame;
mod grants;
mod host_call;
mod limits;
mod message;
mod pool;
mod process;
mod queue;
mod refresh;
pub mod sample;
mod sandbox;
mod starter;
#[cfg(test)]
mod tests;
mod tokens;
mod unsettled;
mod usage;
pub mod worker;

pub use self::answer::judge;
pub use self::egress::{EgressCalls, is_binary};
pub use self::executor::{CommandScripts, ScriptExecutor, ScriptMocks, Scripts};
pub use self::failure::{GuestError, ScriptFailure, ScriptProblem};
pub use self::limits::{DEFAULT_ANSWER, DEFAULT_MEMORY, Limits, MAX_ANSWER};
pub use self::message::Confinement;
pub use self::pool::{Pool, PoolSettings};
pub use self::refresh::{RefreshStore, Refreshed, Refresher};
pub use self::sandbox::{
    BodyPart, Figures, FormPart, HostCalls, HttpAnswer, HttpBody, HttpCall, HttpFault, Left, OperationCall, Ran,
    Repeats, Sandbox, Script, ScriptCall, Workers,
};
pub use self::tokens::{AccessTokens, TokenCall};
pub(crate) use self::unsettled::Unsettled;
