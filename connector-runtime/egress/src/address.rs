//! The address rule: which IP addresses are public.
//!
//! Pure functions over the two IANA special-purpose registries
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry>,
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>). IPv4 is a list of what is refused, IPv6
//! a list of what is not: outside 2000::/3 nothing is a destination. The rule judges the address that is dialled.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Rule;

/// An IPv4 block: network, prefix length, the rule that refuses it.
type Block4 = (Ipv4Addr, u8, Rule);
/// An IPv6 block: network, prefix length, the rule that refuses it.
type Block6 = (Ipv6Addr, u8, Rule);

/// Addresses behind which a cloud hands out credentials, outside the link-local block.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure's wire server: a public address by its number
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)), // most clouds
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),   // AWS ECS task credentials
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),  // AWS EKS pod identity
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),     // Oracle Cloud, classic
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253)), // AWS DNS
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)), // AWS EKS pod identity
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // Google Cloud
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42)), // Scaleway
];

/// What is refused in IPv4. Rows of the registry that are "Globally Reachable: True" are left out
/// (192.31.196.0/24, 192.52.193.0/24, 192.175.48.0/24), but for the two anycast addresses 192.0.0.9 and
/// 192.0.0.10 in 192.0.0.0/24: port control and TURN relays on the way out, never an HTTP destination.
pub(super) const REFUSED_V4: &[Block4] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, Rule::Unspecified), // "This network", RFC 791
    (Ipv4Addr::new(10, 0, 0, 0), 8, Rule::Private),    // Private-Use, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10, Rule::SharedAddress), // Shared Address Space, RFC 6598
    (Ipv4Addr::new(127, 0, 0, 0), 8, Rule::Loopback),  // Loopback, RFC 1122
    (Ipv4Addr::new(169, 254, 0, 0), 16, Rule::LinkLocal), // Link Local, RFC 3927
    (Ipv4Addr::new(172, 16, 0, 0), 12, Rule::Private), // Private-Use, RFC 1918
    (Ipv4Addr::new(192, 0, 0, 0), 24, Rule::ProtocolAssignment), // IETF Protocol Assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24, Rule::Documentation), // TEST-NET-1, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24, Rule::Tunnel), // 6to4 relay anycast, deprecated by RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16, Rule::Private), // Private-Use, RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15, Rule::Benchmarking), // Benchmarking, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24, Rule::Documentation), // TEST-NET-2, RFC 5737
    (Ipv4Addr::new(203, 0, 113, 0), 24, Rule::Documentation), // TEST-NET-3, RFC 5737
    (Ipv4Addr::new(224, 0, 0, 0), 4, Rule::Multicast), // Multicast, RFC 5771
    (Ipv4Addr::new(240, 0, 0, 0), 4, Rule::Reserved),  // Reserved, RFC 1112; Limited Broadcast, RFC 919
];

/// What is refused inside 2000::/3.
pub(super) const REFUSED_GLOBAL_V6: &[Block6] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 32, Rule::Tunnel), // TEREDO, RFC 4380
    // IETF Protocol Assignments, RFC 2928; with it the rows inside that are reachable but are not HTTP
    // destinations: PCP, TURN and DNS-SD anycast, AMT, AS112, ORCHIDv2, drone ids.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Rule::ProtocolAssignment),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Rule::Documentation), // RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, Rule::Tunnel),            // 6to4, RFC 3056
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Rule::Documentation),     // RFC 9637
];

/// Names for blocks outside 2000::/3; whatever is left there is [`Rule::NotGlobal`]: Discard-Only 100::/64
/// and Dummy 100:0:0:1::/64 (RFC 6666, RFC 9780), SRv6 SIDs 5f00::/16 (RFC 9602), site-local fec0::/10.
pub(super) const NAMED_V6: &[Block6] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Rule::Unspecified), // Unspecified Address, RFC 4291
    (Ipv6Addr::LOCALHOST, 128, Rule::Loopback),      // Loopback Address, RFC 4291
    (Ipv6Addr::UNSPECIFIED, 96, Rule::Tunnel),       // IPv4-compatible, deprecated by RFC 4291
    (Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96, Rule::Tunnel), // IPv4-translated, RFC 2765
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Rule::Tunnel), // local-use translation, RFC 8215
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Rule::UniqueLocal), // Unique-Local, RFC 4193
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Rule::LinkLocal), // Link-Local Unicast, RFC 4291
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, Rule::Multicast), // Multicast, RFC 4291
];

/// 2000::/3, the only space from which IANA allocates global unicast addresses.
const GLOBAL_UNICAST: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Returns the address that is dialled for `address`: the IPv4 address of an IPv4-mapped one.
pub(super) fn dialled(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Returns the address that is judged instead of `address`: for an address of the well-known NAT64 prefix
/// 64:ff9b::/96 (RFC 6052), the IPv4 address in its last 32 bits.
///
/// Networks with DNS64 answer with that prefix for every IPv4 host, so it cannot be refused as a whole.
pub(super) fn judged(address: IpAddr) -> IpAddr {
    match dialled(address) {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => IpAddr::V4(low_v4(v6)),
        other => other,
    }
}

/// Returns the rule that refuses an address; `None` if it is public. The operator's lists and the machine's own
/// addresses are not considered.
pub(super) fn refusal(address: IpAddr) -> Option<Rule> {
    let address = judged(address);
    if METADATA.contains(&address) {
        return Some(Rule::Metadata);
    }
    match address {
        IpAddr::V4(v4) => find4(REFUSED_V4, v4),
        IpAddr::V6(v6) => refusal_v6(v6),
    }
}

fn refusal_v6(address: Ipv6Addr) -> Option<Rule> {
    if !within6(address, GLOBAL_UNICAST.0, GLOBAL_UNICAST.1) {
        return Some(find6(NAMED_V6, address).unwrap_or(Rule::NotGlobal));
    }
    if is_isatap(address) {
        return Some(Rule::Tunnel);
    }
    find6(REFUSED_GLOBAL_V6, address)
}

/// Returns the IPv4 addresses that a tunnel or translator may read out of an address.
///
/// Opening a block of tunnel addresses must not open the addresses that they wrap, so each of them is judged too.
pub(super) fn embedded(address: IpAddr) -> Vec<Ipv4Addr> {
    let IpAddr::V6(v6) = dialled(address) else {
        return Vec::new();
    };
    let [s0, s1, s2, s3, s4, ..] = v6.segments();
    let mut found = Vec::new();
    if find6(NAMED_V6, v6) == Some(Rule::Tunnel) || is_isatap(v6) || judged(address) != dialled(address) {
        found.push(low_v4(v6));
    }
    match s0 {
        0x2002 => found.push(from_words(s1, s2)), // 6to4
        0x2001 if s1 == 0 => {
            found.push(from_words(s2, s3)); // Teredo's server
            found.push(Ipv4Addr::from(!low_v4(v6).to_bits())); // Teredo's client, written inverted
        }
        // RFC 6052 writes a /48 prefix's IPv4 address around bits 64 to 71.
        0x64 if s1 == 0xff9b && s2 == 1 => {
            let [_, _, _, _, _, s5, ..] = v6.segments();
            found.push(from_words(s3, (s4 << 8) | (s5 >> 8)));
        }
        _ => {}
    }
    found
}

/// ISATAP interface ids (RFC 5214): `0:5efe` or `200:5efe` before the IPv4 address.
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    segments[4] & !0x0200 == 0 && segments[5] == 0x5efe
}

fn low_v4(address: Ipv6Addr) -> Ipv4Addr {
    let [.., high, low] = address.segments();
    from_words(high, low)
}

fn from_words(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

fn find4(blocks: &[Block4], address: Ipv4Addr) -> Option<Rule> {
    blocks.iter().find(|(network, prefix, _)| within4(address, *network, *prefix)).map(|block| block.2)
}

fn find6(blocks: &[Block6], address: Ipv6Addr) -> Option<Rule> {
    blocks.iter().find(|(network, prefix, _)| within6(address, *network, *prefix)).map(|block| block.2)
}

fn within4(address: Ipv4Addr, network: Ipv4Addr, prefix: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    address.to_bits() & mask == network.to_bits()
}

fn within6(address: Ipv6Addr, network: Ipv6Addr, prefix: u8) -> bool {
    let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
    address.to_bits() & mask == network.to_bits()
}
