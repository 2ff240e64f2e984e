//! The operator's lists and proxy.

use std::net::IpAddr;

use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer};
use crate::{DestinationCheck, Policy};

/// Builds a policy on a machine that has no address but 10.9.9.9.
fn policy(allow: &[&str], deny: &[&str]) -> Policy {
    Policy::parse(allow, deny).unwrap().with_interfaces(&["10.9.9.9".parse().unwrap()])
}

async fn check(policy: &Policy, input: &str, addresses: &[&str]) -> DestinationCheck {
    let net = Net::default();
    let name = input.split(['/', ':']).find(|part| part.contains("corp") || part.contains("test"));
    net.host(name.unwrap_or_default(), addresses);
    policy.check_with(&net, input, false).await
}

async fn rule_of(policy: &Policy, input: &str, addresses: &[&str]) -> &'static str {
    check(policy, input, addresses).await.rule.map_or("", |rule| rule.name())
}

#[tokio::test]
async fn addresses_and_blocks() {
    let open = policy(&["10.0.0.0/8, 192.168.1.5", "192.168.1.6:8080", "[fd00::1]:8080", "fd00:1::/32"], &[]);
    for (url, rule) in [
        ("http://10.1.2.3/", "operator_allow"),
        ("http://10.1.2.3:8080/", "operator_allow"),
        ("http://10.1.2.3:22/", "port"),
        ("http://11.1.2.3/", ""),
        ("http://192.168.1.5/", "operator_allow"),
        ("http://192.168.1.6:8080/", "operator_allow"),
        ("http://192.168.1.6/", "address_private"),
        ("http://192.168.1.7/", "address_private"),
        ("http://[fd00::1]:8080/", "operator_allow"),
        ("http://[fd00::1]/", "address_unique_local"),
        ("http://[fd00:1::9]/", "operator_allow"),
        ("http://[::ffff:10.1.2.3]/", "operator_allow"),
        ("http://[64:ff9b::a01:203]/", "operator_allow"),
        ("http://10.9.9.9/", "address_own"),
        ("10.1.2.3", "operator_allow"),
        ("192.168.1.6", "address_private"),
    ] {
        assert_eq!(rule_of(&open, url, &[]).await, rule, "{url}");
    }
    assert_eq!(rule_of(&open, "http://a.test/", &["10.1.2.3"]).await, "operator_allow");
    assert_eq!(rule_of(&open, "http://a.test/", &["10.1.2.3", "192.168.9.9"]).await, "address_private");
}

#[tokio::test]
async fn a_closed_policy_opens_its_list_and_nothing_else() {
    let list = ["10.1.0.0/16", "192.168.1.5/32:8080", "[fd00::1]:8080", "fd00::2/128:443", "8.8.4.4", "a.test:8080"];
    let closed = Policy::only(&list).unwrap().with_interfaces(&["10.1.9.9".parse().unwrap()]);
    for (url, rule) in [
        ("http://10.1.2.3/", "operator_allow"),
        ("http://10.1.9.9/", "not_listed"),
        ("http://10.2.0.1/", "not_listed"),
        ("http://192.168.1.5:8080/", "operator_allow"),
        ("http://192.168.1.5/", "not_listed"),
        ("http://[fd00::1]:8080/", "operator_allow"),
        ("https://[fd00::2]/", "operator_allow"),
        ("http://[fd00::2]/", "not_listed"),
        ("http://8.8.4.4/", ""),
        ("http://8.8.8.8/", "not_listed"),
        ("http://[::ffff:8.8.4.4]/", ""),
        ("http://[2606:4700::1]/", "not_listed"),
        ("http://127.0.0.1/", "not_listed"),
        ("http://169.254.169.254/", "not_listed"),
    ] {
        assert_eq!(rule_of(&closed, url, &[]).await, rule, "{url}");
    }
    assert_eq!(rule_of(&closed, "http://a.test:8080/", &[PUBLIC]).await, "operator_allow");
    assert_eq!(rule_of(&closed, "http://a.test:8080/", &["10.3.0.1"]).await, "operator_allow");
    assert_eq!(rule_of(&closed, "http://a.test:8080/", &["127.0.0.1"]).await, "not_listed");
    assert_eq!(rule_of(&closed, "http://a.test/", &[PUBLIC]).await, "not_listed");
    // A name that is not listed goes by its addresses, all of them.
    assert_eq!(rule_of(&closed, "http://b.test/", &["10.1.2.3"]).await, "operator_allow");
    assert_eq!(rule_of(&closed, "http://b.test/", &["8.8.4.4"]).await, "");
    assert_eq!(rule_of(&closed, "http://b.test/", &["10.1.2.3", PUBLIC]).await, "not_listed");
    let nothing = Policy::only::<&str>(&[]).unwrap();
    assert_eq!(rule_of(&nothing, "http://8.8.8.8/", &[]).await, "not_listed");
}

#[test]
fn entries_that_open_nothing_are_told() {
    let entries = |allow: &[&str]| -> Vec<String> {
        let warnings = Policy::parse(allow, &[]).unwrap().warnings();
        warnings.iter().map(|text| text.split('`').nth(1).unwrap().to_owned()).collect()
    };
    let inert = ["127.0.0.0/8", "127.0.0.4/30", "169.254.0.0/16", "fe80::/10", "localhost", "localhost:3000"];
    assert_eq!(entries(&inert), inert);
    assert_eq!(entries(&["*.localhost", "app.localhost:80"]), ["*.localhost", "app.localhost:80"]);
    let sound = ["127.0.0.1", "127.0.0.1/32", "[::1]:8080", "0.0.0.0/0", "::/0", "10.0.0.0/8", "a.corp.example"];
    assert_eq!(entries(&sound), [""; 0]);
    let warning = &Policy::parse(&["127.0.0.0/8"], &[]).unwrap().warnings()[0];
    assert!(warning.contains("a loopback address") && warning.contains("list each one"), "{warning}");
}

#[tokio::test]
async fn this_machine_and_metadata_are_opened_one_by_one() {
    let blocks = ["0.0.0.0/0", "::/0", "127.0.0.0/8", "169.254.0.0/16", "*.corp.example", "a.test", "localhost"];
    let open = policy(&blocks, &[]);
    for address in [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "0.0.0.0",
        "::",
        "169.254.169.254",
        "169.254.1.1",
        "fe80::1",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "10.9.9.9",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::a9fe:a9fe",
        "2002:7f00:1::1",
        "::127.0.0.1",
    ] {
        assert!(!check(&open, address, &[]).await.allowed, "{address}");
        for url in ["http://x.corp.example/", "http://a.test/"] {
            assert!(!check(&open, url, &[address]).await.allowed, "{url} {address}");
        }
    }
    assert_eq!(rule_of(&open, "http://x.corp.example/", &["10.1.1.1"]).await, "operator_allow");
    for (entry, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1/32", "::ffff:127.0.0.1"),
        ("::ffff:127.0.0.1/128", "127.0.0.1"),
        ("::1", "::1"),
        ("169.254.169.254/32", "169.254.169.254"),
        ("10.9.9.9", "10.9.9.9"),
    ] {
        let single = policy(&[entry], &[]);
        assert_eq!(rule_of(&single, address, &[]).await, "operator_allow", "{entry}");
        assert!(!check(&single, "127.0.0.2", &[]).await.allowed);
    }
}

#[tokio::test]
async fn names() {
    let open = policy(&["api.corp", "*.svc.cluster.local", "crm.corp:8443", "BÜCHER.test"], &[]);
    for (url, address, rule) in [
        ("http://api.corp/", "10.1.1.1", "operator_allow"),
        ("http://API.corp./", "10.1.1.1", "operator_allow"),
        ("http://api.corp/", PUBLIC, "operator_allow"),
        ("http://api.corp:22/", "10.1.1.1", "port"),
        ("http://x.api.corp/", "10.1.1.1", "name_internal"),
        ("http://crm.corp:8443/", "10.1.1.1", "operator_allow"),
        ("http://crm.corp/", "10.1.1.1", "name_internal"),
        ("http://other.test/", "10.1.1.1", "address_private"),
        ("http://xn--bcher-kva.test/", "10.1.1.1", "operator_allow"),
    ] {
        let net = Net::default();
        for name in ["api.corp", "crm.corp", "other.test", "xn--bcher-kva.test", "x.api.corp"] {
            net.host(name, &[address]);
        }
        let verdict = open.check_with(&net, url, false).await;
        assert_eq!(verdict.rule.map_or("", |rule| rule.name()), rule, "{url}");
    }
    assert!(policy(&["a.svc.cluster.local"], &[]).check("http://a.svc.cluster.local/", true).await.allowed);
    assert!(open.check("http://a.b.svc.cluster.local/", true).await.allowed);
    assert!(!open.check("http://svc.cluster.local/", true).await.allowed);
    assert!(policy(&["db.test:5432"], &[]).check("http://db.test:5432/", true).await.allowed);
}

#[tokio::test]
async fn the_deny_list_goes_first() {
    let closed =
        policy(&["10.0.0.0/8", "a.test"], &["10.1.0.0/16", "a.test", "*.evil.test", "8.8.8.8:443", "2606:4700::/32"]);
    for (url, address, rule) in [
        ("http://10.1.2.3/", PUBLIC, "operator_deny"),
        ("http://[64:ff9b::a01:203]/", PUBLIC, "operator_deny"),
        ("http://10.2.2.3/", PUBLIC, "operator_allow"),
        ("http://a.test/", PUBLIC, "operator_deny"),
        ("http://b.test/", "10.1.2.3", "operator_deny"),
        ("http://x.evil.test/", PUBLIC, "operator_deny"),
        ("http://evil.test/", PUBLIC, ""),
        ("https://8.8.8.8/", PUBLIC, "operator_deny"),
        ("http://8.8.8.8/", PUBLIC, ""),
        ("http://[2606:4700::1]/", PUBLIC, "operator_deny"),
    ] {
        assert_eq!(rule_of(&closed, url, &[address]).await, rule, "{url}");
    }
}

#[test]
fn bad_entries_are_named() {
    for (entry, why) in [
        ("", "empty"),
        ("a.test,", "empty"),
        ("https://a.test", "URL"),
        ("10.0.0.1/8", "write 10.0.0.0/8"),
        ("10.0.0.0/33", "not a block"),
        ("10.0.0.0/8:80", "not a block"),
        ("fd00::/32:80", "only a single address"),
        ("10.1.2.3/32:0", "port"),
        ("a.test:0", "port"),
        ("a.test:http", "port"),
        ("a.test:70000", "port"),
        ("[10.0.0.1]:x", "port"),
        ("[nonsense]:80", "not an IPv6"),
        ("127.1", "write 127.0.0.1"),
        ("0177.0.0.1", "write 127.0.0.1"),
        ("2130706433", "write 127.0.0.1"),
        ("*", "star"),
        ("a.*.test", "star"),
        ("a b.test", "not a host name"),
        ("a..test", "not a host name"),
        ("a.test/path", "not a block"),
        ("user@a.test", "not a host name"),
    ] {
        for error in [Policy::parse(&[entry], &[]).unwrap_err(), Policy::parse(&[], &["1.1.1.1", entry]).unwrap_err()] {
            assert!(error.to_string().contains(why), "{entry}: {error}");
        }
    }
}

#[tokio::test]
async fn a_verdict_is_a_line_of_json() {
    let verdict = check(&policy(&[], &[]), "http://a.test/", &[PUBLIC]).await;
    let json = serde_json::to_string(&verdict).unwrap();
    assert_eq!(json, r#"{"input":"http://a.test/","allowed":true,"addresses":["93.184.215.14"]}"#);
    let verdict = check(&policy(&[], &[]), "http://localhost/", &[]).await;
    let json = serde_json::to_string(&verdict).unwrap();
    assert_eq!(json, r#"{"input":"http://localhost/","allowed":false,"rule":"name_internal"}"#);
    assert_eq!(rule_of(&policy(&[], &[]), "http://a.test/", &[]).await, "dns_empty");
}

#[test]
fn policies_are_told_apart() {
    let policy = policy(&[], &[]);
    assert_eq!(policy.version(), policy.clone().version());
    assert_ne!(policy.version(), Policy::strict().version());
}

#[tokio::test]
async fn through_a_proxy() {
    let proxy = Upstream::start(|_| answer("200 OK", "", "by proxy")).await;
    let inner = Upstream::start(|_| answer("200 OK", "", "direct")).await;
    let net = Net::default();
    net.host("proxy", &["10.0.0.7"]).host("api.corp", &["10.0.0.8"]);
    net.route("10.0.0.7:3128", proxy.address).route("10.0.0.8:80", inner.address);
    let own: IpAddr = "10.9.9.9".parse().unwrap();
    let behind = Policy::parse(&["api.corp"], &[]).unwrap().with_proxy("http://me:p%40ss@proxy:3128").unwrap();
    let client = net.client(behind.with_interfaces(&[own]));
    assert_eq!(client.get("http://a.test/x?y=1").send().await.unwrap().text(), "by proxy");
    assert_eq!(client.get("http://api.corp/").send().await.unwrap().text(), "direct");
    assert_eq!(net.looked_up(), ["proxy", "api.corp"]);
    let received = &proxy.received()[0];
    assert_eq!(received.line(), "GET http://a.test/x?y=1 HTTP/1.1");
    assert_eq!(received.header("proxy-authorization"), Some("Basic bWU6cEBzcw=="));
    assert_eq!(inner.received()[0].header("proxy-authorization"), None);
    for refused in ["http://localhost/", "http://127.0.0.1/", "http://a.test:22/", "http://10.0.0.9/"] {
        assert_eq!(client.get(refused).send().await.unwrap_err().code(), "policy", "{refused}");
    }
    assert_eq!(proxy.received().len(), 1);
    for bad in ["proxy:3128", "https://proxy", "socks5://proxy", "http://proxy/path", "http://"] {
        assert!(Policy::strict().with_proxy(bad).is_err(), "{bad}");
    }
    let error = Policy::strict().with_proxy("ftp://me:hush@proxy").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hush"));
    assert!(!format!("{client:?}").contains("ss"), "{client:?}");
}
