//! docs/scaling.md, followed: its files and its settings, with the addresses of this machine in place of those of the guide.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use test_support::agent::token;
use test_support::nats::Nats;
use test_support::postgres::Cluster;
use test_support::process::Process;
use test_support::{Client, Gate, Setup, Site, eventually, skipped, until};

use crate::fixture::{AGENT, connector, forwards, service};
use crate::group::MASTER_KEY;

const GUIDE: &str = include_str!("../../../docs/scaling.md");
const NGINX: &str = "/usr/sbin/nginx";

/// Returns the text of the file of the guide that bears a name in its first line.
fn file(name: &str) -> String {
    let begin = format!("# {name}\n");
    let blocks = GUIDE.split("```").skip(1).step_by(2);
    let block = blocks.filter_map(|block| block.split_once('\n')).find(|(_, text)| text.starts_with(&begin));
    block.unwrap_or_else(|| panic!("the guide has no {name}")).1.to_owned()
}

/// Puts the words of this machine in the place of those of the guide, each of which has to be there.
fn with(text: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(text.to_owned(), |text, (theirs, ours)| {
        assert!(text.contains(theirs), "the guide says {theirs} no longer");
        text.replace(theirs, ours)
    })
}

fn setup(database: &str, nats: &Nats, credentials: &Path) -> Setup {
    let settings = with(
        &file("floh.env"),
        &[
            ("postgres://floh:change-me-db@db.internal/floh", database),
            ("change-me-openssl-rand-base64-32", MASTER_KEY),
            ("change-me-openssl-rand-base64-33", test_support::ADMIN_TOKEN),
            ("tls://nats.internal:4222", &nats.url()),
            ("/etc/floh/nats-user", credentials.to_str().unwrap()),
        ],
    );
    let settings = settings.lines().filter_map(|line| line.split_once('='));
    // The tests take free ports, and reach the proxy by its own address.
    let settings = settings.filter(|(name, _)| *name != "FLOH_LISTEN" && *name != "FLOH_PUBLIC_URL");
    settings.fold(Setup::default(), |setup, (name, value)| setup.env(name, value))
}

async fn proxy(home: &Path, servers: [SocketAddr; 2]) -> (Process, SocketAddr) {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let listen = format!("listen 127.0.0.1:{port}");
    let [one, other] = servers.map(|address| address.to_string());
    let http = with(
        &file("nginx.conf"),
        &[("floh-1.internal:8080", &one), ("floh-2.internal:8080", &other), ("listen 443", &listen)],
    );
    let folder = home.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let paths: String = paths.iter().map(|name| format!("{name}_temp_path {folder}/{name};\n")).collect();
    let whole = format!(
        "daemon off; master_process off; pid {folder}/pid; error_log stderr; events {{}}\nhttp {{ access_log off;\n{paths}{http}\n}}\n"
    );
    fs::write(home.join("nginx.conf"), whole).unwrap();
    let mut command = Command::new(NGINX);
    command.arg("-p").arg(home).arg("-c").arg(home.join("nginx.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = Process::spawn(&mut command, home, |_| {});
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    until("nginx to listen or to end", || process.has_ended() || TcpStream::connect(address).is_ok()).await;
    assert!(!process.has_ended(), "nginx ended");
    (process, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guide_makes_two_servers_of_which_one_may_die() {
    if !Path::new(NGINX).exists() {
        return skipped("no nginx was found (nginx; on Debian the package nginx-light)");
    }
    let Some(cluster) = Cluster::start() else { return };
    let Some(nats) = Nats::start(&file("nats.conf")).await else { return };
    let home = tempfile::tempdir().unwrap();
    let credentials = home.path().join("nats-user");
    assert!(GUIDE.contains("has one line, `floh:change-me-nats`"));
    fs::write(&credentials, "floh:change-me-nats\n").unwrap();
    let database = cluster.create_database("guide");
    let mut one = setup(&database, &nats, &credentials).start().await;
    let other = setup(&database, &nats, &credentials).start().await;
    let (_proxy, door) = proxy(home.path(), [one.address(), other.address()]).await;

    let caller = Client::new(door).with_token(test_support::ADMIN_TOKEN);
    caller.post("/api/connectors", &connector("crm")).await.expect(201);
    let service = service(&Gate::shut()).await;
    let (_, secret) = token(&one, AGENT, &["crm"]).await;
    let site = Site::new(&one, &secret, &forwards("crm", &service)).server(format!("ws://{door}"));
    let agent = site.start().await;
    let call = json!({ "command": "listUsers", "params": { "limit": 1 } });
    let works = async || {
        let answer = caller.post("/api/connectors/crm/execute", &call).await;
        (answer.status == 200 && answer.expect(200)["success"] == true).then_some(())
    };
    // By turns at both servers, one of which has the agent.
    for _ in 0..4 {
        eventually("a call", works).await;
    }
    let shown = other.admin().get("/api/connectors/agents").await.expect(200);
    let is_at_one = shown["items"][0]["server"].is_string();
    one.kill_9().await;
    if is_at_one {
        agent.registered(2).await;
    }
    eventually("a call by way of the other server", works).await;
    for _ in 0..4 {
        works().await.expect("the proxy leaves the dead server out");
    }
    one.restart().await;
    eventually("a call", works).await;
}
