//! A process that serves something for a test: one that says on its first line where it listens.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::process::blocking;

/// A serving process. It is killed when it is dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts a program and waits for its first line, which has the address somewhere in it, or a port of loopback
    /// and nothing else.
    ///
    /// # Errors
    /// When the program is not there.
    ///
    /// # Panics
    /// When it ends, or says something else.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line)?;
        let port = || line.trim().parse().ok().map(|port: u16| SocketAddr::from(([127, 0, 0, 1], port)));
        let address = line.split([' ', '/']).find_map(|word| word.trim().parse().ok()).or_else(port);
        let Some(address) = address else {
            drop(child.kill());
            drop(child.wait());
            panic!("the service did not say where it listens: {line:?}");
        };
        Ok(Self { child, address })
    }

    /// Returns the id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Asks the process to end (SIGTERM) and waits for that.
    ///
    /// # Panics
    /// When it is gone already.
    pub async fn stop(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        blocking(move || self.child.wait().unwrap()).await
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
