//! A throw-away NATS: its own configuration in a temporary folder, on a free port of loopback.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::Process;
use crate::{skipped, until};

const PLACES: [&str; 3] = ["/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"];

/// What a message between servers needs, and NATS does not take by itself.
pub const LARGE: &str = "max_payload: 16MB";

/// A running NATS.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    process: Process,
    port: u16,
    home: TempDir,
}

impl Nats {
    /// Starts one with lines of configuration, or returns `None` after saying in one line why there is none.
    ///
    /// # Panics
    /// When `FLOH_TEST_REQUIRE` is `all` and no NATS is found, and when one is found and does not start.
    pub async fn start(configuration: &str) -> Option<Self> {
        let Some(program) = PLACES.iter().map(PathBuf::from).find(|place| place.exists()) else {
            skipped("no NATS server was found (nats-server; on Debian the package nats-server)");
            return None;
        };
        let home = tempfile::Builder::new().prefix("floh-nats-").tempdir().expect("a temporary folder");
        fs::write(home.path().join("nats.conf"), configuration).unwrap();
        // Another program may take a free port before NATS has it.
        for _ in 0..5 {
            let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
            if let Some(process) = spawn(&program, &home, port).await {
                return Some(Self { program, process, port, home });
            }
        }
        panic!("NATS did not start");
    }

    /// Returns its folder, for the files that its configuration names.
    pub fn folder(&self) -> &std::path::Path {
        self.home.path()
    }

    /// Returns its address for servers.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Returns its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns its process, to stall and to kill it.
    pub const fn process(&self) -> &Process {
        &self.process
    }

    /// Kills it.
    pub async fn kill(&mut self) {
        self.process.kill();
        self.process.exit().await;
    }

    /// Starts it again where it was.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        self.process = spawn(&self.program, &self.home, self.port).await.expect("NATS starts where it was");
    }
}

async fn spawn(program: &std::path::Path, home: &TempDir, port: u16) -> Option<Process> {
    let mut command = Command::new(program);
    command.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-c"]).arg(home.path().join("nats.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = Process::spawn(&mut command, home.path(), |_| {});
    until("NATS to listen or to end", || process.has_ended() || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    (!process.has_ended()).then_some(process)
}
