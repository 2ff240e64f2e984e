//! REST through the router, on a real database.

mod bodies;
mod connectors;
mod routes;
mod tokens;
mod types;
