//! The name and port rules: hosts and ports that are refused before any look-up.
//!
//! A name is refused if it can only mean this machine, this network, a cluster or a cloud's metadata
//! service; a port if it belongs to another protocol than HTTP. Both are tables.

use super::Rule;

/// Names that are refused, with all names below them, and the rule of each.
const INTERNAL: &[(&str, Rule)] = &[
    ("metadata.google.internal", Rule::MetadataName),
    ("metadata.goog", Rule::MetadataName),
    ("metadata.tencentyun.com", Rule::MetadataName),
    ("instance-data.ec2.internal", Rule::MetadataName),
    ("localhost", Rule::InternalName),    // RFC 6761
    ("localdomain", Rule::InternalName),  // hosts files
    ("localdomain6", Rule::InternalName), // hosts files
    ("local", Rule::InternalName),        // mDNS, RFC 6762; with it cluster.local
    ("internal", Rule::InternalName),     // reserved by ICANN for private use; Docker, Podman, clouds
    ("home.arpa", Rule::InternalName),    // RFC 8375
    ("in-addr.arpa", Rule::InternalName), // reverse zones
    ("ip6.arpa", Rule::InternalName),
    ("onion", Rule::InternalName), // RFC 7686: not DNS
    ("alt", Rule::InternalName),   // RFC 9476: not DNS
    ("corp", Rule::InternalName),  // never to be delegated: in use inside networks
    ("home", Rule::InternalName),
    ("lan", Rule::InternalName),
    ("intranet", Rule::InternalName),
    ("private", Rule::InternalName),
    ("svc", Rule::InternalName),     // Kubernetes services, short form
    ("default", Rule::InternalName), // Kubernetes services of the default namespace, shortest form
];

/// Ports that are refused: the fetch standard's bad ports (<https://fetch.spec.whatwg.org/#port-blocking>)
/// and those of databases, queues and control planes. Sorted.
pub(super) const REFUSED_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445, 465, 512, 513, 514, 515, 526, 530,
    531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 873, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 1883,
    2049, 2181, 2375, 2376, 2379, 2380, 3268, 3269, 3306, 3389, 3659, 4045, 4190, 4222, 5060, 5061, 5432, 5672, 5900,
    6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 10080, 10250, 10255, 11211, 27017, 27018,
    27019,
];

/// The longest label and the longest name that DNS can carry (RFC 1035, section 2.3.4).
const MAX_LABEL_LENGTH: usize = 63;
const MAX_NAME_LENGTH: usize = 253;

/// Checks that a name has the shape of a DNS name: labels that are neither empty nor too long.
pub(super) fn shape(name: &str) -> Result<(), Rule> {
    if name.is_empty() || name.split('.').any(str::is_empty) {
        return Err(Rule::Malformed);
    }
    if name.len() > MAX_NAME_LENGTH || name.split('.').any(|label| label.len() > MAX_LABEL_LENGTH) {
        return Err(Rule::LongName);
    }
    Ok(())
}

/// Returns the rule that refuses a name, given in lower case without a trailing dot.
pub(super) fn refusal(name: &str) -> Option<Rule> {
    if let Some((_, rule)) = INTERNAL.iter().find(|(suffix, _)| is_or_below(name, suffix)) {
        return Some(*rule);
    }
    (!name.contains('.')).then_some(Rule::SingleLabel)
}

/// Returns whether a name means loopback (RFC 6761), which only its addresses open.
pub(super) fn is_loopback(name: &str) -> bool {
    is_or_below(name.strip_suffix('.').unwrap_or(name), "localhost")
}

/// Returns whether `name` is `suffix` or a name below it.
fn is_or_below(name: &str, suffix: &str) -> bool {
    name == suffix || is_below(name, suffix)
}

/// Returns whether `name` is below `suffix`.
pub(super) fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
}

/// Returns whether a port is refused.
pub(super) fn is_refused_port(port: u16) -> bool {
    REFUSED_PORTS.binary_search(&port).is_ok()
}
