//! How long a call may work.

use std::time::Duration;

use connector_runtime::context::Context;

/// The time of a call that is kept for telling what took too long: a call that is cut at its deadline can tell nothing.
const TOLD_WITHIN: Duration = Duration::from_millis(20);

/// Returns how long a call may still work, so that what became of its work is told.
pub(crate) fn time_to_work(cx: &Context) -> Duration {
    cx.time_left().saturating_sub(TOLD_WITHIN)
}
