//! REST (docs/contract.md#4-rest): a thin file per resource. Every route names its scope in its declaration; a route
//! without a scope does not compile.

mod agents;
mod audit;
mod body;
mod connectors;
mod cookie;
mod document;
mod executions;
mod finish;
mod guard;
mod http_metrics;
mod imports;
mod json;
mod list;
mod page;
mod path;
mod problem;
mod request_id;
mod responses;
mod routes;
mod run_definitions;
mod runs;
mod server_info;
mod site;
mod status;
#[cfg(test)]
mod tests;
mod tokens;
mod type_changes;
mod types;

pub use body::{BODY_LIMIT, DOCUMENT_LIMIT, JsonBytes, RawBody};
pub(crate) use connectors::uuid;
pub use cookie::{no_session_cookie, session_cookie, session_of};
pub use document::document;
pub use guard::{Accepts, Access, Caller, EXECUTIONS, demand, identity_of, peer};
pub use page::Query;
pub use path::{PathKey, PathKeys};
pub use problem::Problem;
pub use routes::{RouteRow, nothing, router, router_with, table};
pub use site::Site;
