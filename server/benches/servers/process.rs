//! The processes of the bench. Each ends with its value.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use connector_runtime::prelude::Value;
use measure::http::{TOKEN, exchange, request};
use measure::process::{children_of, cpu_of, cpu_of_ended_children};
use serde_json::json;
use test_support::postgres::Cluster;
use tokio::net::TcpStream;

/// The key that all servers share.
const MASTER_KEY: &str = "87bUxcLXIXNBlLlDazbZU6BeaOPxZpaiMah1u/DzyAU=";

/// How servers are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// As they come: each uses all cores.
    Free,
    /// With one worker thread each.
    OneThread,
    /// Each on a core of its own, the load and PostgreSQL on both.
    Pinned,
}

/// A PostgreSQL of its own, and the id of its first process.
pub(crate) struct Postgres {
    pub(crate) cluster: Cluster,
    pub(crate) postmaster: u32,
}

impl Postgres {
    pub(crate) fn start() -> Option<Self> {
        let cluster = Cluster::durable()?;
        let postmaster = cluster.sql("postgres", r"SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)");
        Some(Self { cluster, postmaster: postmaster.parse().expect("an id") })
    }

    /// CPU time of all its processes, those that have ended included.
    pub(crate) fn cpu(&self) -> Duration {
        let id = self.postmaster;
        let of_children = children_of(id).into_iter().map(cpu_of).sum::<Duration>();
        cpu_of(id) + cpu_of_ended_children(Some(id)) + of_children
    }

    /// How many transactions have written so far.
    pub(crate) fn commits(&self) -> f64 {
        let next = self.cluster.sql("postgres", "SELECT pg_snapshot_xmax(pg_current_snapshot())");
        next.parse().expect("a number")
    }
}

/// How a server is started; on SQLite without a database.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) database: Option<&'a str>,
    pub(crate) nats: Option<&'a str>,
    pub(crate) hold: Hold,
    pub(crate) core: usize,
}

impl Default for Start<'_> {
    fn default() -> Self {
        Self { database: None, nats: None, hold: Hold::Free, core: 0 }
    }
}

/// This program once more, as a server with one more connector type. It ends with this value.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start(start: Start<'_>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let program = std::env::current_exe().expect("the path of this program");
        let mut command = match start.hold {
            Hold::Free | Hold::OneThread => Command::new(program),
            Hold::Pinned => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(start.core.to_string()).arg(program);
                command
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"]);
        // The server makes it, closed to others.
        command.arg(folder.path().join("data"));
        command.args(start.database.into_iter().flat_map(|url| ["--database-url", url]));
        command.args(start.nats.into_iter().flat_map(|url| ["--nats-url", url]));
        command.env("FLOH_ADMIN_TOKEN", TOKEN).env("FLOH_MASTER_KEY", MASTER_KEY).stdout(Stdio::piped());
        if start.hold == Hold::OneThread {
            command.env("TOKIO_WORKER_THREADS", "1");
        }
        let mut child = command.spawn().expect("starts");
        let address = line_of(&mut child, |line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address, child, _folder: folder }
    }

    /// CPU time of all its threads.
    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.expect("connects");
        stream.set_nodelay(true).expect("no delay");
        stream
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, String) {
        exchange(&mut self.connect().await, &request(path, &body.to_string())).await
    }

    /// Creates the connector that is called.
    pub(crate) async fn create(&self, model: &str, more: &Value) {
        let mut body = json!({ "name": "prices", "type": "quote-bench", "executionModel": model });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let (status, answer) = self.post("/api/connectors", &body).await;
        assert!(status == 201, "{status} {answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// This program once more, as an agent that executes the connector itself. It ends with this value.
pub(crate) struct Agent {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Agent {
    pub(crate) fn start(server: SocketAddr, token: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |path: &Path, text: &str| {
            let mut options = fs::OpenOptions::new();
            let file = options.write(true).create(true).mode(0o600).open(path);
            file.and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
        };
        let file = |name: &str| folder.path().join(name);
        write(&file("token"), token);
        write(&file("agent.toml"), "id = \"agent-0\"\n[connectors.prices]\ntype = \"quote-bench\"\n");
        let mut command = Command::new(std::env::current_exe().expect("the path of this program"));
        command.args(["agent", "--server"]).arg(format!("ws://{server}"));
        command.arg("--token-file").arg(file("token")).arg("--config").arg(file("agent.toml"));
        command.arg("--data-dir").arg(file("data")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        line_of(&mut child, |line| line.contains(" registered at ws").then_some(()));
        Self { child, _folder: folder }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits for a line of a process.
pub(crate) fn line_of<T>(child: &mut Child, find: impl Fn(&str) -> Option<T>) -> T {
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    lines.map(|line| line.expect("a line")).find_map(|line| find(&line)).expect("it gets that far")
}
