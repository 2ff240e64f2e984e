//! Look-ups and dialling: one answer, judged whole, and nothing else is dialled.

use std::sync::Arc;
use std::time::Duration;

use connector_schema::ConfigSchema;
use futures_util::future::join_all;
use serde_json::Map;

use super::super::resolver::hosts_file;
use crate::testing::{Answer, Net, PUBLIC};
use crate::testing::{Upstream, answer};
use crate::{Client, EgressError, EgressScope, Policy};

async fn get(net: &Net, url: &str) -> Result<String, EgressError> {
    let policy = Policy::strict().with_interfaces(&["198.100.3.7".parse().unwrap()]);
    let response = net.client(policy).get(url).send().await?;
    Ok(response.text().into_owned())
}

#[tokio::test]
async fn a_mixed_answer_refuses_the_name() {
    for addresses in [
        &[PUBLIC, "10.0.0.5"][..],
        &["10.0.0.1", "2606:4700::1"],
        &["64:ff9b::a9fe:a9fe"],
        &["198.100.3.7"],
        &["::ffff:127.0.0.1"],
        &["fe80::1"],
    ] {
        let net = Net::default();
        net.host("mixed.test", addresses);
        let error = get(&net, "http://mixed.test/secret/path").await.unwrap_err();
        assert_eq!(error.code(), "policy", "{addresses:?}");
        assert!(error.to_string().contains("http://mixed.test/secret/path"), "{error}");
        // What is inside is not told.
        assert!(!addresses.iter().any(|address| error.to_string().contains(address)), "{error}");
        assert_eq!(net.dialled(), []);
    }
}

#[tokio::test]
async fn a_rebinding_name_is_dialled_at_the_answer_that_was_judged() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    net.host("rebind.test", &[PUBLIC]).host("rebind.test", &["127.0.0.1"]).route_all(upstream.address);
    assert_eq!(get(&net, "http://rebind.test/").await.unwrap(), "hi");
    assert_eq!(net.looked_up(), ["rebind.test"]);
    assert_eq!(get(&net, "http://rebind.test/").await.unwrap_err().code(), "policy");
    assert_eq!(net.dialled(), [format!("{PUBLIC}:80").parse().unwrap()]);
}

#[tokio::test]
async fn no_usable_answer() {
    let net = Net::default();
    let many: Vec<String> = (0..17).map(|last| format!("93.184.215.{last}")).collect();
    net.host("empty.test", &[]).name("unknown.test", Answer::Unknown);
    net.host("many.test", &many.iter().map(String::as_str).collect::<Vec<_>>());
    for (name, rule) in [("empty.test", "dns_empty"), ("unknown.test", "dns_failed"), ("many.test", "dns_too_many")] {
        let error = get(&net, &format!("http://{name}/")).await.unwrap_err();
        assert_eq!((error.code(), error.rule().unwrap().name()), ("dns", rule));
    }
    assert_eq!(net.dialled(), []);
}

#[tokio::test(start_paused = true)]
async fn a_look_up_has_five_seconds() {
    let net = Net::default();
    net.name("slow.test", Answer::Never);
    let started = tokio::time::Instant::now();
    let error = get(&net, "http://slow.test/").await.unwrap_err();
    assert_eq!(error.rule().unwrap().name(), "dns_timeout");
    assert_eq!(started.elapsed().as_secs(), 5);
    let client = net.client(Policy::strict()).with_timeout(Duration::from_secs(1));
    assert_eq!(client.get("http://slow.test/").send().await.unwrap_err().code(), "timeout");
    assert_eq!(started.elapsed().as_secs(), 6);
}

#[tokio::test]
async fn all_addresses_are_tried() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    net.host("a.test", &["2606:4700::1", "93.184.215.1", "93.184.215.2"]).route("93.184.215.2:80", upstream.address);
    assert_eq!(get(&net, "http://a.test/").await.unwrap(), "hi");
    assert_eq!(net.dialled().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_silent_address_does_not_hold_up_the_others() {
    let net = Net::default();
    net.host("a.test", &["93.184.215.1", "93.184.215.2"]).silent("93.184.215.1:80").silent("93.184.215.2:80");
    let started = tokio::time::Instant::now();
    let error = get(&net, "http://a.test/").await.unwrap_err();
    assert_eq!(error.code(), "connect");
    assert_eq!(started.elapsed().as_secs(), 10);
    assert_eq!(net.dialled().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_closed_inner_port_reads_as_a_filtered_one() {
    let net = Net::default();
    net.silent("10.0.0.5:81");
    let client = net.client(Policy::parse(&["10.0.0.5"], &[]).unwrap());
    let closed = client.get("http://10.0.0.5:80/").send().await.unwrap_err();
    let filtered = client.get("http://10.0.0.5:81/").send().await.unwrap_err();
    assert_eq!(closed.code(), "connect");
    assert_eq!(closed.to_string(), filtered.to_string().replace(":81", ""));
    // In the open it is no secret, and a help.
    let public = net.client(Policy::strict()).get("http://93.184.215.1/").send().await.unwrap_err();
    assert!(public.to_string().contains("refused"), "{public}");
}

#[tokio::test]
async fn literals_are_dialled_as_judged_and_not_looked_up() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    net.route_all(upstream.address);
    for (url, dialled) in [
        ("http://93.184.215.14/", "93.184.215.14:80"),
        ("http://[::ffff:93.184.215.14]:8080/", "93.184.215.14:8080"),
        ("http://[64:ff9b::808:808]/", "[64:ff9b::808:808]:80"),
    ] {
        assert_eq!(get(&net, url).await.unwrap(), "hi");
        assert_eq!(net.dialled().last(), Some(&dialled.parse().unwrap()));
    }
    assert_eq!(net.looked_up(), [""; 0]);
}

#[test]
fn the_hosts_file_is_read() {
    let text = "127.0.0.1 localhost\n# 1.1.1.1 a.test\n10.0.0.1\tA.test b.test # c.test\n::1 a.test\nnonsense a.test\n";
    let texts = |name| hosts_file(text, name).iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(texts("a.test"), ["10.0.0.1", "::1"]);
    assert_eq!(texts("b.test"), ["10.0.0.1"]);
    assert_eq!(texts("c.test"), [""; 0]);
}

#[tokio::test]
async fn the_systems_resolver_and_sockets() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let policy = Policy::parse(&["localhost", "127.0.0.1", "::1"], &[]).unwrap();
    let url = format!("http://localhost:{}/", upstream.address.port());
    let sending = tokio::spawn(Client::new(policy).get(&url).send());
    assert_eq!(sending.await.unwrap().unwrap().text(), "hi");
    let unopened = Policy::parse(&["localhost"], &[]).unwrap();
    let error = Client::new(unopened).get(&url).send().await.unwrap_err();
    assert_eq!(error.rule().unwrap().name(), "address_loopback");
    assert!(error.to_string().contains("the address itself, not its name"), "{error}");
}

#[tokio::test]
async fn calls_for_one_name_share_a_look_up() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    net.host("a.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    let answers = join_all((0..50).map(|_| client.get("http://a.test/").send())).await;
    assert!(answers.iter().all(Result::is_ok));
    assert!(net.looked_up().len() < 10, "{:?}", net.looked_up());
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_not_found_is_not_asked_for_again_for_a_moment() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    net.name("a.test", Answer::Unknown).host("a.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    for _ in 0..100 {
        let error = client.get("http://a.test/").send().await.unwrap_err();
        assert_eq!(error.rule().unwrap().name(), "dns_failed");
    }
    assert_eq!(net.looked_up().len(), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(client.get("http://a.test/").send().await.unwrap().text(), "hi");
}

#[tokio::test(start_paused = true)]
async fn a_connection_to_a_dead_zone_stops_nobody_else() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    for number in 0..250 {
        net.name(&format!("{number}.dead.test"), Answer::Never);
    }
    net.host("a.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    let of_a_connection =
        || client.for_connection(EgressScope::Anywhere, &ConfigSchema::default(), &Map::new(), &Arc::default());
    let (hostile, other) = (of_a_connection(), of_a_connection());
    let began = tokio::time::Instant::now();
    let dead = join_all((0..250).map(|number| hostile.get(format!("http://{number}.dead.test/")).send()));
    let others = async {
        for _ in 0..20 {
            assert_eq!(other.get("http://a.test/").send().await.unwrap().text(), "hi");
        }
        began.elapsed()
    };
    let (dead, took) = tokio::join!(dead, others);
    assert!(took.as_secs() < 1, "{took:?}");
    assert!(dead.iter().all(|answer| answer.as_ref().unwrap_err().rule().unwrap().name() == "dns_timeout"));
    let asked = net.looked_up().iter().filter(|name| name.ends_with("dead.test")).count();
    assert_eq!(asked, 8, "the others waited for a permit, and for nothing else");
    assert_eq!(began.elapsed().as_secs(), 5, "all at the same time");
    // The look-ups still run, so who asks for one of these names now starts none.
    let late = other.get("http://0.dead.test/").send().await.unwrap_err();
    assert_eq!(late.rule().unwrap().name(), "dns_timeout");
    assert_eq!(net.looked_up().iter().filter(|name| name.ends_with("dead.test")).count(), 8);
}

#[tokio::test(start_paused = true)]
async fn who_stops_waiting_does_not_end_the_look_up_of_others() {
    let net = Net::default();
    net.name("slow.test", Answer::Never);
    let client = net.client(Policy::strict());
    let hurried = client.with_timeout(Duration::from_secs(1));
    let (first, second) = tokio::join!(hurried.get("http://slow.test/").send(), client.get("http://slow.test/").send());
    assert_eq!((first.unwrap_err().code(), second.unwrap_err().rule().unwrap().name()), ("timeout", "dns_timeout"));
    assert_eq!(net.looked_up().len(), 1);
}
