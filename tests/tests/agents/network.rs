//! An agent in a network that nobody else has a way into, and that has none out of it but to the server.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::{Floh, Setup, Site, Upstream, skipped};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixListener};
use tokio::task::JoinSet;

use crate::fixture::{AGENT, execute};

const NETWORK: &str = include_str!("network.py");
/// Where the service is inside; nobody listens there outside.
const INSIDE: &str = "127.88.0.9:8088";

/// Takes what comes to a socket in the agent's folder to the server.
async fn lead_to(server: SocketAddr, listener: UnixListener) {
    let mut connections = JoinSet::new();
    while let Ok((mut near, _)) = listener.accept().await {
        connections.spawn(async move {
            if let Ok(mut far) = TcpStream::connect(server).await {
                drop(copy_bidirectional(&mut near, &mut far).await);
            }
        });
    }
}

/// Makes an external connector without a schema.
async fn external(floh: &Floh, name: &str) {
    let body = json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0" });
    floh.admin().post("/api/connectors", &body).await.expect(201);
}

#[tokio::test]
async fn an_agent_leads_into_a_network_that_the_server_has_no_way_to() {
    let alone = ["--net", "python3", "-c", "import ctypes, fcntl"];
    if !Command::new("unshare").args(alone).output().is_ok_and(|output| output.status.success()) {
        return skipped("a network namespace with python3 in it cannot be made");
    }
    assert!(TcpStream::connect(INSIDE).await.is_err(), "the service cannot be reached from here");
    let outside = Upstream::fixed(json!({ "success": true })).await;
    let floh = Setup::default().start().await;
    external(&floh, "inside").await;
    external(&floh, "outside").await;
    let (_, secret) = token(&floh, AGENT, &["inside", "outside"]).await;
    let toml = format!(
        "id = {AGENT:?}\nallow = [{INSIDE:?}, \"{}\"]\n[connectors.inside]\nurl = \"http://{INSIDE}\"\n\
         [connectors.outside]\nurl = {:?}\n",
        outside.address(),
        outside.url("/")
    );
    #[expect(clippy::disallowed_methods, reason = "where python3 is, not a setting of the server")]
    let path = std::env::var("PATH").unwrap();
    let site = Site::new(&floh, &secret, &toml).server("ws://127.0.0.1:8090").env("PATH", &path);
    let site = site.inside(["unshare", "--net", "python3", "-c", NETWORK]);
    let door = UnixListener::bind(site.home().join("server.sock")).unwrap();
    let leading = tokio::spawn(lead_to(floh.address(), door));
    let agent = site.start().await;

    let call = json!({ "command": "read", "params": { "n": 7 } });
    let result = execute(&floh.admin(), "inside", &call).await;
    assert_eq!(result, json!({ "success": true, "payload": { "inside": { "n": 7 } } }), "{}", agent.logs());
    let result: Value = execute(&floh.admin(), "outside", &call).await;
    assert_eq!(result["success"], false, "{result}");
    assert!(outside.received().is_empty(), "there is no way out");
    drop(agent);
    leading.abort();
}
