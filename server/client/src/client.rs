//! A client of the REST API: one typed method for each route.
//!
//! It calls one server, the operator's own, wherever that is: on this machine, too. It takes no proxy from the
//! environment, follows no redirect (the token would travel along) and reads no answer beyond a limit.

mod connector_types;
mod connectors;
mod error;
mod executions;
mod pages;
mod server;
mod tokens;
mod transport;

pub use connectors::Executed;
pub use error::{ClientError, Refusal};
pub use pages::{MAX_PAGE, Pages};
pub use transport::{CONNECT_TIMEOUT, Client, MAX_ANSWER, TIMEOUT};

#[cfg(test)]
mod tests;
