//! Checks the values of a call within its deadline.
//!
//! Most checks are done at once. One that takes longer goes on off the request threads, as many at a time as there are
//! cores; where it does not come to its end in time, the call ends without it.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::context::Invocation;
use connector_runtime::dispatch::{Checked, check, deadline};
use connector_runtime::schema::Fuel;
use tokio::time::{Instant, timeout_at};

use super::Request;
use super::path::TargetOf;
use crate::instances::Instance;
use crate::services::Services;
use crate::work::Work;

/// Steps of a check that a request thread does itself: about a millisecond.
const QUICK_STEPS: u64 = 20_000;
/// The largest body, in bytes, whose values a request thread checks itself.
const QUICK_BYTES: usize = 64 * 1024;
/// How long after the deadline a check may still take to end by itself.
const GRACE: Duration = Duration::from_millis(100);

/// Checks the values of a call, and returns the call with the result.
pub(super) async fn checked(
    services: &Services,
    instance: &Arc<Instance>,
    target_of: TargetOf,
    invocation: Invocation,
    request: &Request,
) -> (Invocation, Checked) {
    let Some(target) = target_of(instance) else { return (invocation, Checked::Fine) };
    if request.ctx.work().map_or(0, Work::bytes) < QUICK_BYTES {
        let mut fuel = Fuel { steps: QUICK_STEPS, until: None };
        let checked = check(&target, &invocation, &mut fuel);
        if !fuel.is_used_up() {
            return (invocation, checked);
        }
    }
    let ends = deadline(&target, &invocation);
    let invocation = Arc::new(invocation);
    let checked = timeout_at(ends + GRACE, long(services, instance, target_of, &invocation, request, ends)).await;
    // The check may still be at work, with the values that it has.
    let invocation = Arc::try_unwrap(invocation).unwrap_or_else(|shared| (*shared).clone());
    (invocation, checked.unwrap_or(Checked::Late))
}

async fn long(
    services: &Services,
    instance: &Arc<Instance>,
    target_of: TargetOf,
    invocation: &Arc<Invocation>,
    request: &Request,
    ends: Instant,
) -> Checked {
    let slot = services.work.check().await;
    let (instance, invocation, ctx) = (Arc::clone(instance), Arc::clone(invocation), request.ctx.clone());
    let work = move || {
        // What the values take is held as long as they are.
        let _held = (slot, ctx);
        let mut fuel = Fuel { until: Some(ends.into_std()), ..Fuel::default() };
        let checked = match target_of(&instance) {
            Some(target) => check(&target, &invocation, &mut fuel),
            None => Checked::Fine,
        };
        if fuel.is_used_up() && Instant::now() >= ends { Checked::Late } else { checked }
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Checked::Late)
}
