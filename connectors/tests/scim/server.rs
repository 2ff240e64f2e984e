//! A server of a test, and calls of the connector that reach it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use connector_runtime::egress::{Client, Policy, Response};
use connector_runtime::prelude::{Secret, Value, json};
use connector_runtime::testing::{self, TestCall};
use connectors::scim::Scim;
use tempfile::TempDir;
use test_support::process::{Process, command};
use test_support::{BOUND, skipped};

pub(crate) const TOKEN: &str = "tok";
/// How often a server is started anew, where another process took its port.
const MAX_STARTS: usize = 5;

/// Which server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// scim2-server, paged by index.
    Python,
    /// scim2-server, paged by cursor.
    PythonByCursor,
    /// scimmy.
    Node,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) base: String,
    pub(crate) client: Client,
    _process: Process,
    _home: TempDir,
}

impl Server {
    /// Starts one; `None` after one line that says that it is not installed.
    pub(crate) fn start(kind: Kind) -> Option<Self> {
        let tools = tools()?;
        for _ in 0..MAX_STARTS {
            let home = tempfile::Builder::new().prefix("floh-scim-").tempdir().unwrap();
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            let mut command = match kind {
                Kind::Node => {
                    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scim/scimmy.mjs");
                    let mut node = command(Path::new("node"), &environment(), home.path());
                    node.arg(script).arg(&tools);
                    node
                }
                Kind::Python | Kind::PythonByCursor => {
                    let config = home.path().join("config.json");
                    std::fs::write(&config, announced(kind == Kind::PythonByCursor).to_string()).unwrap();
                    let mut python = command(&tools.join("python/bin/scim2-server"), &environment(), home.path());
                    python.args(["--port", &port.to_string(), "--bearer-token", TOKEN]);
                    python.arg("--service-provider-config").arg(config);
                    python
                }
            };
            let (tell, told) = mpsc::channel();
            let process =
                Process::spawn(&mut command, home.path(), move |line| drop(tell.send(line.trim().to_owned())));
            let base = match (kind, told.recv_timeout(BOUND)) {
                (Kind::Node, Ok(port)) => format!("http://127.0.0.1:{port}/scim"),
                (_, Ok(_)) => format!("http://127.0.0.1:{port}/v2"),
                // Another process had the port by then.
                (_, Err(_)) => continue,
            };
            let client = Client::new(Policy::only(&["127.0.0.1"]).unwrap());
            return Some(Self { kind, base, client, _process: process, _home: home });
        }
        panic!("{kind:?} did not start in {MAX_STARTS} attempts");
    }

    pub(crate) fn is_python(&self) -> bool {
        self.kind != Kind::Node
    }

    /// Begins a call of the connector.
    pub(crate) fn call(&self, command: &str) -> TestCall {
        testing::call::<Scim>(command)
            .config("baseUrl", &self.base)
            .config("token", TOKEN)
            .timeout_ms(60_000)
            .http(self.client.clone())
    }

    /// Sends a request without the connector.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        let request = self.client.request(method, format!("{}{path}", self.base)).bearer(&Secret::from(TOKEN));
        let request = request.timeout(Duration::from_secs(30));
        let request = match body {
            Some(body) => request.body(body.to_string()).header("content-type", "application/scim+json"),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// Creates a user without the connector, and returns its id.
    pub(crate) async fn user(&self, name: &str) -> String {
        let body =
            json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": true });
        id(&self.raw("POST", "/Users", Some(body)).await)
    }

    /// Creates a group without the connector, and returns its id.
    pub(crate) async fn group(&self, name: &str) -> String {
        let body = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name });
        id(&self.raw("POST", "/Groups", Some(body)).await)
    }
}

fn id(response: &Response) -> String {
    let body: Value = response.json().unwrap();
    body["id"].as_str().unwrap_or_else(|| panic!("{body}")).to_owned()
}

/// Runs a command that succeeds, and returns its payload.
pub(crate) async fn done(call: TestCall) -> Value {
    let result = call.run().await;
    assert!(result.success, "{result:?}");
    result.payload.unwrap_or_default()
}

/// Runs a command that fails, and returns its diagnostics with its error.
pub(crate) async fn failed(call: TestCall) -> Value {
    let result = call.run().await;
    assert!(!result.success, "{result:?}");
    let mut diagnostics = result.diagnostics.unwrap_or_default();
    diagnostics["error"] = result.error.unwrap_or_default().into();
    diagnostics
}

fn announced(by_cursor: bool) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": true, "maxOperations": 10, "maxPayloadSize": 1_048_576 },
        "filter": { "supported": true, "maxResults": 50 },
        "changePassword": { "supported": true },
        "sort": { "supported": true },
        "etag": { "supported": true },
        "pagination": { "cursor": by_cursor, "index": true, "maxPageSize": 50 },
        "authenticationSchemes": [],
    })
}

#[expect(clippy::disallowed_methods, reason = "where programs are found, not a setting of the server")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn environment() -> BTreeMap<String, String> {
    variable("PATH").map(|path| ("PATH".to_owned(), path)).into_iter().collect()
}

/// Finds the servers.
fn tools() -> Option<PathBuf> {
    let folder = variable("HOME").map(|home| Path::new(&home).join(".cache/floh-tools/scim"));
    let folder = folder.filter(|folder| folder.join("installed").exists());
    if folder.is_none() {
        skipped("the SCIM servers are not there (.ci/scim/get gets them from PyPI and npm)");
    }
    folder
}

/// Makes a test of each server of a function.
macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod python {
            $(#[tokio::test]
            async fn $name() {
                let Some(server) = crate::server::Server::start(crate::server::Kind::Python) else { return };
                super::$name(&server).await;
            })*
        }
        mod node {
            $(#[tokio::test]
            async fn $name() {
                let Some(server) = crate::server::Server::start(crate::server::Kind::Node) else { return };
                super::$name(&server).await;
            })*
        }
    };
}
pub(crate) use on_both;
