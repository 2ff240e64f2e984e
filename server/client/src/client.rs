//! A client of the REST API: one typed method for each route.
//!
//! It calls only the operator's own server, which may also be on this machine. It uses no proxy from the environment,
//! follows no redirect (the token would be sent along) and reads no answer beyond a limit.

mod audit;
mod connector_types;
mod connectors;
mod error;
mod executions;
mod mcp;
mod pages;
mod runs;
mod server;
mod tokens;
mod transport;

pub use connectors::Executed;
pub use error::{ClientError, Refusal};
pub use mcp::{MAX_MESSAGE, McpHeaders, McpMessages};
pub use pages::{MAX_PAGE, Pages};
pub use transport::{CONNECT_TIMEOUT, Client, MAX_ANSWER, TIMEOUT};

#[cfg(test)]
mod tests;
