//! A process that serves connectors for a test: one that says on its first line where it listens.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A serving process. It is killed when it is dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    address: SocketAddr,
}

impl Service {
    /// Starts a program and waits for its first line, which has the address somewhere in it.
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
        let address = line.split([' ', '/']).find_map(|word| word.trim().parse().ok());
        let Some(address) = address else {
            drop(child.kill());
            drop(child.wait());
            panic!("the service did not say where it listens: {line:?}");
        };
        Ok(Self { child, address })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns a URL on it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
