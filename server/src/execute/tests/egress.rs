//! Where the stored secrets of a connector may go, from the request to the wire.

use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use test_support::{Received, Reply, Upstream};

use crate::testing::TestServer;

const KEY: &str = "courier-key-0815";

/// Sends its key to the address in a param.
#[connector(name = "courier", version = "1.0.0", lock = false)]
struct Courier {
    /// Where the API is.
    base_url: Option<Url>,
    /// Its key.
    api_key: Secret,
}

#[connector]
impl Courier {
    /// Send the key to an address that is made of params.
    #[command(effect = update)]
    async fn carry(
        &self,
        cx: &Context,
        /// Put before the path; the base URL if absent.
        host: Option<String>,
        /// Put after it.
        path: String,
        /// Whether the key is put into the body as a text.
        #[param(default = false)]
        in_body: bool,
    ) -> Outcome<Value> {
        let base = self.base_url.as_ref().map(|url| url.origin().ascii_serialization());
        let url = format!("{}{path}", host.or(base).unwrap_or_default());
        let request = cx.http().post(url);
        let request = match in_body {
            true => request.text(format!("key={}", self.api_key.expose())),
            false => request.bearer(&self.api_key),
        };
        request.send().await?.error_for_status()?;
        succeed(Value::Null)
    }
}

/// A server that records its requests.
async fn host() -> Upstream {
    Upstream::start(|_| Reply::text(200, "")).await
}

/// Returns the recorded requests of a server: path and credential.
fn seen(host: &Upstream) -> Vec<(String, String)> {
    let credential = |request: &Received| request.header("authorization").unwrap_or_default().to_owned();
    host.received().iter().map(|request| (request.path().to_owned(), credential(request))).collect()
}

/// A server that may reach two hosts, and a connector for one of them.
async fn world() -> (TestServer, Upstream, Upstream) {
    let (own, other) = (host().await, host().await);
    let open = [own.address().to_string(), other.address().to_string()];
    let server = TestServer::with_policy(Policy::parse(&open, &[]).unwrap()).await;
    server.connector("mine", "courier", json!({ "baseUrl": own.url(""), "apiKey": KEY })).await;
    (server, own, other)
}

#[tokio::test]
async fn a_stored_key_does_not_follow_a_param_to_another_origin() {
    let (server, own, other) = world().await;
    for in_body in [false, true] {
        let params = json!({ "host": other.url(""), "path": "/steal", "inBody": in_body });
        let answer = server.execute("mine", json!({ "command": "carry", "params": params })).await;
        let row = server.row(&answer).await;
        let result = answer.ok(200);
        let error = result["error"].as_str().unwrap();
        let wanted = format!(
            "refused to send a secret to {}/steal: the secrets of this connection may only be sent to {} \
             (field baseUrl) [scope]; ",
            other.url(""),
            own.url("")
        );
        assert!(error.starts_with(&wanted), "{error}");
        assert_eq!((&row["status"], &row["result"]["error"]), (&json!("failed"), &json!(error)));
    }
    assert_eq!(seen(&other), [], "not a byte of it");
    assert_eq!(seen(&own), []);
    let answer = server.execute("mine", json!({ "command": "carry", "params": { "path": "/own" } })).await;
    assert_eq!(answer.ok(200)["success"], true);
    assert_eq!(seen(&own), [("/own".to_owned(), format!("Bearer {KEY}"))]);
}

#[tokio::test]
async fn what_is_glued_to_the_base_url_changes_its_path_at_most() {
    let (server, own, other) = world().await;
    for (path, arrives) in [
        (format!("@{}/x", other.address()), None),
        (format!(":x@{}/x", other.address()), None),
        (".evil.example/x".to_owned(), None),
        ("/a/../../b".to_owned(), Some("/b")),
        (format!("/../@{}/x", other.address()), Some("@")),
    ] {
        let before = seen(&own).len();
        let answer = server.execute("mine", json!({ "command": "carry", "params": { "path": path } })).await;
        let result = answer.ok(200);
        assert_eq!(result["success"], arrives.is_some(), "{path}: {result}");
        assert_eq!(seen(&own).len() - before, usize::from(arrives.is_some()), "{path}");
        if let Some(part) = arrives {
            assert!(seen(&own).last().unwrap().0.contains(part), "{path}: {:?}", seen(&own));
        }
    }
    assert_eq!(seen(&other), []);
}

#[tokio::test]
async fn the_scope_follows_the_stored_field() {
    let (server, own, other) = world().await;
    let carry = async || {
        let params = json!({ "host": other.url(""), "path": "/x" });
        server.execute("mine", json!({ "command": "carry", "params": params })).await.ok(200)
    };
    assert_eq!(carry().await["success"], false);
    // The key is set again, because moving the base URL clears it.
    let config = json!({ "baseUrl": other.url(""), "apiKey": KEY });
    server.put("/api/connectors/mine", json!({ "config": config })).await.ok(200);
    assert_eq!(carry().await["success"], true);
    assert_eq!(seen(&other), [("/x".to_owned(), format!("Bearer {KEY}"))]);
    let config = json!({ "baseUrl": null, "apiKey": KEY });
    server.put("/api/connectors/mine", json!({ "config": config })).await.ok(200);
    let result = carry().await;
    let error = result["error"].as_str().unwrap();
    assert!(error.contains("the origin of field baseUrl, which is not set"), "{error}");
    assert_eq!((seen(&own).len(), seen(&other).len()), (0, 1));
}
