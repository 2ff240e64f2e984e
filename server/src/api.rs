//! REST (docs/contract.md#4-rest): one file a resource, thin. Every route names its scope where it is
//! declared; one without cannot be added.

mod agents;
mod body;
mod connectors;
mod document;
mod executions;
mod guard;
mod http_metrics;
mod imports;
mod json;
mod page;
mod path;
mod problem;
mod request_id;
mod responses;
mod routes;
mod server_info;
#[cfg(test)]
mod tests;
mod tokens;
mod type_changes;
mod types;

pub use body::{BODY_LIMIT, DOCUMENT_LIMIT, JsonBytes};
pub use document::document;
pub use guard::Access;
pub use problem::Problem;
pub use routes::{RouteRow, router, table};
