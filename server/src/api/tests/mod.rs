//! REST through the router, on a real database.

mod bodies;
mod changes;
mod connectors;
mod imports;
mod postgres;
mod routes;
mod tokens;
mod types;
