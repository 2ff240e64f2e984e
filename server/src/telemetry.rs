//! Logs and metrics of the process.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

/// Starts logging to standard error. Calling it twice changes nothing.
pub fn init_logs(format: LogFormat, filter: &str) {
    // A second subscriber is refused; the first one goes on, which is what is wanted in tests.
    drop(subscriber(format, filter, std::io::stderr).try_init());
}

/// Makes what turns events into lines.
pub(crate) fn subscriber<W>(format: LogFormat, filter: &str, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        // The one span is the request; a list of all spans would say it twice.
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).finish().into(),
        LogFormat::Pretty => builder.with_ansi(std::io::stderr().is_terminal()).finish().into(),
    }
}

/// Starts collecting metrics.
///
/// # Errors
/// Where metrics are collected already.
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
    metrics::describe_histogram!("floh_http_request_seconds", "time to answer a request in seconds, by route");
    Ok(handle)
}
