//! The metrics of a connector's calls. Their handles are kept, because a lookup by labels costs more than the rest.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};

use metrics::{Counter, Histogram};
use parking_lot::Mutex;

use crate::store::ExecutionStatus;

/// The maximum number of connectors that have metrics of their own. What calls of further ones count is counted under
/// [`OTHERS`]: every label is a series that is kept for ever, here and in Prometheus.
const MAX_METERED_CONNECTORS: usize = 1_000;
/// The label of connectors beyond [`MAX_METERED_CONNECTORS`]. No connector can have this name.
const OTHERS: &str = "(others)";

/// The names of connectors that have metrics of their own, and what the others share. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MeteredNames(Arc<Mutex<Metered>>);

#[derive(Debug, Default)]
struct Metered {
    own: HashSet<String>,
    /// The metrics of all others of a type, as long as one of them is in memory.
    others: HashMap<Arc<str>, Weak<Meters>>,
}

impl MeteredNames {
    /// Returns the metrics of a connector.
    pub(super) fn meters(&self, type_name: &Arc<str>, name: &str) -> Arc<Meters> {
        let mut metered = self.0.lock();
        let Metered { own, others } = &mut *metered;
        if own.contains(name) || (own.len() < MAX_METERED_CONNECTORS && own.insert(name.to_owned())) {
            return Arc::new(Meters::new(type_name, name));
        }
        if let Some(shared) = others.get(type_name).and_then(Weak::upgrade) {
            return shared;
        }
        let shared = Arc::new(Meters::new(type_name, OTHERS));
        others.retain(|_, used| used.strong_count() > 0);
        others.insert(Arc::clone(type_name), Arc::downgrade(&shared));
        shared
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
    fn new(type_name: &str, label: &str) -> Self {
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
    fn connectors_beyond_the_limit_share_their_metrics_by_type() {
        let names = MeteredNames::default();
        let [one, two] = ["one", "two"].map(Arc::from);
        let meters: Vec<_> =
            (0..MAX_METERED_CONNECTORS).map(|number| names.meters(&one, &format!("c{number}"))).collect();
        let others = names.meters(&one, "one-more");
        assert!(Arc::ptr_eq(&others, &names.meters(&one, "and-another")));
        assert!(!Arc::ptr_eq(&others, &names.meters(&two, "one-more")), "another type");
        drop(others);
        let others = names.meters(&two, "one-more");
        assert_eq!(names.0.lock().others.len(), 1, "a type ends with its connectors");
        let of_first = names.meters(&one, "c0");
        assert!(!Arc::ptr_eq(&others, &of_first), "who has metrics of its own keeps them");
        assert!(meters.iter().all(|own| !Arc::ptr_eq(own, &others)));
        assert!(!connector_runtime::schema::is_connector_name(OTHERS));
    }
}
