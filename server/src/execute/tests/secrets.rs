//! Secrets of every length and shape at every door: too long ones are refused with their place, long ones cost little
//! and are masked, ones in the wrong place are masked whole.

use std::time::{Duration, Instant};

use connector_runtime::connector::Connector as _;
use connector_runtime::prelude::*;
use connector_runtime::registry::Registry;
use connector_runtime::schema::MAX_SECRET_BYTES;

use crate::testing::types::{CANARY, Safe};
use crate::testing::{TestServer, all_types};

/// A user.
#[object]
struct Login {
    /// Name.
    user: String,
    /// Password.
    password: Secret,
}

/// Takes secrets as params.
#[connector(name = "gate-keeper", version = "1.0.0", lock = false)]
struct GateKeeper {}

#[connector]
impl GateKeeper {
    /// Open the gate.
    #[command(effect = update)]
    async fn open(
        &self,
        /// Who asks.
        login: Option<Login>,
        /// A word.
        pin: Option<Secret>,
        /// Where to.
        url: Option<String>,
        /// What to add to it.
        query: Option<Value>,
    ) -> Outcome<Value> {
        let words = [login.map(|login| login.user + login.password.expose()), pin.map(|pin| pin.expose().to_owned())];
        succeed(json!({ "words": words, "url": url, "query": query }))
    }
}

async fn server() -> TestServer {
    let registry = Registry::of([Safe::DESCRIPTOR, GateKeeper::DESCRIPTOR]).unwrap();
    let server = TestServer::on(tempfile::tempdir().unwrap(), registry).await;
    server.connector("gate", "gate-keeper", json!({})).await;
    server
}

fn config(key: &str) -> Value {
    json!({ "baseUrl": "https://api.example.com/", "apiKey": key })
}

#[tokio::test]
async fn a_secret_above_64_kib_is_refused_at_every_door_with_its_place() {
    let server = server().await;
    let long = "x".repeat(MAX_SECRET_BYTES + 1);
    let new = |config: Value| json!({ "name": "mine", "type": "safe", "executionModel": "built_in", "config": config });
    assert_eq!(server.post("/api/connectors", new(config(&long))).await.problem(422), ["/config/apiKey"]);
    server.connector("mine", "safe", config(CANARY)).await;
    let put = async |config: Value| server.put("/api/connectors/mine", json!({ "config": config })).await.problem(422);
    assert_eq!(put(json!({ "apiKey": long })).await, ["/config/apiKey"]);
    let login = json!({ "user": "me", "password": long });
    assert_eq!(put(json!({ "login": login })).await, ["/config/login/password"]);
    for (name, command, params, place) in [
        ("gate", "open", json!({ "pin": long }), "/params/pin"),
        ("gate", "open", json!({ "login": login }), "/params/login/password"),
        ("gate", "open", json!({ "login": long }), "/params/login"),
        ("gate", "unknown", json!({ "pin": long }), "/params/pin"),
        ("mine", "echo", json!({ "pin": long }), "/params/pin"),
    ] {
        let answer = server.execute(name, json!({ "command": command, "params": params })).await;
        assert_eq!(answer.problem(422), [place], "{command}");
        assert!(!answer.text.contains("xxxx"), "{}", answer.text);
    }
    let external = json!({ "name": "out", "type": "out", "executionModel": "external", "version": "1.0.0",
        "endpointUrl": "https://api.example.com/", "signingSecret": long });
    assert_eq!(server.post("/api/connectors", external).await.problem(422), ["/signingSecret"]);
    let schemaless = json!({ "name": "out", "type": "out", "executionModel": "external", "version": "1.0.0",
        "config": { "anything": { "deep": [long] } } });
    assert_eq!(server.post("/api/connectors", schemaless).await.problem(422), ["/config/anything"]);
}

/// Four calls with a secret of 20 kB froze a server for a minute. Another 64 KiB of secret has to cost less than the
/// rest of the call.
#[tokio::test]
async fn the_longest_secret_is_masked_and_freezes_nothing() {
    let server = server().await;
    let longest: String =
        (0..MAX_SECRET_BYTES).map(|at| char::from(b'a' + u8::try_from(at * at % 23).unwrap())).collect();
    server.connector("mine", "safe", config(&longest)).await;
    let began = Instant::now();
    for _ in 0..4 {
        let body = json!({ "command": "echo", "params": { "pin": longest, "text": format!("<{longest}>") } });
        let answer = server.execute("mine", body).await;
        let row = server.row(&answer).await;
        assert_eq!((&row["params"]["pin"], &row["params"]["text"]), (&json!("[redacted]"), &json!("<[redacted]>")));
        assert_eq!(answer.ok(200)["payload"]["key"], json!(longest), "the caller gets it unmasked");
        assert_eq!(row["result"]["payload"]["key"], "[redacted]");
        assert_eq!(row["logs"][0]["message"], "the key is [redacted]");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_secret_in_the_wrong_shape_is_masked_whole() {
    let server = server().await;
    for login in [
        json!("me:hunter2-hunter2"),
        json!(["me", "hunter2-hunter2"]),
        json!({ "user": "me", "password": { "is": "hunter2-hunter2" } }),
    ] {
        let body = json!({ "command": "open", "params": { "login": login } });
        let answer = server.execute("gate", body).await;
        let row = server.row(&answer).await;
        assert_eq!(row["status"], "failed", "{row}");
        assert!(!row.to_string().contains("hunter2"), "{row}");
    }
}

#[tokio::test]
async fn query_pairs_of_sensitive_names_are_masked_in_the_record() {
    let server = server().await;
    let params =
        json!({ "url": "https://a.test/x?api_key=k-123&page=2", "query": { "access_token": "t-123", "page": 3 } });
    let answer = server.execute("gate", json!({ "command": "open", "params": params })).await;
    let row = server.row(&answer).await;
    let shown = json!({ "url": "https://a.test/x?api_key=[redacted]&page=2", "query": { "access_token": "[redacted]", "page": 3 } });
    assert_eq!(row["params"], shown);
    assert_eq!(
        (&row["result"]["payload"]["url"], &row["result"]["payload"]["query"]),
        (&shown["url"], &shown["query"])
    );
    assert_eq!(answer.ok(200)["payload"]["url"], params["url"], "the caller gets it unmasked");
}

#[tokio::test]
async fn a_secret_that_was_encoded_twice_is_masked() {
    let server = TestServer::on(tempfile::tempdir().unwrap(), all_types()).await;
    let key = "schlüssel-größe-ß";
    server.connector("mine", "safe", config(key)).await;
    let latin1: String = key.bytes().map(char::from).collect();
    let windows = latin1.replace('\u{9f}', "Ÿ");
    assert_ne!(latin1, windows);
    let text = format!("{latin1} {windows}");
    let answer = server.execute("mine", json!({ "command": "echo", "params": { "text": text } })).await;
    assert_eq!(server.row(&answer).await["params"]["text"], "[redacted] [redacted]");
}
