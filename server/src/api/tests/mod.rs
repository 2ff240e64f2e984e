//! REST through the router, on a real database.

mod bodies;
mod changes;
mod connectors;
mod history;
mod postgres;
mod routes;
mod stored;
mod tokens;
mod type_changes;
mod types;
