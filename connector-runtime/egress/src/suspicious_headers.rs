//! Headers on which metadata services and proxies act, in requests that should not need them.
//!
//! They open nothing by themselves, because the destination is judged, and some gateways ask for them. But a
//! connector whose params or script set one should be checked, so the name of each is logged.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::outgoing::OutgoingRequest;

/// The most lines of one connection in [`NOTES_PER`]; further ones are not written.
pub(super) const MAX_NOTES: u32 = 20;
/// The time in which [`MAX_NOTES`] lines are written.
pub(super) const NOTES_PER: Duration = Duration::from_secs(10);

/// Names that claim where the sender is in a network, or that a metadata service demands of its callers.
const NAMES: &[&str] = &[
    "forwarded",
    "metadata",
    "metadata-flavor",
    "x-aws-ec2-metadata-token",
    "x-aws-ec2-metadata-token-ttl-seconds",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-google-metadata-request",
    "x-metadata-token",
    "x-real-ip",
];

/// What one connection has logged: since when, and how many lines.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Option<(Instant, u32)>>);

impl Notes {
    fn admit(&self) -> bool {
        let now = Instant::now();
        let mut notes = self.0.lock();
        let (since, count) = notes.filter(|(since, _)| now - *since < NOTES_PER).unwrap_or((now, 0));
        *notes = Some((since, count.saturating_add(1)));
        count < MAX_NOTES
    }
}

/// Logs the suspicious headers of a request before it is sent, unless its connection has logged many already.
pub(super) fn note(outgoing: &OutgoingRequest, notes: &Notes) {
    for name in outgoing.headers.keys().filter(|name| NAMES.contains(&name.as_str())) {
        if !notes.admit() {
            return;
        }
        tracing::info!(
            event = "telling_header",
            header = name.as_str(),
            url = outgoing.shown(),
            "a request carries a header that metadata services or proxies act on"
        );
    }
}
