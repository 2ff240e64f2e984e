//! The routes of a service, its refusals, and its end.

mod http2;
mod sockets;

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower_service::Service as _;

use super::service::MAX_CALLS;
use super::*;
use crate::connector::Connector;
use crate::egress::{Client, Policy};
use crate::prelude::*;
use crate::protocol::{self, Fingerprint, SCHEMA_HEADER, SIGNATURE_HEADER, SignedRequest};
use crate::registry::Registry;

/// A desk.
#[connector(name = "serve-desk", version = "1.2.0", default_command = "add", lock = false)]
#[derive(Debug)]
pub(super) struct Desk {
    /// Key.
    api_key: Secret,
}

#[connector]
impl Desk {
    /// Adds.
    #[command(effect = read, outputs("sum"))]
    fn add(
        &self,
        cx: &Context,
        /// One.
        one: u32,
        /// Other.
        #[param(default = 1)]
        other: u32,
    ) -> Outcome<Value> {
        succeed(json!({ "sum": one + other, "run": cx.run_id(), "key": cx.idempotency_key() }))
            .variable("seen", cx.variables().len())
    }

    /// Panics.
    #[command]
    fn panic(&self) {
        panic!("key {}", self.api_key.expose());
    }

    /// Fails with a text that holds the key.
    #[command]
    fn tell(&self) -> Outcome {
        fail(format!("the key is {}", self.api_key.expose()))
    }

    /// Never ends.
    #[command]
    async fn hang(&self) -> Outcome {
        std::future::pending().await
    }

    /// Waits until the test lets it go.
    #[command]
    async fn wait(&self) -> Outcome<Value> {
        ENTERED.notify_one();
        LEAVE.notified().await;
        succeed(json!("left"))
    }

    /// Calls out.
    #[command]
    async fn call_out(&self, cx: &Context) -> Outcome {
        cx.http().get("http://127.0.0.1:1/").send().await?;
        succeed(())
    }
}

static ENTERED: Notify = Notify::const_new();
static LEAVE: Notify = Notify::const_new();

/// A chair.
#[connector(name = "serve-chair", version = "1.0.0", lock = false)]
#[derive(Debug)]
pub(super) struct Chair {}

#[connector]
impl Chair {
    /// Sits.
    #[command]
    fn sit(&self) {}
}

const KEY: &str = "canary-of-the-desk";

fn desk() -> Service {
    Service::new(Registry::of([Desk::DESCRIPTOR]).unwrap())
}

fn both() -> Service {
    Service::new(Registry::of([Desk::DESCRIPTOR, Chair::DESCRIPTOR]).unwrap())
}

fn call(command: &str, params: Value) -> Value {
    json!({
        "protocolVersion": "2.0", "command": command, "config": { "apiKey": KEY }, "params": params,
        "variables": { "a": 1 },
        "metadata": { "stepId": "s", "runId": "run-123", "timeout": 30000, "idempotencyKey": "k" }
    })
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/json; charset=utf-8");
    request.body(body.into()).unwrap()
}

async fn ask(router: &Router, request: Request<Body>) -> (u16, HeaderMap, Value) {
    let response = router.clone().call(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
}

async fn result_of(router: &Router, body: Value) -> Value {
    let (status, _, result) = ask(router, post("/execute", body.to_string())).await;
    assert_eq!(status, 200, "{result}");
    result
}

#[track_caller]
fn assert_problem((status, headers, body): &(u16, HeaderMap, Value), expected: u16, words: &str) {
    assert_eq!(*status, expected, "{body}");
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!((&body["type"], &body["status"]), (&json!("about:blank"), &json!(expected)));
    assert!(body["detail"].as_str().unwrap().contains(words), "{body}");
}

#[tokio::test]
async fn a_call_has_its_values_and_a_result() {
    let router = desk().router();
    let (status, headers, result) = ask(&router, post("/execute", call("add", json!({ "one": 2 })).to_string())).await;
    assert_eq!(status, 200);
    let payload = json!({ "sum": 3, "run": "run-123", "key": "k" });
    assert_eq!(result, json!({ "success": true, "payload": payload, "variables": { "seen": 1 } }));
    let registry = Registry::of([Desk::DESCRIPTOR]).unwrap();
    let own = registry.get("serve-desk").unwrap().fingerprint();
    assert_eq!(own.version, "1.2.0");
    assert_eq!(headers[SCHEMA_HEADER], own.to_string());

    // The least that is a call: the default command, and what it lacks is told as ever.
    let result = result_of(&router, json!({ "protocolVersion": "2.0" })).await;
    assert_eq!(result, json!({ "success": false, "error": "Missing required field(s): apiKey, one" }));
    let result = result_of(&router, call("nonsense", json!({ "command": "add" }))).await;
    assert!(result["error"].as_str().unwrap().starts_with("Unknown command: nonsense"), "{result}");
}

#[tokio::test]
async fn handlers_may_do_their_worst() {
    let router = desk().router();
    let result = result_of(&router, call("panic", json!({}))).await;
    assert_eq!(result, json!({ "success": false, "error": "Connector panicked" }));
    let result = result_of(&router, call("tell", json!({}))).await;
    assert_eq!(result, json!({ "success": false, "error": "the key is [redacted]" }));
    let mut hanging = call("hang", json!({}));
    hanging["metadata"]["timeout"] = json!(20);
    assert_eq!(result_of(&router, hanging).await, json!({ "success": false, "error": "Timed out after 20 ms" }));
    let refused = result_of(&router, call("callOut", json!({}))).await;
    assert!(refused["error"].as_str().unwrap().contains("[address_loopback]"), "{refused}");
    let opened = desk().through(Client::new(Policy::parse(&["127.0.0.1:1"], &[]).unwrap())).router();
    let tried = result_of(&opened, call("callOut", json!({}))).await;
    assert!(tried["error"].as_str().unwrap().starts_with("could not connect"), "{tried}");
}

#[tokio::test]
async fn schema_and_health_show_what_is_served() {
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let one = desk().signed_with(Secret::new("a signing secret")).router();
    for path in ["/schema", "/serve-desk/schema"] {
        let (status, headers, body) = ask(&one, get(path)).await;
        assert_eq!((status, &body["name"], &body["version"]), (200, &json!("serve-desk"), &json!("1.2.0")));
        let schema = crate::schema::ConfigSchema::parse(&body["configSchema"]).unwrap();
        let shown = Fingerprint::of("1.2.0", &schema).to_string();
        assert_eq!(headers[SCHEMA_HEADER], shown, "the fingerprint is that of the schema shown");
    }
    let (status, _, body) = ask(&one, get("/health")).await;
    assert_eq!(status, 200);
    assert_eq!(body, json!({ "status": "ok", "connectors": [{ "name": "serve-desk", "version": "1.2.0" }] }));

    let two = both().router();
    for path in ["/schema", "/execute"] {
        let request = if path == "/schema" { get(path) } else { post(path, "{}") };
        assert_problem(&ask(&two, request).await, 404, "several connector types (serve-chair, serve-desk)");
    }
    let (status, _, body) = ask(&two, get("/serve-chair/health")).await;
    assert_eq!((status, body), (200, json!({ "name": "serve-chair", "version": "1.0.0", "status": "ok" })));
    let (status, _, body) = ask(&two, post("/serve-chair/execute", call("sit", json!({})).to_string())).await;
    assert_eq!((status, body), (200, json!({ "success": true })));
    assert_problem(&ask(&two, get("/table/schema")).await, 404, "no connector type table");
    assert_problem(&ask(&two, get("/elsewhere/at/all")).await, 404, "no route for /elsewhere/at/all");
    assert_problem(&ask(&two, get("/serve-desk/execute")).await, 405, "POST");
}

#[tokio::test]
async fn a_body_that_is_not_a_call_is_a_problem() {
    let router = desk().router();
    let broken = |text: &str| post("/execute", text.to_owned());
    for (body, status, words) in [
        ("", 422, "not valid JSON"),
        ("{", 422, "not valid JSON"),
        ("[]", 422, "needs protocolVersion"),
        ("{}", 422, "wrong type"),
        (r#"{"protocolVersion":"1.0","command":"add"}"#, 422, "speaks only protocol 2.0"),
        (r#"{"protocolVersion":2}"#, 422, "wrong type"),
        (r#"{"protocolVersion":"2.0","params":["canary-of-the-desk"]}"#, 422, "wrong type"),
        (r#"{"protocolVersion":"2.0","metadata":{"timeout":"canary-of-the-desk"}}"#, 422, "wrong type"),
    ] {
        let answer = ask(&router, broken(body)).await;
        assert_problem(&answer, status, words);
        assert!(!answer.2.to_string().contains(KEY), "{}", answer.2);
    }
    let text = Request::post("/execute").header(header::CONTENT_TYPE, "text/plain").body("{}".into()).unwrap();
    assert_problem(&ask(&router, text).await, 415, "application/json");
    let huge = vec![b' '; protocol::MAX_BODY_BYTES + 1];
    assert_problem(&ask(&router, post("/execute", huge)).await, 413, "10 MiB");
    let all = u32::try_from(MAX_CALLS).unwrap();
    let service = desk();
    service.calls.try_acquire_many(all).unwrap().forget();
    let answer = ask(&service.router(), broken("{}")).await;
    assert_problem(&answer, 503, "too many calls");
    assert_eq!(answer.1[header::RETRY_AFTER], "1");
}

#[tokio::test]
async fn a_secret_demands_a_signature() {
    let secret = Secret::new("a signing secret");
    let router = desk().signed_with(secret.clone()).router();
    let body = call("add", json!({ "one": 1 })).to_string();
    let signed = |signature: Option<String>, body: &str| {
        let mut request = post("/execute", body.to_owned());
        if let Some(signature) = signature {
            request.headers_mut().insert(SIGNATURE_HEADER, signature.parse().unwrap());
        }
        request
    };
    let now = SystemTime::now();
    let sign =
        |path: &str, nonce: &str, at| protocol::sign(&secret, SignedRequest { path, body: body.as_bytes() }, nonce, at);
    let right = sign("/execute", "0123456789abcdef-1", now);
    assert_eq!(ask(&router, signed(Some(right.clone()), &body)).await.0, 200);
    // A recorded request is refused when it comes again, also if its version 1 is left.
    assert_problem(&ask(&router, signed(Some(right.clone()), &body)).await, 401, "used before");
    let (alone, _) = right.split_once(",v2").unwrap();
    assert_problem(&ask(&router, signed(Some(alone.to_owned()), &body)).await, 401, "v1 alone");
    // And at another path.
    let elsewhere = sign("/serve-desk/execute", "0123456789abcdef-2", now);
    assert_problem(&ask(&router, signed(Some(elsewhere), &body)).await, 401, "does not match");
    assert_problem(&ask(&router, signed(None, &body)).await, 401, "not signed");
    assert_problem(&ask(&router, signed(Some("t=1".to_owned()), &body)).await, 401, "cannot be read");
    let fresh = sign("/execute", "0123456789abcdef-3", now);
    assert_problem(&ask(&router, signed(Some(fresh.clone()), &body.replace('1', "2"))).await, 401, "does not match");
    assert_eq!(ask(&router, signed(Some(fresh), &body)).await.0, 200, "a refused request uses no nonce up");
    let old = sign("/execute", "0123456789abcdef-4", now - Duration::from_secs(400));
    assert_problem(&ask(&router, signed(Some(old), &body)).await, 401, "clock");
    // The signature comes first: who has none learns nothing about the body.
    assert_problem(&ask(&router, signed(None, "{")).await, 401, "not signed");

    let lenient = desk().signed_with(secret.clone()).accepting_v1_signatures().router();
    for _ in 0..2 {
        assert_eq!(ask(&lenient, signed(Some(alone.to_owned()), &body)).await.0, 200);
    }
    // Inside another router the whole path is signed.
    let nested = Router::new().nest("/below", desk().signed_with(secret.clone()).router());
    let signature = sign("/below/execute", "0123456789abcdef-5", now);
    let mut request = post("/below/execute", body.clone());
    request.headers_mut().insert(SIGNATURE_HEADER, signature.parse().unwrap());
    assert_eq!(ask(&nested, request).await.0, 200);
}

#[tokio::test]
async fn a_stop_waits_for_what_is_at_work() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, asked) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, desk().router(), async move { asked.await.unwrap() }));
    let client = Client::new(Policy::parse(&[address.ip().to_string()], &[]).unwrap());
    let request = client.post(format!("http://{address}/execute")).json(&call("wait", json!({})));
    let answer = tokio::spawn(request.send());
    ENTERED.notified().await;
    stop.send(()).unwrap();
    LEAVE.notify_one();
    let answer: Value = answer.await.unwrap().unwrap().json().unwrap();
    assert_eq!(answer, json!({ "success": true, "payload": "left" }));
    serving.await.unwrap();
    assert!(client.get(format!("http://{address}/health")).send().await.is_err(), "nobody listens any more");
}

#[test]
fn settings_come_from_the_environment() {
    let settings = Settings::from_variables(|_| None).unwrap();
    assert_eq!((settings.listen.to_string(), settings.signing_secret), ("127.0.0.1:8090".to_owned(), None));
    let settings = Settings::from_variables(|name| {
        let value = match name {
            "FLOH_LISTEN" => "127.0.0.1:0",
            "FLOH_SIGNING_SECRET" => "a signing secret",
            "FLOH_ACCEPT_V1_SIGNATURES" => "true",
            "FLOH_EGRESS_ALLOW" => "10.0.0.0/8,intern.example:8443",
            _ => "127.0.0.1",
        };
        Some(value.to_owned())
    })
    .unwrap();
    assert_eq!(settings.signing_secret, Some(Secret::new("a signing secret")));
    assert!(settings.accept_v1_signatures);
    for (name, words) in [
        ("FLOH_LISTEN", "FLOH_LISTEN is not an address"),
        ("FLOH_EGRESS_DENY", "FLOH_EGRESS_DENY"),
        ("FLOH_ACCEPT_V1_SIGNATURES", "write true or false"),
    ] {
        let error = Settings::from_variables(|asked| (asked == name).then(|| "no/thing".to_owned())).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn nothing_to_serve_is_an_error() {
    let settings = Settings::from_variables(|name| (name == "FLOH_LISTEN").then(|| "127.0.0.1:0".to_owned())).unwrap();
    let error = run(Registry::default(), settings).await.unwrap_err();
    assert!(error.to_string().contains("no connector is linked"), "{error}");
}

#[tokio::test]
async fn a_signing_secret_that_is_too_long_is_refused() {
    let long = "x".repeat(64 * 1024 + 1);
    let settings = Settings::from_variables(|name| match name {
        "FLOH_LISTEN" => Some("127.0.0.1:0".to_owned()),
        "FLOH_SIGNING_SECRET" => Some(long.clone()),
        _ => None,
    });
    let registry = Registry::of([Desk::DESCRIPTOR]).unwrap();
    let error = run(registry, settings.unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("FLOH_SIGNING_SECRET has 65537 bytes") && !error.contains("xxx"), "{error}");
}
