//! What leaves, and what an author reads.

use serde_json::{Value, json};

use crate::Secret;
use crate::testing::{Net, PUBLIC};
use crate::testing::{Upstream, answer};
use crate::{Client, Policy};

/// A client for servers on loopback, as an operator would open them.
pub(super) fn local_client() -> Client {
    Client::new(Policy::parse(&["127.0.0.1"], &[] as &[&str]).unwrap())
}

#[tokio::test]
async fn a_request_reads_as_it_was_written() {
    let upstream = Upstream::start(|_| answer("200 OK", "content-type: application/json\r\n", r#"{"ok":true}"#)).await;
    let response = local_client()
        .post(upstream.url("/items?a=1"))
        .query(&[("q", "x y"), ("n", "2")])
        .secret_query("api_key", &Secret::new("k&k"))
        .header("X-One", "1")
        .bearer(&Secret::new("t0ken"))
        .json(&json!({ "name": "widget" }))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.is_success());
    assert_eq!(response.json::<Value>().unwrap(), json!({ "ok": true }));
    let [received] = &upstream.received()[..] else { panic!("one request") };
    assert_eq!(received.line(), "POST /items?a=1&q=x+y&n=2&api_key=k%26k HTTP/1.1");
    assert_eq!(received.header("host"), Some(upstream.address.to_string().as_str()));
    assert_eq!(received.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(received.header("content-type"), Some("application/json"));
    assert_eq!(received.header("x-one"), Some("1"));
    assert_eq!(received.body, br#"{"name":"widget"}"#);
}

#[tokio::test]
async fn forms_basic_and_own_content_types() {
    let upstream = Upstream::start(|_| answer("204 No Content", "", "")).await;
    let client = local_client();
    let url = upstream.url("/");
    client.put(&url).form(&[("a", "1 2")]).basic("me", &Secret::new("pw")).send().await.unwrap();
    client.patch(&url).header("content-type", "application/merge-patch+json").json(&json!({})).send().await.unwrap();
    client.request("PROPFIND", &url).text("hello").send().await.unwrap();
    let received = upstream.received();
    assert_eq!(received[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(received[0].header("authorization"), Some("Basic bWU6cHc="));
    assert_eq!(received[0].body, b"a=1+2");
    assert_eq!(received[1].header("content-type"), Some("application/merge-patch+json"));
    assert_eq!(received[2].line(), "PROPFIND / HTTP/1.1");
    assert_eq!(received[2].body, b"hello");
}

#[tokio::test]
async fn other_statuses_are_answers_until_thrown() {
    let headers = "content-type: application/json\r\nset-cookie: a=b\r\nx-api-key: k\r\nx-n: 1\r\nx-n: 2\r\n";
    let upstream = Upstream::start(move |_| answer("404 Not Found", headers, r#"{"why":"gone"}"#)).await;
    let response = local_client().get(upstream.url("/a?api_key=hush")).send().await.unwrap();
    assert_eq!(
        Value::Object(response.diagnostics()),
        json!({
            "statusCode": 404,
            "responseBody": { "why": "gone" },
            "headers": {
                "content-type": "application/json",
                "set-cookie": "[redacted]",
                "x-api-key": "[redacted]",
                "x-n": "1, 2",
                "content-length": "14"
            }
        })
    );
    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.status(), 404);
    assert_eq!(error.to_string(), format!("HTTP 404 from GET http://{}/a", upstream.address));
    assert_eq!(error.body(), r#"{"why":"gone"}"#);
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_its_connection_is_kept() {
    let upstream = Upstream::start(|_| answer("200 OK", "", "hi")).await;
    let net = Net::default();
    net.host("api.test", &[PUBLIC]).route_all(upstream.address);
    let client = net.client(Policy::strict());
    for _ in 0..3 {
        assert_eq!(client.get("http://api.test/").send().await.unwrap().text(), "hi");
    }
    assert_eq!(net.looked_up(), ["api.test"]);
    assert_eq!(net.dialled(), [format!("{PUBLIC}:80").parse().unwrap()]);
}

#[tokio::test]
async fn loopback_is_refused_unless_opened() {
    let error = Client::new(Policy::strict()).get("http://127.0.0.1:1/").send().await.unwrap_err();
    assert_eq!((error.code(), error.rule().unwrap().name()), ("policy", "address_loopback"));
    let error = Client::new(Policy::strict()).get("http://127.0.0.1:8080/").send().await.unwrap_err();
    assert_eq!((error.code(), error.rule().unwrap().name()), ("policy", "address_loopback"));
    assert_eq!(
        error.to_string(),
        "refused to call http://127.0.0.1:8080/: its host is a loopback address [address_loopback]; only public \
         destinations may be called; an operator can open it with --egress-allow 127.0.0.1:8080"
    );
}

#[tokio::test]
async fn what_cannot_be_sent() {
    let net = Net::default();
    net.host("a.test", &[PUBLIC]);
    let client = net.client(Policy::strict());
    let url = "http://a.test/";
    let mut many = client.get(url);
    for index in 0..101 {
        many = many.header(format!("x-{index}"), "1");
    }
    let names = [
        "Host",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "Upgrade",
        "TE",
        "Trailer",
        "Keep-Alive",
        "Expect",
        "Proxy-Authorization",
        "Proxy-Connection",
        "HTTP2-Settings",
        "x y",
        "x\r\ny",
        "x:",
        "",
    ];
    let values = ["1\r\nHost: evil", "1\nB: 2", "a\0b", "\u{7f}"];
    let methods = ["CONNECT", "TRACE", "trace", "TRACK", "GET / HTTP/1.1\r\nX", "", "G T"];
    let all = names.iter().map(|name| client.get(url).header(name, "x"));
    let all = all.chain(values.iter().map(|value| client.get(url).header("x-a", value)));
    let all = all.chain(values.iter().map(|value| client.get(url).bearer(&Secret::new(*value))));
    let all = all.chain(methods.iter().map(|method| client.request(method, url)));
    let all = all.chain([
        many,
        client.get(url).header("x-a", "x".repeat(65 * 1024)),
        client.get(format!("http://a.test/{}", "x".repeat(70_000))),
        client.get(url).basic("a:b", &Secret::new("c")),
        client.get(url).query(&[("a", vec![1, 2])]),
        client.post(url).form(&[1, 2]),
        client.post(url).json(&std::collections::HashMap::from([((1, 2), 3)])),
    ]);
    for request in all {
        let shown = format!("{request:?}");
        let error = request.send().await.unwrap_err();
        assert_eq!(error.code(), "request", "{shown}");
        assert!(!error.to_string().contains("evil"), "{error}");
    }
    assert_eq!(net.dialled(), []);
}

#[tokio::test]
async fn queries_and_texts_from_structs() {
    #[derive(serde::Serialize)]
    struct Page {
        limit: Option<u32>,
        after: Option<String>,
    }
    let upstream = Upstream::start(|_| answer("200 OK", "", "")).await;
    let client = local_client();
    let none = Page { limit: None, after: None };
    client.get(upstream.url("/")).query(&none).send().await.unwrap();
    client.get(upstream.url("/?a")).query(&Page { limit: Some(2), after: Some("ü".into()) }).send().await.unwrap();
    assert_eq!(upstream.lines(), ["GET / HTTP/1.1", "GET /?a&limit=2&after=%C3%BC HTTP/1.1"]);
}

/// The environment's proxies are not read: the same test runs again in a process that has them.
#[test]
fn the_environment_does_not_reroute() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "tests::requests::a_request_reads_as_it_was_written"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        again.env(name, "http://127.0.0.1:9");
    }
    let output = again.env("REQUEST_METHOD", "GET").env("NO_PROXY", "").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn everything_can_cross_threads_and_be_thrown() {
    fn shared<T: Send + Sync + 'static>() {}
    fn thrown<T: std::error::Error + Send + Sync + 'static>() {}
    shared::<Client>();
    shared::<crate::Request>();
    shared::<crate::Response>();
    thrown::<crate::EgressError>();
    thrown::<crate::HttpError>();
    thrown::<crate::BodyError>();
    thrown::<crate::PolicyError>();
}
