//! The metrics of a connector's calls. Their handles are kept, because a lookup by labels costs more than the rest.

use std::collections::HashSet;
use std::sync::Arc;

use metrics::{Counter, Histogram};
use parking_lot::Mutex;

use crate::store::ExecutionStatus;

/// The maximum number of connectors that have metrics of their own. What calls of further ones count is counted under
/// [`OTHERS`]: every label is a series that is kept for ever, here and in Prometheus.
const MAX_METERED_CONNECTORS: usize = 1_000;
/// The label of connectors beyond [`MAX_METERED_CONNECTORS`]. No connector can have this name.
const OTHERS: &str = "(others)";

/// The names of connectors that have metrics of their own. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MeteredNames(Arc<Mutex<HashSet<String>>>);

impl MeteredNames {
    /// Returns the label of a connector.
    pub(super) fn label(&self, name: &str) -> String {
        let mut names = self.0.lock();
        if names.contains(name) || (names.len() < MAX_METERED_CONNECTORS && names.insert(name.to_owned())) {
            return name.to_owned();
        }
        OTHERS.to_owned()
    }
}

/// The metrics of a connector's calls: its type's, and its own.
#[derive(Debug)]
pub struct Meters {
    succeeded: [Counter; 2],
    failed: [Counter; 2],
    seconds: Histogram,
    milliseconds: Counter,
}

impl Meters {
    /// Finds the metrics of a connector by the name of its type and by its own label.
    pub(super) fn new(type_name: &str, label: &str) -> Self {
        let counters = |status: ExecutionStatus| {
            let counter = |metric: &'static str, by: &'static str, name: &str| {
                let labels = [(by, name.to_owned()), ("status", status.as_str().to_owned())];
                metrics::counter!(metric, &labels)
            };
            [
                counter("floh_executions_total", "type", type_name),
                counter("floh_connector_executions_total", "connector", label),
            ]
        };
        Self {
            succeeded: counters(ExecutionStatus::Succeeded),
            failed: counters(ExecutionStatus::Failed),
            seconds: metrics::histogram!("floh_execution_seconds", "type" => type_name.to_owned()),
            milliseconds: metrics::counter!("floh_connector_milliseconds_total", "connector" => label.to_owned()),
        }
    }

    /// Counts a call that has ended.
    pub fn count(&self, success: bool, took: std::time::Duration) {
        let counters = if success { &self.succeeded } else { &self.failed };
        counters.iter().for_each(|counter| counter.increment(1));
        self.seconds.record(took.as_secs_f64());
        self.milliseconds.increment(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_beyond_the_limit_share_a_label() {
        let names = MeteredNames::default();
        for number in 0..MAX_METERED_CONNECTORS {
            assert_eq!(names.label(&format!("c{number}")), format!("c{number}"));
        }
        assert_eq!(names.label("one-more"), OTHERS);
        assert_eq!(names.label("c0"), "c0", "who has a label keeps it");
        assert!(!connector_runtime::schema::is_connector_name(OTHERS));
    }
}
