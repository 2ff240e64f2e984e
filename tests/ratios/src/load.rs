//! Calls over HTTP that are made many times, on connections that are kept.

use std::net::SocketAddr;
use std::sync::Arc;

use measure::http::{exchange, one, request};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use crate::script::SCRIPT;

/// Connections that are kept alive, each with one call at a time.
const CONNECTIONS: u32 = 64;

/// A call, and where it is made.
pub(crate) struct Call {
    pub(crate) name: &'static str,
    address: SocketAddr,
    request: Arc<str>,
    /// How its answer begins.
    answer: &'static str,
}

impl Call {
    fn new(name: &'static str, address: SocketAddr, connector: &str, body: &Value) -> Self {
        let request = request(&format!("/api/connectors/{connector}/execute"), &body.to_string()).into();
        Self { name, address, request, answer: r#"{"success":true"# }
    }

    /// What [`bare`](crate::bare) answers: the call that the others are compared with.
    pub(crate) fn bare(address: SocketAddr) -> Self {
        Self::new("bare", address, "pause", &wait())
    }

    /// A compiled command that reads.
    pub(crate) fn reading(address: SocketAddr) -> Self {
        Self::new("reading_call", address, "pause", &wait())
    }

    /// The same, answered by a mock.
    pub(crate) fn mocked(address: SocketAddr) -> Self {
        let mut body = wait();
        body["mockScenario"] = json!("default");
        Self::new("mocked_call", address, "pause", &body)
    }

    /// The same, with params that are refused.
    pub(crate) fn refused(address: SocketAddr) -> Self {
        let body = json!({ "command": "wait", "params": { "delayMs": -1 } });
        Self { answer: r#"{"success":false"#, ..Self::new("refused_call", address, "pause", &body) }
    }

    /// A script that answers 100 rows.
    pub(crate) fn script(address: SocketAddr) -> Self {
        Self::new("script_call", address, "rows", &json!({ "command": "listRows" }))
    }

    /// Makes it a number of times, which is divided among the connections.
    ///
    /// # Panics
    /// If an answer is another one.
    pub(crate) async fn make(&self, times: u32) {
        let begin = Arc::new(Barrier::new(CONNECTIONS as usize));
        let connections: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (address, request, begin) = (self.address, Arc::clone(&self.request), Arc::clone(&begin));
                let (answer, times) = (self.answer, times / CONNECTIONS);
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.expect("connects");
                    stream.set_nodelay(true).expect("no delay");
                    begin.wait().await;
                    for _ in 0..times {
                        let (status, body) = exchange(&mut stream, &request).await;
                        assert!(status == 200 && body.starts_with(answer), "{status} {body}");
                    }
                })
            })
            .collect();
        for connection in connections {
            connection.await.expect("no panic");
        }
    }
}

/// Makes the connector of the calls of compiled commands.
pub(crate) async fn make_pause(floh: SocketAddr) {
    make(floh, &json!({ "name": "pause", "type": "delay", "executionModel": "built_in", "config": {} })).await;
}

/// Makes the connector of [`Call::script`].
pub(crate) async fn make_rows(floh: SocketAddr) {
    let schema = json!({ "commands": { "listRows": { "effect": "read" } } });
    make(
        floh,
        &json!({ "name": "rows", "type": "rows", "version": "1.0.0", "executionModel": "script",
            "configSchema": schema, "scriptSource": SCRIPT }),
    )
    .await;
}

async fn make(floh: SocketAddr, connector: &Value) {
    let (status, answer) = one(floh, "/api/connectors", &connector.to_string()).await;
    assert_eq!(status, 201, "{answer}");
}

fn wait() -> Value {
    json!({ "command": "wait", "params": { "delayMs": 0.001 } })
}
