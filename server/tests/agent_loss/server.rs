//! A server of this process with a socket of its own, and agents that run beside it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use connector_runtime::egress::{Backoff, Policy};
use connector_runtime::{Secret, serve};
use floh_agent::{Agent, AgentConfig, Pace, Route, ServerAddress, Settings};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use server::api;
use server::app::{App, Options};
use server::auth::NewToken;
use server::background::Retention;
use server::execute::MAX_RECORDED;
use server::script::{HostCalls, Limits, Ran, Sandbox, ScriptCall, ScriptFailure, ScriptProblem, Scripts};
use server::seed::SeedOptions;
use server::store::{TokenKind, sqlite_url};
use tempfile::TempDir;
use test_support::api::{ApiDocument, Exchange};
use test_support::within_bound;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::fixture;

/// A server. Its folder goes with it.
pub(crate) struct LocalServer {
    app: App,
    router: Router,
    document: ApiDocument,
    pub(crate) address: SocketAddr,
    admin: String,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

/// No scripts are run here.
#[derive(Debug)]
struct NoScripts;

impl Sandbox for NoScripts {
    fn run<'a>(&'a self, _: ScriptCall<'a>, _: &'a dyn HostCalls) -> BoxFuture<'a, Result<Ran, ScriptFailure>> {
        async { Err(ScriptFailure::Busy) }.boxed()
    }

    fn check<'a>(
        &'a self,
        _: &'a str,
        _: &'a [&'a str],
        _: &'a Limits,
    ) -> BoxFuture<'a, Result<Vec<ScriptProblem>, ScriptFailure>> {
        async { Err(ScriptFailure::Busy) }.boxed()
    }
}

impl LocalServer {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let options = Options {
            data_dir: &data_dir,
            database_url: &sqlite_url(&data_dir.join("floh.db")),
            master_key: None,
            policy: Policy::default(),
            scripts: Scripts { sandbox: Arc::new(NoScripts), limits: Limits::default() },
            seed: SeedOptions::default(),
            retention: Retention::default(),
            record_limit: MAX_RECORDED,
            run_workers: server::run_queue::DEFAULT_RUN_WORKERS,
            work: server::work::WorkLimits::new(1 << 30),
            on_loss: server::store::OnLoss::Refuse,
            public_url: None,
            nats: None,
        };
        let app = App::start_with(fixture::registry(), options).await.unwrap();
        let router = api::router(&app, None);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve::serve(listener, router.clone(), stop.clone().cancelled_owned()));
        let admin = issue(&app, TokenKind::Api, None).await;
        let admin = admin.expose().to_owned();
        let document = document(&router, &admin).await;
        Self { app, router, document, address, admin, stop, serving, _folder: folder }
    }

    /// Makes a connector that waits for an agent of its own name, and that agent's token.
    pub(crate) async fn connector(&self, name: &str) -> Secret {
        let body = json!({ "name": name, "type": "loss-fixture", "executionModel": "external", "config": {} });
        let (status, answer) = self.post("/api/connectors", body).await;
        assert_eq!(status, 201, "{answer}");
        issue(&self.app, TokenKind::Agent, Some(name)).await
    }

    /// Executes a command, whatever comes of it.
    pub(crate) async fn execute(&self, name: &str, command: &str, params: Value, timeout_ms: u64) -> Value {
        let body = json!({ "command": command, "params": params, "timeoutMs": timeout_ms });
        let path = format!("/api/connectors/{name}/execute");
        let (status, answer) = within_bound("an answer", self.post(&path, body)).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Executes a command on an agent that may just be on its way back: a call that nobody was there for is
    /// looked at and made again.
    pub(crate) async fn execute_on(
        &self,
        agent: &Running,
        command: &str,
        params: Value,
        timeout_ms: u64,
        refused: impl Fn(&Value),
    ) -> Value {
        loop {
            // The server knows a connection before the agent does: who is not there now has yet to register.
            let registered = *agent.registrations.borrow();
            let answer = self.execute(&agent.name, command, params.clone(), timeout_ms).await;
            if answer["diagnostics"]["code"] != "no_agent" {
                return answer;
            }
            refused(&answer);
            agent.registered(registered + 1).await;
        }
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.admin))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let status = parts.status.as_u16();
        let headers = parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let exchange = Exchange { method: "POST", path, status, headers, body: &bytes };
        self.document.check(&exchange).unwrap_or_else(|undocumented| panic!("{undocumented}"));
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.app.close().await;
        within_bound("the end of the server", self.serving).await.unwrap();
    }
}

/// Reads the API document of the server.
async fn document(router: &Router, admin: &str) -> ApiDocument {
    let request = Request::get("/api/openapi.json").header(header::AUTHORIZATION, format!("Bearer {admin}"));
    let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    ApiDocument::new(serde_json::from_slice(&bytes).unwrap())
}

async fn issue(app: &App, kind: TokenKind, agent: Option<&str>) -> Secret {
    let new = NewToken {
        name: "test".to_owned(),
        kind,
        scopes: if agent.is_some() { Vec::new() } else { vec!["admin".to_owned()] },
        expires_at: None,
        agent_id: agent.map(str::to_owned),
        connector_names: agent.map(|name| vec![name.to_owned()]),
    };
    app.auth.issue(new).await.unwrap().text
}

/// An agent that runs in this process. It dies when it is dropped.
pub(crate) struct Running {
    name: String,
    task: JoinHandle<()>,
    registrations: watch::Receiver<u32>,
    _journal: TempDir,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Runs an agent with the id and one connector of a name, and a journal of its own.
    pub(crate) async fn start(name: &str, token: &Secret, server: SocketAddr) -> Self {
        let journal = tempfile::tempdir().unwrap();
        let registry = fixture::registry();
        let config = format!("id = \"{name}\"\n[connectors.{name}]\ntype = \"loss-fixture\"\n");
        let short = Duration::from_millis(5);
        let settings = Settings {
            route: Route {
                server: ServerAddress::parse(&format!("ws://{server}"), false).unwrap(),
                tls: None,
                proxy: None,
            },
            token: token.clone(),
            config: AgentConfig::parse(&config, Path::new("agent.toml"), &registry).unwrap(),
            data_dir: journal.path().to_owned(),
            pace: Pace { backoff: Backoff::new(short, short), refused: short, lasting: short },
        };
        let agent = Agent::open(settings, Arc::new(registry)).await.unwrap();
        let (seen, registrations) = watch::channel(0);
        let task = tokio::spawn(async move {
            agent.run(&CancellationToken::new(), |_| seen.send_modify(|count| *count += 1)).await;
        });
        Self { name: name.to_owned(), task, registrations, _journal: journal }
    }

    /// Waits until the agent has registered so often, and returns how often it has.
    pub(crate) async fn registered(&self, times: u32) -> u32 {
        let mut registrations = self.registrations.clone();
        let what = format!("registration {times}");
        *within_bound(&what, registrations.wait_for(|count| *count >= times)).await.unwrap()
    }
}
