//! REST through the router, on a real database.

mod audit;
mod bodies;
mod bounds;
mod budget;
mod changes;
mod connectors;
mod events;
mod executions;
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod external;
mod history;
mod imports;
mod postgres;
mod requests;
mod routes;
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod run_control;
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod run_definitions;
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod run_steps;
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod runs;
mod scripts;
mod secret_places;
mod servers;
mod sessions;
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod stored;
mod tokens;
mod type_changes;
mod types;
