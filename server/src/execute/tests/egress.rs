//! Where the stored secrets of a connector may go, from the request to the wire.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use tokio::net::TcpListener;

use crate::testing::TestServer;

const KEY: &str = "courier-key-0815";

/// Carries its key where a param says.
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
        /// Put before the path; the base URL where left out.
        host: Option<String>,
        /// Put behind it.
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

/// A server that keeps what it was asked: the path and the credential.
struct Host {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<(String, String)>>>::default();
        let log = Arc::clone(&seen);
        let app = Router::new().fallback(async move |request: Request| {
            let credential = request.headers().get("authorization").map_or("", |value| value.to_str().unwrap());
            log.lock().unwrap().push((request.uri().path().to_owned(), credential.to_owned()));
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn seen(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().clone()
    }
}

/// A server that may reach two hosts, and a connector that belongs to one of them.
async fn world() -> (TestServer, Host, Host) {
    let (own, other) = (Host::start().await, Host::start().await);
    let open = [own.address.to_string(), other.address.to_string()];
    let server = TestServer::with_policy(Policy::parse(&open, &[]).unwrap()).await;
    server.connector("mine", "courier", json!({ "baseUrl": own.url(), "apiKey": KEY })).await;
    (server, own, other)
}

#[tokio::test]
async fn a_stored_key_does_not_follow_a_param_to_another_origin() {
    let (server, own, other) = world().await;
    for in_body in [false, true] {
        let params = json!({ "host": other.url(), "path": "/steal", "inBody": in_body });
        let answer = server.execute("mine", json!({ "command": "carry", "params": params })).await;
        let row = server.row(&answer).await;
        let result = answer.ok(200);
        let error = result["error"].as_str().unwrap();
        let wanted = format!(
            "refused to send a secret to {}/steal: the secrets of this connection may only be sent to {} \
             (field baseUrl) [scope]; ",
            other.url(),
            own.url()
        );
        assert!(error.starts_with(&wanted), "{error}");
        assert_eq!((&row["status"], &row["result"]["error"]), (&json!("failed"), &json!(error)));
    }
    assert_eq!(other.seen(), [], "not a byte of it");
    assert_eq!(own.seen(), []);
    let answer = server.execute("mine", json!({ "command": "carry", "params": { "path": "/own" } })).await;
    assert_eq!(answer.ok(200)["success"], true);
    assert_eq!(own.seen(), [("/own".to_owned(), format!("Bearer {KEY}"))]);
}

#[tokio::test]
async fn what_is_glued_to_the_base_url_changes_its_path_at_most() {
    let (server, own, other) = world().await;
    for (path, arrives) in [
        (format!("@{}/x", other.address), None),
        (format!(":x@{}/x", other.address), None),
        (".evil.example/x".to_owned(), None),
        ("/a/../../b".to_owned(), Some("/b")),
        (format!("/../@{}/x", other.address), Some("@")),
    ] {
        let before = own.seen().len();
        let answer = server.execute("mine", json!({ "command": "carry", "params": { "path": path } })).await;
        let result = answer.ok(200);
        assert_eq!(result["success"], arrives.is_some(), "{path}: {result}");
        assert_eq!(own.seen().len() - before, usize::from(arrives.is_some()), "{path}");
        if let Some(part) = arrives {
            assert!(own.seen().last().unwrap().0.contains(part), "{path}: {:?}", own.seen());
        }
    }
    assert_eq!(other.seen(), []);
}

#[tokio::test]
async fn the_scope_follows_the_stored_field() {
    let (server, own, other) = world().await;
    let carry = async || {
        let params = json!({ "host": other.url(), "path": "/x" });
        server.execute("mine", json!({ "command": "carry", "params": params })).await.ok(200)
    };
    assert_eq!(carry().await["success"], false);
    // The key is given anew: a base URL that moves takes none along.
    let config = json!({ "baseUrl": other.url(), "apiKey": KEY });
    server.put("/api/connectors/mine", json!({ "config": config })).await.ok(200);
    assert_eq!(carry().await["success"], true);
    assert_eq!(other.seen(), [("/x".to_owned(), format!("Bearer {KEY}"))]);
    let config = json!({ "baseUrl": null, "apiKey": KEY });
    server.put("/api/connectors/mine", json!({ "config": config })).await.ok(200);
    let result = carry().await;
    let error = result["error"].as_str().unwrap();
    assert!(error.contains("the origin of field baseUrl, which is not set"), "{error}");
    assert_eq!((own.seen().len(), other.seen().len()), (0, 1));
}
