//! Secrets stay inside: canaries go in by every door and are searched for at every exit.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::path::Path;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use test_support::{Client, Reply, Setup, Upstream};

/// With characters that every encoding changes.
const CONFIG: &str = "canary/config+\"tok&en\" 7Qx";
const PARAM: &str = "canary/param=<pa?ss>\\word 9Zk";
const KEY: &str = "canary-k3y-%41-Wm5";

/// Everything that a secret may look like.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    forms.push(encoded.to_lowercase());
    forms.push(encoded.replace("%20", "+"));
    forms.push(encoded.replace("%2D", "-"));
    forms.push(encoded.replace("%2D", "-").replace("%20", "+"));
    forms.push(encoded);
    let json = Value::from(secret).to_string();
    let escaped = json[1..json.len() - 1].to_owned();
    let twice = Value::from(escaped.as_str()).to_string();
    forms.push(twice[1..twice.len() - 1].to_owned());
    forms.push(escaped);
    // Base64 depends on what stands before: cut to what does not.
    for before in ["", "x", "xx"] {
        for engine in [&BASE64_STANDARD, &BASE64_STANDARD_NO_PAD, &BASE64_URL_SAFE_NO_PAD] {
            let text = engine.encode(format!("{before}{secret}"));
            let core: String = text.trim_end_matches('=').chars().skip(4).collect();
            forms.push(core[..core.len() - 4].to_owned());
        }
    }
    forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    forms
}

#[track_caller]
fn search(place: &str, bytes: &[u8]) {
    static FORMS: LazyLock<Vec<String>> = LazyLock::new(|| [CONFIG, PARAM, KEY].into_iter().flat_map(forms).collect());
    // Every form is ASCII, and that stays as it is; searching a text is fast even in a debug build.
    let text = String::from_utf8_lossy(bytes);
    for form in FORMS.iter() {
        assert!(!text.contains(form), "{place} holds {form}: {text:.4000}");
    }
}

fn search_folder(folder: &Path) -> usize {
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files += search_folder(&path);
        } else {
            search(&path.display().to_string(), &std::fs::read(&path).unwrap());
            files += 1;
        }
    }
    files
}

/// Sends every request that may touch a secret, and searches each answer. What a payload gives back to its
/// caller is the caller's: this upstream echoes in failures alone.
async fn walk(client: &Client, upstream: &Upstream) {
    let check = async |method: &str, path: &str, body: Option<Value>| {
        let answer = match &body {
            Some(body) => client.json(method, path, &[], body).await,
            None => client.get(path).await,
        };
        search(&format!("the answer of {method} {path}"), answer.to_string().as_bytes());
        answer
    };
    let new = |name: &str, config: Value| json!({ "name": name, "type": "http", "executionModel": "built_in", "logLevel": "trace", "config": config });
    let base = upstream.url("/");
    let with_token = new("by-token", json!({ "baseUrl": base, "token": CONFIG }));
    assert_eq!(check("POST", "/api/connectors", Some(with_token)).await.status, 201);
    let with_basic = new("by-basic", json!({ "baseUrl": base, "username": "floh", "password": CONFIG }));
    assert_eq!(check("POST", "/api/connectors", Some(with_basic)).await.status, 201);
    let in_query = json!({ "baseUrl": base, "apiKey": KEY, "apiKeyName": "k", "apiKeyIn": "query" });
    assert_eq!(check("POST", "/api/connectors", Some(new("by-query", in_query))).await.status, 201);
    // Refused bodies that hold a secret.
    for (pointer, config) in [
        ("/config/token", json!({ "token": { "value": CONFIG } })),
        ("/config/tokn", json!({ "tokn": "x", "token": CONFIG })),
        ("/config/authType", json!({ "authType": "none of these", "password": CONFIG })),
    ] {
        let answer = check("POST", "/api/connectors", Some(new("refused", config))).await;
        assert_eq!(answer.problem(422)["errors"][0]["pointer"], pointer, "{answer}");
    }

    let auths = [
        json!({ "type": "bearer", "token": PARAM }),
        json!({ "type": "basic", "username": "floh", "password": PARAM }),
        json!({ "type": "api_key", "in": "header", "name": "X-Api-Key", "value": KEY }),
        json!({ "type": "api_key", "in": "query", "name": "k", "value": KEY }),
        json!({ "type": "api_key", "value": [KEY] }),
        json!({ "type": "digest", "token": KEY }),
    ];
    for name in ["by-token", "by-basic", "by-query"] {
        let path = format!("/api/connectors/{name}/execute");
        for url in ["ok", "fail", "nojson", "http://127.0.0.2:1/refused"] {
            let response_type = if url == "nojson" { "json" } else { "auto" };
            let params = json!({ "url": url, "responseType": response_type });
            check("POST", &path, Some(json!({ "params": params }))).await.expect(200);
            for auth in &auths {
                let params = json!({ "url": url, "responseType": response_type, "auth": auth });
                check("POST", &path, Some(json!({ "params": params }))).await.expect(200);
            }
        }
        let unknown = json!({ "command": "nope", "params": { "auth": auths[0] } });
        check("POST", &path, Some(unknown)).await.expect(200);
        check("POST", &format!("/api/connectors/{name}/test"), Some(json!({}))).await.expect(200);
        check("PUT", &format!("/api/connectors/{name}"), Some(json!({ "description": "x" }))).await.expect(200);
        check("GET", &format!("/api/connectors/{name}"), None).await.expect(200);
    }
    let keyed = json!({ "params": { "url": "fail", "auth": auths[0] } });
    let answer = client.json("POST", "/api/connectors/by-token/execute", &[("idempotency-key", "k1")], &keyed).await;
    search("a kept answer", answer.to_string().as_bytes());

    for path in [
        "/api/connectors",
        "/api/connector-types",
        "/api/audit",
        "/api/status",
        "/api/openapi.json",
        "/metrics",
        "/healthz",
        "/readyz",
    ] {
        assert_eq!(check("GET", path, None).await.status, 200, "{path}");
    }
    let list = check("GET", "/api/executions?limit=500", None).await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert!(items.len() > 80, "{}", items.len());
    for row in items {
        check("GET", &format!("/api/executions/{}", row["id"].as_str().unwrap()), None).await.expect(200);
    }
}

async fn echoing() -> Upstream {
    Upstream::start(|request| {
        if request.target.starts_with("/ok") {
            return Reply::json(200, &json!({ "ok": true }));
        }
        let seen =
            format!("{:?} {:?} {}", request.header("authorization"), request.header("x-api-key"), request.target);
        let status = if request.target.starts_with("/nojson") { 200 } else { 500 };
        Reply::text(status, &seen).with_header("x-echo", &seen).with_header("set-cookie", "sid=1")
    })
    .await
}

async fn nothing_leaks(log_format: &str) {
    let upstream = echoing().await;
    let setup = Setup::default().allow(upstream.address()).arg("--log-format").arg(log_format);
    let mut floh = setup.env("FLOH_LOG", "trace").start().await;
    walk(&floh.admin(), &upstream).await;
    assert!(
        upstream.received().iter().any(|request| request.header("authorization") == Some(&format!("Bearer {CONFIG}"))),
        "the canary has been where it belongs"
    );

    // While it runs, with its write-ahead log and shared memory; and after each way to end.
    let data = floh.setup().data_dir();
    assert!(search_folder(&data) >= 3, "the database, its log and the key");
    floh.kill_9().await;
    search_folder(&data);
    floh.restart().await;
    floh.terminate();
    floh.exit().await;
    search_folder(&data);
    search("the log", floh.logs().as_bytes());
    assert!(floh.logs().contains("by-token"), "the log tells of the calls: {}", floh.logs());
    assert!(!floh.logs().contains(test_support::ADMIN_TOKEN), "the admin token came by environment and is not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_with_json_logs() {
    nothing_leaks("json").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_leaves_with_pretty_logs() {
    nothing_leaks("pretty").await;
}

#[test]
fn the_search_finds_what_it_looks_for() {
    for before in ["", "a", "ab", "floh:"] {
        let basic = BASE64_STANDARD.encode(format!("{before}{CONFIG}"));
        assert!(forms(CONFIG).iter().any(|form| basic.contains(form)), "{basic}");
    }
    let text = json!({ "a": json!({ "b": PARAM }).to_string() }).to_string();
    assert!(forms(PARAM).iter().any(|form| text.contains(form)), "{text}");
}
