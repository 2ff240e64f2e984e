//! Logs and metrics of the process.

pub use floh_agent::logs::{LogFormat, init_logs};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Starts collecting metrics.
///
/// # Errors
/// If metrics are already being collected.
pub fn init_metrics() -> Result<PrometheusHandle, BuildError> {
    const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    let handle = builder.install_recorder()?;
    metrics::describe_counter!("floh_executions_total", "executed commands, by type and status");
    metrics::describe_histogram!("floh_execution_seconds", "duration of executed commands in seconds, by type");
    metrics::describe_counter!("floh_http_requests_total", "answered requests, by route, method and status");
    metrics::describe_gauge!("floh_agents_connected", "agents that are connected");
    metrics::describe_counter!("floh_agent_commands_total", "commands for agents, by how their delivery ended");
    metrics::describe_counter!("floh_agent_commands_resent_total", "commands sent again after a connection was lost");
    metrics::describe_counter!("floh_agent_responses_dropped_total", "responses that nobody waited for");
    metrics::describe_gauge!("floh_retained_rows", "rows that are kept, by table, as of the last run of retention");
    metrics::describe_gauge!("floh_retained_bytes", "bytes of the rows that are kept, by table");
    metrics::describe_gauge!("floh_retained_oldest_seconds", "age of the oldest row that is kept, by table");
    metrics::describe_counter!("floh_retention_removed_total", "rows that retention has removed, by table");
    metrics::describe_gauge!("floh_database_bytes", "size of the database");
    metrics::describe_histogram!("floh_http_request_seconds", "time to answer a request in seconds, by route");
    Ok(handle)
}
