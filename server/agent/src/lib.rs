//! The agent: a process inside a private network that connects out to the server and executes commands for it
//! (docs/contract.md#agents). `floh agent` and the binary `floh-agent` run it; the server's side is the room
//! `agent_hub`.
//!
//! [`AgentConfig`] is the content of `agent.toml`. An [`Agent`] keeps one connection open and answers over it. It calls
//! only the destinations on its own list. A [`Journal`] on disk ensures that a command is executed once, however often
//! it arrives, and that a result survives the connection on which its command came.

mod address;
mod backoff;
mod check;
pub mod cli;
mod config;
mod connect;
mod journal;
pub mod logs;
pub mod owned;
mod plain;
mod route;
mod run;
mod secret_file;
mod served;
mod session;
#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;
mod tls;
mod work;

pub use self::address::{AddressError, ServerAddress};
pub use self::backoff::{FailureCount, Pace};
pub use self::check::{CheckResult, Finding, check};
pub use self::config::{AgentConfig, ConfigError};
pub use self::connect::ConnectError;
pub use self::journal::{Journal, JournalError};
pub use self::route::Route;
pub use self::run::{Agent, AgentError, Settings};
pub use self::secret_file::{TokenError, read_token};
pub use self::tls::{OwnCertificate, TlsError, tls_config};
