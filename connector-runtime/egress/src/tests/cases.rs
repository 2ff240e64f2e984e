//! A larger set of cases, run where it exists: compile with `FLOH_SSRF_CASES` naming a file of the format
//! `ssrf-cases/1`. Judged is what was dialled, not what an error says.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use super::authority::{Authority, Flaw, secure};
use crate::Secret;
use crate::testing::{Answer, Net, PUBLIC};
use crate::testing::{Upstream, answer, redirect as moved};
use crate::{EgressError, Policy, Response};

/// The public address that the server under test has in the cases.
const OWN: &str = "198.100.3.7";

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    kind: String,
    input: Value,
    expect: String,
    #[serde(default)]
    answers: Value,
    #[serde(default)]
    resolver: String,
    #[serde(default)]
    group: String,
    #[serde(default)]
    assert: String,
}

#[tokio::test]
async fn every_case_of_the_file() {
    let Some(path) = option_env!("FLOH_SSRF_CASES") else {
        println!("skipped: the cases of a file, as FLOH_SSRF_CASES named none when this was compiled");
        return;
    };
    let File { cases } = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut run, mut wrong) = (0, Vec::new());
    for case in &cases {
        let fault = match case.kind.as_str() {
            "ip" => ip(case).await,
            "url" => url(case).await,
            "dns" => dns(case).await,
            "request" => request(case).await,
            "redirect" => redirect(case).await,
            _ => continue,
        };
        run += 1;
        wrong.extend(fault.map(|fault| format!("{} {}: {fault}", case.id, case.input)));
    }
    assert!(wrong.is_empty(), "{} of {run} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(run > 200, "{run} cases");
    println!("{run} cases passed");
}

fn policy() -> Policy {
    Policy::strict().with_interfaces(&[OWN.parse().unwrap(), "127.0.0.1".parse().unwrap()])
}

/// Compares with the expectation: refused means that nothing was dialled.
fn compare(case: &Case, net: &Net, sent: &Result<Response, EgressError>) -> Option<String> {
    let dialled = net.dialled();
    match (case.expect.as_str(), sent) {
        ("block", Err(_)) if dialled.is_empty() => None,
        ("allow", Ok(_)) if !dialled.is_empty() => None,
        _ => Some(format!("expected {}, dialled {dialled:?}, got {:?}", case.expect, sent.as_ref().err())),
    }
}

async fn ip(case: &Case) -> Option<String> {
    let address: IpAddr = case.input.as_str().unwrap().parse().unwrap();
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let literal = if address.is_ipv6() { format!("http://[{address}]/") } else { format!("http://{address}/") };
    for url in [literal.as_str(), "http://named.test/"] {
        let net = Net::default();
        net.name("named.test", Answer::Addresses(vec![address])).route_all(upstream.address);
        let sent = net.client(policy()).get(url).send().await;
        if let Some(fault) = compare(case, &net, &sent) {
            return Some(format!("{url}: {fault}"));
        }
    }
    let verdict = policy().check(case.input.as_str().unwrap(), true).await;
    (verdict.allowed != (case.expect == "allow")).then(|| format!("checked as {verdict:?}"))
}

async fn url(case: &Case) -> Option<String> {
    let text = case.input.as_str().unwrap();
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let net = Net::default();
    net.route_all(upstream.address);
    if let Ok(url) = ::url::Url::parse(text)
        && let Some(host) = url.host_str()
    {
        let host = host.trim_end_matches('.');
        match case.resolver.as_str() {
            "" => {}
            "public" => drop(net.host(host, &[PUBLIC])),
            _ => drop(net.host(host, &["127.0.0.1"])),
        }
    }
    let sent = net.client(policy()).get(text.replace("https://", "http://").as_str()).send().await;
    // A name that only the resolver stops counts as not refused, but for the groups about addresses.
    let unresolved = matches!(&sent, Err(EgressError::Dns { .. }));
    if case.expect == "block" && unresolved {
        return Some("stopped by the resolver alone".to_owned());
    }
    if case.group == "names" {
        let verdict = policy().check(text, true).await;
        if verdict.allowed {
            return Some("no rule refuses the name".to_owned());
        }
    }
    compare(case, &net, &sent)
}

async fn dns(case: &Case) -> Option<String> {
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let net = Net::default();
    net.route_all(upstream.address);
    let text = case.input.as_str().unwrap().replace("https://", "http://");
    let host = ::url::Url::parse(&text).unwrap().host_str().unwrap().to_owned();
    let mut first = Vec::new();
    match &case.answers {
        Value::String(text) if text == "TIMEOUT" => drop(net.name(&host, Answer::Never)),
        Value::Array(answers) => {
            for (index, answer) in answers.iter().enumerate() {
                let texts = answer.as_array().unwrap().iter().map(|text| text.as_str().unwrap());
                let addresses: Vec<IpAddr> =
                    texts.map(|text| if text == "OWN_PUBLIC_IP" { OWN } else { text }.parse().unwrap()).collect();
                if index == 0 {
                    first.clone_from(&addresses);
                }
                net.name(&host, Answer::Addresses(addresses));
            }
        }
        _ => drop(net.name(&host, Answer::Unknown)),
    }
    let several = case.answers.as_array().is_some_and(|answers| answers.len() > 1);
    let never = case.answers == "TIMEOUT";
    if never {
        tokio::time::pause(); // nothing but the clock can end this one
    }
    let sent = net.client(policy()).get(&text).send().await;
    if never {
        tokio::time::resume();
    }
    if !several {
        return compare(case, &net, &sent);
    }
    let dialled = net.dialled();
    let within = dialled.iter().all(|address| first.contains(&address.ip()));
    let once = net.looked_up().len() == dialled.len().max(1);
    (!within || !once).then(|| format!("dialled {dialled:?}, looked up {:?}", net.looked_up()))
}

async fn request(case: &Case) -> Option<String> {
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(policy());
    let path = case.input["path"].as_str().unwrap_or("/");
    let method = case.input["method"].as_str().unwrap_or("GET");
    let mut request = client.request(method, format!("http://api.test{path}"));
    match &case.input["headers"] {
        Value::Object(headers) => {
            for (name, value) in headers {
                request = request.header(name, value.as_str().unwrap());
            }
        }
        Value::String(_) => {
            for index in 0..200 {
                request = request.header(format!("x-{index}"), "v".repeat(8 * 1024));
            }
        }
        _ => {}
    }
    compare(case, &net, &request.send().await)
}

/// One way of a request: `POST https://a.test/ -> 302 https://b.test/ (10.0.0.1) -> ...`.
struct PagingMethod {
    method: String,
    start: String,
    hops: Vec<(u16, String)>,
    named: Vec<(String, String)>,
    endless: bool,
}

impl PagingMethod {
    fn parse(text: &str) -> Self {
        let endless = text.ends_with("...");
        let whole = match text {
            "11 hops" => format!("https://a.test/{}", " -> 302 /next".repeat(11)),
            _ if endless => "https://a.test/ -> https://b.test/ -> https://a.test/".to_owned(),
            _ => text.to_owned(),
        };
        let mut parts = whole.split(" -> ");
        let start = parts.next().unwrap();
        let (method, start) = start.split_once(' ').unwrap_or(("GET", start));
        let (mut hops, mut named) = (Vec::new(), Vec::new());
        for part in parts {
            let (status, rest) = match part.split_once(' ') {
                Some((status, rest)) if status.parse::<u16>().is_ok() => (status.parse().unwrap(), rest),
                _ => (302, part),
            };
            let status = if text.contains("303") { 303 } else { status };
            let (url, address) = rest.split_once(" (").map_or((rest, None), |(url, rest)| (url, Some(rest)));
            if let Some(address) = address {
                let host = ::url::Url::parse(url).unwrap().host_str().unwrap().to_owned();
                named.push((host, address.trim_end_matches(')').to_owned()));
            }
            hops.push((status, url.to_owned()));
        }
        Self { method: method.to_owned(), start: start.to_owned(), hops, named, endless }
    }
}

async fn redirect(case: &Case) -> Option<String> {
    for text in case.input.as_array().unwrap() {
        let PagingMethod { method, start, hops, named, endless } = PagingMethod::parse(text.as_str().unwrap());
        let authority = Authority::new();
        let step = std::sync::atomic::AtomicUsize::new(0);
        let upstream = secure(authority.sign(&["a.test", "b.test", "c.test"], Flaw::None), move |_| {
            let step = step.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let step = if endless { step % hops.len() } else { step };
            hops.get(step).map_or_else(|| answer("200 OK", "", "end"), |(status, to)| moved(*status, to))
        })
        .await;
        let net = Net::default();
        for host in ["a.test", "b.test", "c.test"] {
            net.host(host, &[PUBLIC]);
        }
        for (host, address) in &named {
            net.host(host, &[address]);
        }
        net.route_all(upstream.address);
        let client = net.client_trusting(policy(), &authority.root);
        let request = client.request(&method, start.as_str()).bearer(&Secret::new("t0ken value"));
        let request = if method == "POST" { request.text("body") } else { request };
        let sent = request.send().await;
        let received = upstream.received();
        if net.dialled().iter().any(|address| address.ip().to_string() != PUBLIC) {
            return Some(format!("{text}: dialled {:?}", net.dialled()));
        }
        if sent.is_ok() != (case.expect == "allow") {
            return Some(format!("{text}: expected {}, got {:?}", case.expect, sent.err()));
        }
        let digits = case.assert.split_once("hop").map_or("", |(_, hops)| hops).chars().filter_map(|c| c.to_digit(10));
        for hop in digits {
            let hop = usize::try_from(hop).unwrap();
            if received.get(hop - 1).is_none_or(|request| request.header("authorization").is_some()) {
                return Some(format!(
                    "{text}: hop {hop} of {} carries the credential, or is not there",
                    received.len()
                ));
            }
        }
        if text.as_str().unwrap().contains("303")
            && (received[1].line().split(' ').next() != Some("GET") || !received[1].body.is_empty())
        {
            return Some(format!("{text}: 303 does not fetch"));
        }
    }
    None
}
