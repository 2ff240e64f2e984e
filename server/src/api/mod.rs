//! REST (contract section 4): one file a resource, thin. Every route names its scope where it is
//! declared; one without cannot be added.

mod agents;
mod aside;
mod body;
mod connectors;
mod duplicate_keys;
mod executions;
mod guard;
mod http_metrics;
mod imports;
mod page;
mod path;
mod problem;
mod routes;
mod server_info;
#[cfg(test)]
mod tests;
mod tokens;
mod type_changes;
mod types;

pub(crate) use aside::aside;
use aside::json;
pub use body::{BODY_LIMIT, DOCUMENT_LIMIT, Form, JsonBytes, MAX_MISTAKES, MAX_TEXTS, SHORT};
pub use guard::{Access, Caller};
pub(crate) use imports::{include, refused};
pub use problem::{Mistake, Problem};
pub use routes::{RouteRow, router, table};
