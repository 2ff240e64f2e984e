//! Headers that metadata services and proxies act on, sent where nobody should need them.
//!
//! They open nothing by themselves, since the destination is judged, and some gateways do ask for them. But
//! a connector whose params or script set one is worth a look, so each is logged, by name alone.

use super::outgoing::OutgoingRequest;

/// Names that speak for the sender's place in a network, or that a metadata service demands of its callers.
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

/// Logs the telling headers of a request that is about to leave.
pub(super) fn note(draft: &OutgoingRequest) {
    for name in draft.headers.keys().filter(|name| NAMES.contains(&name.as_str())) {
        tracing::info!(
            event = "telling_header",
            header = name.as_str(),
            url = draft.shown(),
            "a request carries a header that metadata services or proxies act on"
        );
    }
}
