//! The metrics of a connector type's calls. Their handles are kept, because a lookup by labels costs more than the
//! rest.

use metrics::{Counter, Histogram};

use crate::store::ExecutionStatus;

/// The metrics of a connector type's calls.
#[derive(Debug)]
pub struct Meters {
    succeeded: Counter,
    failed: Counter,
    seconds: Histogram,
}

impl Meters {
    pub(super) fn new(type_name: &str) -> Self {
        let counter = |status: ExecutionStatus| {
            let labels = [("type", type_name.to_owned()), ("status", status.as_str().to_owned())];
            metrics::counter!("floh_executions_total", &labels)
        };
        Self {
            succeeded: counter(ExecutionStatus::Succeeded),
            failed: counter(ExecutionStatus::Failed),
            seconds: metrics::histogram!("floh_execution_seconds", "type" => type_name.to_owned()),
        }
    }

    /// Counts a call that has ended.
    pub fn count(&self, success: bool, seconds: f64) {
        if success { &self.succeeded } else { &self.failed }.increment(1);
        self.seconds.record(seconds);
    }
}
