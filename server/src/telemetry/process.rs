//! What the system says of this process, under the names that Prometheus uses for every process.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::param::page_size;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::as_gauge;

/// Notes when the process started.
pub(super) fn started() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    metrics::gauge!("process_start_time_seconds").set(since.as_secs_f64());
}

/// Sets the metrics of the process. What the system does not tell stays as it is.
pub(super) fn observe() {
    if let Some(pages) = resident_pages() {
        metrics::gauge!("process_resident_memory_bytes").set(as_gauge(pages * page_size() as u64));
    }
    if let Ok(open) = fs::read_dir("/proc/self/fd") {
        metrics::gauge!("process_open_fds").set(as_gauge(open.count() as u64));
    }
    if let Some(most) = getrlimit(Resource::Nofile).current {
        metrics::gauge!("process_max_fds").set(as_gauge(most));
    }
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    let milliseconds = u64::try_from(spent.tv_sec * 1_000 + spent.tv_nsec / 1_000_000).unwrap_or_default();
    metrics::counter!("process_cpu_milliseconds_total").absolute(milliseconds);
}

/// The second number of the file is the resident memory, in pages.
fn resident_pages() -> Option<u64> {
    fs::read_to_string("/proc/self/statm").ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}
