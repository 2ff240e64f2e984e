//! A larger set of cases, run where it exists: compile with `FLOH_SSRF_CASES` naming a file of the format
//! `ssrf-cases/1`. Judged is what was dialled, not what an error says.

use std::net::IpAddr;

use serde::Deserialize;
use serde_json::Value;

use super::net::{Answer, Net, PUBLIC};
use super::upstream::{Upstream, answer};
use crate::egress::{EgressError, Policy, Response};

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
}

#[tokio::test]
async fn every_case_of_the_file() {
    let Some(path) = option_env!("FLOH_SSRF_CASES") else {
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
