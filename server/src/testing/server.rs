//! A whole server on a temporary folder, called through its router. Each answer is compared with the API document.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use connector_runtime::egress::Policy;
use connector_runtime::registry::Registry;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::api::{ApiDocument, Exchange};
use tower::ServiceExt as _;

use super::{Answer, sandbox, typed};
use crate::api;
use crate::app::{App, Options};
use crate::auth::NewToken;
use crate::background::Retention;
use crate::execute::MAX_RECORDED;
use crate::seed::SeedOptions;
use crate::store::{TokenKind, sqlite_url};
use crate::work::WorkLimits;

/// The API document.
static DOCUMENT: LazyLock<ApiDocument> =
    LazyLock::new(|| ApiDocument::new(serde_json::to_value(api::document()).unwrap()));

/// A server with an admin token.
pub(crate) struct TestServer {
    pub(crate) app: App,
    pub(crate) router: Router,
    pub(crate) admin: String,
    pub(crate) folder: TempDir,
}

/// Starts a server on a folder that may have been used before.
pub(crate) async fn start(folder: &Path, registry: Registry, seed: SeedOptions) -> Result<App, crate::app::StartError> {
    start_at(&sqlite_url(&folder.join("floh.db")), folder, registry, seed, Policy::default()).await
}

async fn start_at(
    database_url: &str,
    data_dir: &Path,
    registry: Registry,
    seed: SeedOptions,
    policy: Policy,
) -> Result<App, crate::app::StartError> {
    // A temporary folder has the mode of the umask, and a data folder has to be closed.
    std::fs::set_permissions(data_dir, Permissions::from_mode(0o700)).unwrap();
    App::start_with(
        registry,
        Options {
            data_dir,
            database_url,
            master_key: None,
            policy,
            scripts: sandbox::scripts(),
            seed,
            retention: Retention::default(),
            record_limit: MAX_RECORDED,
            run_workers: crate::run_queue::DEFAULT_RUN_WORKERS,
            work: WorkLimits::new(1 << 30),
            on_loss: crate::store::OnLoss::Refuse,
            public_url: None,
            nats: None,
        },
    )
    .await
}

/// Every connector type that is compiled into the tests.
pub(crate) fn all_types() -> Registry {
    connectors::link();
    Registry::collect().unwrap()
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::on(tempfile::tempdir().unwrap(), all_types()).await
    }

    pub(crate) async fn on(folder: TempDir, registry: Registry) -> Self {
        let app = start(folder.path(), registry, SeedOptions::default()).await.unwrap();
        Self::of(app, folder).await
    }

    /// Starts a server on the caller's database.
    pub(crate) async fn at(database_url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let seed = SeedOptions::default();
        let app = start_at(database_url, folder.path(), all_types(), seed, Policy::default()).await.unwrap();
        Self::of(app, folder).await
    }

    /// Starts another server on the same database, which the caller names, with the same master key.
    pub(crate) async fn beside(&self, database_url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(self.folder.path().join("master.key"), folder.path().join("master.key")).unwrap();
        let seed = SeedOptions::default();
        let app = start_at(database_url, folder.path(), all_types(), seed, Policy::default()).await.unwrap();
        Self::of(app, folder).await
    }

    /// Starts a server with the sample on the caller's database.
    pub(crate) async fn with_samples(database_url: &str, folder: TempDir) -> Self {
        let seed = SeedOptions { samples: true, ..SeedOptions::default() };
        let app = start_at(database_url, folder.path(), all_types(), seed, Policy::default()).await.unwrap();
        Self::of(app, folder).await
    }

    /// Starts a server whose connectors may reach what a policy opens.
    pub(crate) async fn with_policy(policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite_url(&folder.path().join("floh.db"));
        Self::at_with(&url, folder, policy).await
    }

    /// Returns the folder of a server that was stopped.
    pub(crate) fn into_folder(self) -> TempDir {
        self.folder
    }

    /// Starts a server on the caller's database whose connectors may reach what a policy opens.
    pub(crate) async fn at_with(database_url: &str, folder: TempDir, policy: Policy) -> Self {
        let app = start_at(database_url, folder.path(), all_types(), SeedOptions::default(), policy).await.unwrap();
        Self::of(app, folder).await
    }

    async fn of(app: App, folder: TempDir) -> Self {
        let router = crate::ui::router(&app, None, crate::mcp::router(&app, crate::mcp_settings::Settings::default()));
        let mut server = Self { app, router, admin: String::new(), folder };
        server.admin = server.token(&["admin"]).await;
        server
    }

    /// Stops this server and starts another one on the same folder.
    pub(crate) async fn restart(self, registry: Registry) -> Self {
        self.app.close().await;
        let Self { admin, folder, .. } = self;
        let mut server = Self::on(folder, registry).await;
        server.admin = admin;
        server
    }

    /// Creates a token with scopes.
    pub(crate) async fn token(&self, scopes: &[&str]) -> String {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let name = "test".to_owned();
        let new =
            NewToken { name, kind: TokenKind::Api, scopes, expires_at: None, agent_id: None, connector_names: None };
        self.app.auth.issue(new).await.unwrap().text.expose().to_owned()
    }

    /// Sends a request unchanged. An answer that is not in the API document fails the test.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let named = parts.headers.get_all("x-request-id").iter().count();
        assert_eq!(named, 1, "every answer names its request once: {parts:?}");
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let status = parts.status.as_u16();
        let headers = parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let exchange = Exchange { method: method.as_str(), path: &path, status, headers, body: &bytes };
        if let Err(undocumented) = DOCUMENT.check(&exchange) {
            panic!("{undocumented}\n{}", String::from_utf8_lossy(&bytes));
        }
        typed::check(method.as_str(), &path, status, &bytes);
        Answer { status, headers: parts.headers, text: String::from_utf8(bytes.into()).unwrap() }
    }

    /// Builds a request of the admin, with a JSON body unless that is null.
    pub(crate) fn request(&self, method: &str, path: &str, body: &Value) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.admin));
        if body.is_null() { request } else { request.header(header::CONTENT_TYPE, "application/json") }
    }

    /// Sends a request of the admin.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        let bytes = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(self.request(method, path, &body).body(bytes).unwrap()).await
    }

    /// Sends a request of the admin with one more header.
    pub(crate) async fn call_with(&self, method: &str, path: &str, body: Value, name: &str, value: &str) -> Answer {
        let bytes = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(self.request(method, path, &body).header(name, value).body(bytes).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, body).await
    }

    /// Creates a connector.
    pub(crate) async fn connector(&self, name: &str, type_name: &str, config: Value) -> Value {
        let body = json!({ "name": name, "type": type_name, "executionModel": "built_in", "config": config });
        self.post("/api/connectors", body).await.ok(201)
    }

    /// Executes a command of a connector.
    pub(crate) async fn execute(&self, name: &str, body: Value) -> Answer {
        self.post(&format!("/api/connectors/{name}/execute"), body).await
    }

    /// Reads the newest recorded execution.
    pub(crate) async fn newest_row(&self) -> Value {
        let list = self.get("/api/executions?limit=1").await.ok(200);
        self.get(&format!("/api/executions/{}", list["items"][0]["id"].as_str().unwrap())).await.ok(200)
    }

    /// Reads the recorded execution of an answer.
    pub(crate) async fn row(&self, answer: &Answer) -> Value {
        let id = answer.header("x-execution-id");
        assert!(!id.is_empty(), "{answer:?}");
        self.get(&format!("/api/executions/{id}")).await.ok(200)
    }
}
