//! The requests of the connector are those of Google's own client.

use std::io::Write as _;
use std::process::{Command, Stdio};

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, Seen, Upstream};

use super::support::{call, packages, script};

/// A request without what is spelled in several ways: segments are decoded, parameters sorted.
#[derive(Debug, PartialEq)]
struct Plain {
    method: String,
    path: Vec<String>,
    query: Vec<(String, String)>,
    body: Value,
}

impl Plain {
    fn new(method: &str, target: &str, body: Value) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.split('/').map(decoded).collect();
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let plus = |text: &str| decoded(&text.replace('+', " "));
        let mut query: Vec<_> = pairs.map(|(name, value)| (plus(name), plus(value))).collect();
        // Google's client says what the API answers anyway.
        query.retain(|(name, value)| (name.as_str(), value.as_str()) != ("alt", "json"));
        query.sort();
        Self { method: method.to_owned(), path, query, body }
    }

    fn of(seen: &Seen) -> Self {
        let line = seen.line();
        let (method, target) = line.split_once(' ').unwrap();
        Self::new(method, target, seen.json())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// Asks Google's client what it would send.
fn googles(calls: &Value) -> Option<Vec<Plain>> {
    let mut command = Command::new("python3");
    command.arg(script("requests.py")).env("PYTHONPATH", packages()?).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(calls.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let plain = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let target = line["uri"].as_str().unwrap().strip_prefix("https://admin.googleapis.com").unwrap();
        Plain::new(line["method"].as_str().unwrap(), target, line["body"].clone())
    };
    Some(String::from_utf8(output.stdout).unwrap().lines().map(plain).collect())
}

#[tokio::test]
async fn requests_are_those_of_googles_client() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("cases.json")).unwrap();
    let calls: Vec<Value> = cases.iter().flat_map(|case| case["google"].as_array().unwrap().clone()).collect();
    let Some(mut expected) = googles(&json!(calls)) else { return };
    assert!(cases.len() >= 60);
    let upstream = Upstream::start().await;
    let token = json!({ "access_token": "token-of-the-tests", "expires_in": 3599 });
    upstream.on("POST /token", Answer::json(token));
    let client = upstream.client();
    for case in &cases {
        let current = case.get("current").cloned().unwrap_or_else(|| json!({}));
        upstream.otherwise(move |_| Answer::json(current.clone()));
        let command = case["command"].as_str().unwrap();
        let mut own = call(command, &upstream.url()).http(client.clone());
        for (name, value) in case["params"].as_object().unwrap() {
            own = own.param(name, value);
        }
        let result = own.run().await;
        assert!(result.success, "{case}: {result:?}");
        let seen = upstream.take_seen();
        let seen: Vec<_> = seen.iter().filter(|seen| seen.path() != "/token").map(Plain::of).collect();
        let google: Vec<_> = expected.drain(..case["google"].as_array().unwrap().len()).collect();
        assert_eq!(seen, google, "{case}");
    }
}
