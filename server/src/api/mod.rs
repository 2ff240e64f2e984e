//! REST (contract section 4): one file a resource, thin. Every route names its scope where it is
//! declared; one without cannot be added.

mod agents;
mod answered;
mod aside;
mod body;
mod connectors;
mod executions;
mod guard;
mod imports;
mod meta;
mod page;
mod path;
mod problem;
mod routes;
#[cfg(test)]
mod tests;
mod tokens;
mod type_changes;
mod types;
mod unique;

pub(crate) use aside::aside;
use aside::json;
pub use body::{BODY_LIMIT, DOCUMENT_LIMIT, Form, JsonBytes, MOST_MISTAKES, MOST_TEXTS, SHORT};
pub use guard::{Access, Caller};
pub(crate) use imports::{include, refused};
pub use problem::{Mistake, Problem};
pub use routes::{RouteRow, router, table};
