//! The address rule against the registries, row by row.

use std::net::IpAddr;

use proptest::prelude::*;

use super::super::address::{dialled, embedded, judged, refusal};
use super::super::policy::Clearance;
use crate::{Policy, Rule};

/// Rows of the IANA special-purpose registries and of the multicast registries, with what is expected of the
/// block's first and last address. `None` is a destination.
const ROWS: &[(&str, &str, Option<&str>)] = &[
    ("0.0.0.0", "0.255.255.255", Some("address_unspecified")),
    ("10.0.0.0", "10.255.255.255", Some("address_private")),
    ("100.64.0.0", "100.127.255.255", Some("address_shared")),
    ("127.0.0.0", "127.255.255.255", Some("address_loopback")),
    ("169.254.0.0", "169.254.255.255", Some("address_link_local")),
    ("172.16.0.0", "172.31.255.255", Some("address_private")),
    ("192.0.0.0", "192.0.0.255", Some("address_protocol_assignment")),
    ("192.0.0.9", "192.0.0.10", Some("address_protocol_assignment")), // reachable, but anycast: no HTTP there
    ("192.0.2.0", "192.0.2.255", Some("address_documentation")),
    ("192.31.196.0", "192.31.196.255", None), // AS112-v4
    ("192.52.193.0", "192.52.193.255", None), // AMT
    ("192.88.99.0", "192.88.99.255", Some("address_tunnel")),
    ("192.168.0.0", "192.168.255.255", Some("address_private")),
    ("192.175.48.0", "192.175.48.255", None), // Direct Delegation AS112 Service
    ("198.18.0.0", "198.19.255.255", Some("address_benchmarking")),
    ("198.51.100.0", "198.51.100.255", Some("address_documentation")),
    ("203.0.113.0", "203.0.113.255", Some("address_documentation")),
    ("224.0.0.0", "239.255.255.255", Some("address_multicast")),
    ("240.0.0.0", "255.255.255.255", Some("address_reserved")),
    ("::", "::", Some("address_unspecified")),
    ("::1", "::1", Some("address_loopback")),
    ("::2", "::ffff:ffff", Some("address_tunnel")), // IPv4-compatible
    ("::ffff:0:0:0", "::ffff:0:ffff:ffff", Some("address_tunnel")), // IPv4-translated
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Some("address_tunnel")),
    ("64:ff9b:0:0:0:1::", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", Some("address_not_global")),
    ("100::", "100::ffff:ffff:ffff:ffff", Some("address_not_global")), // Discard-Only
    ("100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff", Some("address_not_global")), // RFC 9780
    ("2001::", "2001::ffff:ffff:ffff:ffff:ffff:ffff", Some("address_tunnel")), // TEREDO
    ("2001:1::1", "2001:1::3", Some("address_protocol_assignment")),   // anycast
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")),
    ("2001:3::", "2001:3:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")), // AMT
    ("2001:4:112::", "2001:4:112:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")), // ORCHID
    ("2001:20::", "2001:2f:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")), // ORCHIDv2
    ("2001:30::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")), // DRIP
    ("2001:1ff:ffff::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_protocol_assignment")),
    ("2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_documentation")),
    ("2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_tunnel")), // 6to4
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", None),             // AS112
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_documentation")), // RFC 9637
    ("3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("4000::", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_not_global")),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_not_global")), // SRv6 SIDs, RFC 9602
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_unique_local")),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_link_local")),
    ("fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_not_global")), // site-local
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("address_multicast")),
];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn rule_of(address: IpAddr) -> Option<&'static str> {
    refusal(address).map(Rule::name)
}

#[test]
fn every_row_of_the_registries() {
    for (first, last, expected) in ROWS {
        assert_eq!(rule_of(ip(first)), *expected, "{first}");
        assert_eq!(rule_of(ip(last)), *expected, "{last}");
    }
}

#[test]
fn neighbours_of_blocks_are_destinations() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "168.63.129.15",
        "168.63.129.17",
        "2000::",
        "2003::",
        "3ffe:ffff::",
    ] {
        assert_eq!(rule_of(ip(address)), None, "{address}");
    }
}

#[test]
fn metadata_services() {
    for address in [
        "100.100.100.200",
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::a83f:8110",
    ] {
        assert_eq!(rule_of(ip(address)), Some("address_metadata"), "{address}");
    }
}

#[test]
fn wrapped_addresses_are_judged_by_what_they_wrap() {
    assert_eq!(dialled(ip("::ffff:8.8.8.8")), ip("8.8.8.8"));
    assert_eq!(dialled(ip("64:ff9b::808:808")), ip("64:ff9b::808:808"));
    assert_eq!(judged(ip("64:ff9b::808:808")), ip("8.8.8.8"));
    for public in ["::ffff:8.8.8.8", "64:ff9b::808:808"] {
        assert_eq!(rule_of(ip(public)), None, "{public}");
    }
    for (address, inner) in [
        ("64:ff9b::a00:1", "10.0.0.1"),
        ("::7f00:1", "127.0.0.1"),
        ("::ffff:0:7f00:1", "127.0.0.1"),
        ("64:ff9b:1::7f00:1", "127.0.0.1"),
        ("64:ff9b:1:7f00:0:100::", "127.0.0.1"),
        ("2002:7f00:1::9", "127.0.0.1"),
        ("2001:0:7f00:1::", "127.0.0.1"),
        ("2001:0:1:1:0:0:80ff:fffe", "127.0.0.1"),
        ("2606:4700::5efe:7f00:1", "127.0.0.1"),
        ("2606:4700::200:5efe:7f00:1", "127.0.0.1"),
    ] {
        assert!(refusal(ip(address)).is_some(), "{address}");
        assert!(embedded(ip(address)).into_iter().any(|found| IpAddr::V4(found) == ip(inner)), "{address}");
    }
}

#[test]
fn the_machines_own_addresses_are_refused() {
    let policy = Policy::strict().with_interfaces(&[ip("198.100.3.7"), ip("2606:4700::7")]);
    for own in ["198.100.3.7", "2606:4700::7", "::ffff:198.100.3.7", "64:ff9b::c664:307"] {
        assert_eq!(policy.judge_address(ip(own), None, Clearance::Plain), Err(Rule::OwnAddress), "{own}");
    }
    assert!(policy.judge_address(ip("198.100.3.8"), None, Clearance::Plain).is_ok());
}

proptest! {
    /// An IPv4 address has one verdict, however it is written into IPv6.
    #[test]
    fn spellings_agree(bits: u32) {
        let v4 = std::net::Ipv4Addr::from_bits(bits);
        let nat64 = std::net::Ipv6Addr::from_bits(0x0064_ff9b << 96 | u128::from(bits));
        prop_assert_eq!(refusal(v4.into()), refusal(v4.to_ipv6_mapped().into()));
        prop_assert_eq!(refusal(v4.into()), refusal(nat64.into()));
        prop_assert!(refusal(v4.to_ipv6_compatible().into()).is_some());
    }

    /// Nothing outside 2000::/3 is a destination, but what leads to a public IPv4 address.
    #[test]
    fn only_global_unicast(bits: u128) {
        let address = std::net::Ipv6Addr::from_bits(bits);
        let outside = bits >> 125 != 1;
        prop_assert!(!outside || refusal(address.into()).is_some() || judged(address.into()).is_ipv4());
    }
}
