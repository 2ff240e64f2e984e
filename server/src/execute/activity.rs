//! The use cases of charts: what calls came to in each hour, for the list of connectors and for one of them.
//!
//! Calls that a mock answered, that have not ended, or that a connector does not record are not counted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::services::Services;
use crate::store::{self, ConnectorHour, HourCalls, HourSums, PageRequest};

/// The number of hours of a [`Sparkline`].
pub const SPARKLINE_HOURS: usize = 24;
/// The time before the current hour that a [`Sparkline`] has.
const SPARKLINE_BEFORE: SignedDuration = SignedDuration::from_hours(23);
/// The maximum number of hours that [`connector_activity`] returns: a month.
pub const MAX_ACTIVITY_HOURS: usize = 31 * 24;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

const _: () = assert!(SPARKLINE_BEFORE.as_hours() + 1 == SPARKLINE_HOURS as i64);

/// The calls of a connector in the last 24 hours, by hour: the first is the oldest, the last is the current one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sparkline {
    /// The number of calls.
    pub calls: [u64; SPARKLINE_HOURS],
    /// How many of them failed.
    pub failed: [u64; SPARKLINE_HOURS],
}

/// The calls of a connector in some hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Every hour, also those without calls, oldest first.
    pub hours: Vec<ConnectorHour>,
    /// What all of them came to.
    pub total: HourSums,
}

/// Returns the sparklines of some connectors, in one query. A connector without calls has no entry.
///
/// # Errors
/// Denied; invalid for more connectors than a page has.
pub async fn sparklines(
    ctx: &OpContext,
    services: &Services,
    connectors: &[Uuid],
) -> Result<BTreeMap<Uuid, Sparkline>, Error> {
    ctx.authorize(Scope::AuditRead)?;
    if connectors.len() > PageRequest::MAX as usize {
        let message = format!("{} connectors; at most {} at a time", connectors.len(), PageRequest::MAX);
        return Err(Error::invalid_at("/connectors", message));
    }
    let first = beginning_of_hour(store::now()) - SPARKLINE_BEFORE;
    let connectors = services.store.connectors().within(ctx.bound(), connectors).await?;
    let found = services.store.hours().calls_of_all(&connectors, first).await?;
    Ok(found.into_iter().map(|(connector, hours)| (connector, sparkline(first, &hours))).collect())
}

/// Returns what the calls of a connector came to in each hour from that of `since` to the last one that begins before `until`, at most
/// [`MAX_ACTIVITY_HOURS`] of them: the newest. Percentiles are [`HourSums::percentile`].
///
/// # Errors
/// Denied.
pub async fn connector_activity(
    ctx: &OpContext,
    services: &Services,
    connector: Uuid,
    since: Timestamp,
    until: Timestamp,
) -> Result<Activity, Error> {
    ctx.authorize(Scope::AuditRead)?;
    let most = HOUR * i32::try_from(MAX_ACTIVITY_HOURS).unwrap_or(i32::MAX);
    let earliest = until.checked_sub(most).unwrap_or(Timestamp::MIN);
    let first = beginning_of_hour(since.max(earliest));
    let is_reached = !services.store.connectors().within(ctx.bound(), &[connector]).await?.is_empty();
    let found = if is_reached { services.store.hours().of(connector, first, until).await? } else { Vec::new() };
    let mut activity = Activity { hours: Vec::new(), total: HourSums::default() };
    let mut found = found.into_iter().peekable();
    let mut begins = first;
    while begins < until && activity.hours.len() < MAX_ACTIVITY_HOURS {
        let sums = found.next_if(|hour| hour.begins == begins).map(|hour| hour.sums).unwrap_or_default();
        activity.total.merge(&sums);
        activity.hours.push(ConnectorHour { begins, sums });
        let Ok(next) = begins.checked_add(HOUR) else { break };
        begins = next;
    }
    Ok(activity)
}

fn sparkline(first: Timestamp, hours: &[HourCalls]) -> Sparkline {
    let mut line = Sparkline::default();
    for hour in hours {
        let place = usize::try_from(hour.begins.duration_since(first).as_hours()).unwrap_or(usize::MAX);
        // The clock may have been set back.
        if let (Some(calls), Some(failed)) = (line.calls.get_mut(place), line.failed.get_mut(place)) {
            *calls += hour.calls;
            *failed += hour.failed;
        }
    }
    line
}

fn beginning_of_hour(at: Timestamp) -> Timestamp {
    let ms = at.as_millisecond();
    let hour = i64::try_from(HOUR.as_millis()).unwrap_or(1);
    Timestamp::from_millisecond(ms - ms.rem_euclid(hour)).unwrap_or(at)
}
