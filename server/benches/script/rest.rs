//! The same script as a connector of a real server, called over REST: the execution is recorded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use measure::http::{exchange, one, request};
use measure::process::{Process, children_of, cpu_of, cpu_of_ended_children};
use serde_json::json;
use tokio::net::TcpStream;

use crate::{COMMAND, SCRIPT};

/// Connections that call at once: what is recorded is written in groups.
const CONNECTIONS: u32 = 32;

/// A server with one connector.
pub(crate) struct Rest {
    server: Process,
    request: Arc<str>,
    _folder: tempfile::TempDir,
}

impl Rest {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = Process::serve(Path::new(env!("CARGO_BIN_EXE_floh")), &folder.path().join("data"), None);
        let params = json!({ "limit": { "type": "number" }, "department": { "type": "string" } });
        let body = json!({
            "name": "employees", "type": "employees", "version": "1.0.0", "executionModel": "script",
            "configSchema": {
                "connectionConfig": { "region": { "type": "string" } },
                "commands": {
                    "test": {},
                    "lookupEmployee": {},
                    COMMAND: { "effect": "read", "params": ["limit", "department"], "paramSchema": params },
                },
            },
            "scriptSource": SCRIPT, "config": { "region": "eu" },
        });
        let (status, answer) = one(server.address, "/api/connectors", &body.to_string()).await;
        assert_eq!(status, 201, "{answer}");
        let call =
            json!({ "command": COMMAND, "params": { "limit": 100 }, "variables": { "initiated_by": "user-456" } });
        let request = request("/api/connectors/employees/execute", &call.to_string());
        Self { server, request: request.into(), _folder: folder }
    }

    /// Makes calls, at least as many, and returns how many. The connections are new ones: the server ends those that nobody
    /// uses while others are measured.
    pub(crate) async fn run(&self, calls: u32) -> u32 {
        let each = calls.div_ceil(CONNECTIONS);
        let loads = (0..CONNECTIONS).map(|_| {
            let (address, request) = (self.server.address, Arc::clone(&self.request));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("connects");
                for _ in 0..each {
                    let (status, answer) = exchange(&mut stream, &request).await;
                    assert!(
                        status == 200 && answer.starts_with(r#"{"success":true,"payload":{"employees":[{"#),
                        "{answer}"
                    );
                }
            })
        });
        for load in loads.collect::<Vec<_>>() {
            load.await.expect("no panic");
        }
        each * CONNECTIONS
    }

    /// CPU time of the server, and that of its workers, those that have ended included.
    pub(crate) fn cpu(&self) -> (Duration, Duration) {
        let id = self.server.id();
        let workers = children_of(id).into_iter().map(cpu_of).sum::<Duration>();
        (cpu_of(id), workers + cpu_of_ended_children(Some(id)))
    }
}
