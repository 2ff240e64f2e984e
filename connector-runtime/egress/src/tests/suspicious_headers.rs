//! Headers that are allowed and still worth a line in the log.

use crate::suspicious_headers::{MAX_NOTES, NOTES_PER};
use crate::testing::Events;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer};
use crate::{Client, Policy};

#[tokio::test]
async fn headers_for_metadata_services_are_sent_and_logged_by_name() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    for (name, telling) in [
        ("Metadata-Flavor", true),
        ("Metadata", true),
        ("X-aws-ec2-metadata-token", true),
        ("X-Forwarded-For", true),
        ("X-Forwarded-Fork", false),
        ("Accept", false),
    ] {
        let events = Events::default();
        let guard = tracing::subscriber::set_default(events.clone());
        let sent = client.get("http://api.test/x?q=1").header(name, "the-value").send().await;
        drop(guard);
        assert!(sent.is_ok(), "{name}");
        assert_eq!(upstream.received().pop().unwrap().header(name), Some("the-value"));
        let all = events.lines();
        let lines: Vec<_> = all.iter().filter(|line| line.contains("telling_header")).collect();
        assert_eq!(lines.len(), usize::from(telling), "{name}: {all:?}");
        for line in lines {
            assert!(line.starts_with("INFO") && line.contains(&name.to_ascii_lowercase()), "{line}");
            assert!(line.contains("http://api.test/x"), "{line}");
        }
        assert!(all.iter().all(|line| !line.contains("the-value") && !line.contains("q=1")), "{all:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_logs_so_many_of_them() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).route_all(upstream.address);
    let chatty = net.client(Policy::strict());
    let other = chatty.with_own_limits();
    let events = Events::default();
    let _guard = tracing::subscriber::set_default(events.clone());
    let logged = async |client: &Client, count: u32| {
        let before = events.lines().len();
        for _ in 0..count {
            client.get("http://api.test/").header("metadata", "true").send().await.unwrap();
        }
        let all = events.lines();
        u32::try_from(all[before..].iter().filter(|line| line.contains("telling_header")).count()).unwrap()
    };
    assert_eq!(logged(&chatty, 3 * MAX_NOTES).await, MAX_NOTES);
    assert_eq!(logged(&other, 3).await, 3);
    tokio::time::advance(NOTES_PER).await;
    assert_eq!(logged(&chatty, 2).await, 2);
}

#[tokio::test]
async fn what_does_not_leave_is_not_logged_as_if_it_did() {
    let net = Net::default();
    let client = net.client(Policy::strict());
    let events = Events::default();
    let guard = tracing::subscriber::set_default(events.clone());
    let sent = client.get("http://169.254.169.254/").header("metadata-flavor", "Google").send().await;
    drop(guard);
    assert_eq!(sent.unwrap_err().code(), "policy");
    assert!(events.lines().iter().all(|line| !line.contains("telling_header")), "{:?}", events.lines());
}
