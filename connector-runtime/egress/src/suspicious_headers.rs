//! Headers on which metadata services and proxies act, in requests that should not need them.
//!
//! They open nothing by themselves, because the destination is judged, and some gateways ask for them. But a
//! connector whose params or script set one should be checked, so the name of each is logged.

use super::outgoing::OutgoingRequest;

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

/// Logs the suspicious headers of a request before it is sent.
pub(super) fn note(outgoing: &OutgoingRequest) {
    for name in outgoing.headers.keys().filter(|name| NAMES.contains(&name.as_str())) {
        tracing::info!(
            event = "telling_header",
            header = name.as_str(),
            url = outgoing.shown(),
            "a request carries a header that metadata services or proxies act on"
        );
    }
}
