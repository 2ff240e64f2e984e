//! A search that finds 100,000 entries, in a process of its own, because its memory is measured.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::testing;
use connectors::ldap::Ldap;
use test_support::slapd::{ACCOUNT, BASE, PASSWORD, Slapd};

const ENTRIES: usize = 100_000;
const MOST_MEMORY: usize = 64 * 1024 * 1024;

/// Returns a line of what the system knows of this process, in bytes.
fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_hundred_thousand_entries_fit_into_64_mib() {
    let mut ldif = String::new();
    for at in 0..ENTRIES {
        write!(
            ldif,
            "dn: uid=p{at:06},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: p{at:06}\ncn: Person {at}\nsn: {at}\n\n"
        )
        .unwrap();
    }
    let Some(slapd) = Slapd::start(&ldif).await else { return };
    drop(ldif);
    let call = |limit: usize| {
        testing::call::<Ldap>("search")
            .config("url", format!("ldaps://127.0.0.1:{}", slapd.tls_port()))
            .config("caCertificate", slapd.authority())
            .config("bindDn", ACCOUNT)
            .config("bindPassword", PASSWORD)
            .config("baseDn", format!("ou=people,{BASE}"))
            .http(Client::new(Policy::parse(&[format!("127.0.0.1:{}", slapd.tls_port())], &[]).unwrap()))
            .param("filter", "(uid=p*)")
            .param("attributes", ["uid", "cn"])
            .param("limit", limit)
            .timeout_ms(60_000)
    };
    assert!(call(10).run().await.success);
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    let done = call(ENTRIES).done().await;
    let more = status("VmHWM:").saturating_sub(before);
    let payload = done.reply.into_result().payload.unwrap();
    assert_eq!((&payload["count"], &payload["truncated"]), (&ENTRIES.into(), &false.into()));
    println!("{} MiB more for {ENTRIES} entries in {:?}", more >> 20, done.took);
    assert!(more < MOST_MEMORY, "{} MiB", more >> 20);
}
