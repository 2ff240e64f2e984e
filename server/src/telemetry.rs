//! Logs and metrics of the process. docs/running.md explains what to watch; `docs/alerts.yml` has examples of alerts.

pub use floh_agent::logs::{LogFormat, init_logs};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::script::Workers;
use crate::services::{MAX_CALLS, Services};

mod process;

/// The bounds of histograms, in seconds.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// What each counter counts.
const COUNTERS: [(&str, &str); 11] = [
    ("floh_executions_total", "executed commands, by type and status"),
    ("floh_connector_executions_total", "executed commands, by connector and status"),
    ("floh_connector_milliseconds_total", "time that executed commands took, by connector, in milliseconds"),
    ("floh_http_requests_total", "answered requests, by route, method and status"),
    ("floh_agent_commands_total", "commands for agents, by how their delivery ended"),
    ("floh_agent_commands_resent_total", "commands sent again after a connection was lost"),
    ("floh_agent_responses_dropped_total", "responses that nobody waited for"),
    ("floh_refused_logins_total", "refused tokens, by reason and door"),
    ("floh_script_failures_total", "scripts that failed in the sandbox, by class"),
    ("floh_retention_removed_total", "rows that retention has removed, by table"),
    ("process_cpu_milliseconds_total", "CPU time of the server without its script workers, in milliseconds"),
];

/// What each gauge shows.
const GAUGES: [(&str, &str); 17] = [
    ("floh_agents_connected", "agents that are connected"),
    ("floh_calls_running", "calls that are running"),
    ("floh_calls_limit", "calls that may run at a time"),
    ("floh_records_waiting", "rows of executions that wait to be written"),
    ("floh_ends_postponed", "ends of calls that wait until the database is back"),
    ("floh_script_workers", "script workers, by state"),
    ("floh_work_memory_free_bytes", "memory that is left for bodies, frames and answers"),
    ("floh_open_circuits", "external services that cannot be reached"),
    ("floh_connectors_cached", "connectors that are decrypted in memory"),
    ("floh_retained_rows", "rows that are kept, by table, as of the last run of retention"),
    ("floh_retained_bytes", "bytes of the rows that are kept, by table"),
    ("floh_retained_oldest_seconds", "age of the oldest row that is kept, by table"),
    ("floh_database_bytes", "size of the database"),
    ("process_resident_memory_bytes", "memory of the server without its script workers"),
    ("process_open_fds", "open file descriptors"),
    ("process_max_fds", "file descriptors that may be open"),
    ("process_start_time_seconds", "when the server started, in seconds since 1970"),
];

/// What each histogram measures.
const HISTOGRAMS: [(&str, &str); 2] = [
    ("floh_execution_seconds", "duration of executed commands in seconds, by type"),
    ("floh_http_request_seconds", "time to answer a request in seconds, by route"),
];

/// Starts collecting metrics.
///
/// # Errors
/// If metrics are already being collected.
pub fn init_metrics() -> Result<PrometheusHandle, BuildError> {
    let builder = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?;
    let handle = builder.install_recorder()?;
    for (name, text) in COUNTERS {
        metrics::describe_counter!(name, text);
    }
    for (name, text) in GAUGES {
        metrics::describe_gauge!(name, text);
    }
    for (name, text) in HISTOGRAMS {
        metrics::describe_histogram!(name, text);
    }
    process::started();
    Ok(handle)
}

/// Sets the gauges that are read when somebody asks for them.
pub fn observe(services: &Services) {
    let Workers { working, waiting } = services.scripts.sandbox.workers();
    set("floh_calls_running", MAX_CALLS - services.permits.available_permits());
    set("floh_calls_limit", MAX_CALLS);
    set("floh_records_waiting", services.recorder.waiting());
    set("floh_ends_postponed", services.recorder.postponed());
    set("floh_work_memory_free_bytes", services.work.memory.free());
    set("floh_open_circuits", services.service_statuses.open_circuits());
    set("floh_connectors_cached", services.instances.cached());
    for (state, count) in [("working", working), ("waiting", waiting)] {
        metrics::gauge!("floh_script_workers", "state" => state).set(as_gauge(count as u64));
    }
    process::observe();
}

fn set(name: &'static str, value: usize) {
    metrics::gauge!(name).set(as_gauge(value as u64));
}

/// Gauges are floating-point numbers.
#[expect(clippy::cast_precision_loss, reason = "beyond 2^53 the last digits of a gauge say nothing")]
fn as_gauge(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;

    use super::*;

    /// Returns the words of a text that look like names of our metrics.
    fn named(text: &str) -> HashSet<&str> {
        let words = text.split(|c: char| !(c.is_ascii_lowercase() || c == '_'));
        let starts =
            |word: &&str| ["floh_", "process_"].iter().any(|start| word.len() > start.len() && word.starts_with(start));
        words.filter(starts).collect()
    }

    fn known() -> HashSet<&'static str> {
        COUNTERS.iter().chain(&GAUGES).chain(&HISTOGRAMS).map(|(name, _)| *name).collect()
    }

    #[test]
    fn alerts_and_documentation_name_metrics_that_exist() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let known = known();
        for file in ["docs/alerts.yml", "docs/running.md"] {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let unknown: Vec<&str> = named(&text).into_iter().filter(|name| !known.contains(name)).collect();
            assert!(unknown.is_empty(), "{file} names {unknown:?}");
            assert!(named(&text).len() > 8, "{file}");
        }
    }

    #[test]
    fn every_metric_is_described_where_it_is_read() {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/running.md")).unwrap();
        let named = named(&text);
        let missing: Vec<&str> = known().into_iter().filter(|name| !named.contains(name)).collect();
        assert!(missing.is_empty(), "docs/running.md leaves out {missing:?}");
    }
}
