//! Processes that are measured, and calls to them over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The server's token.
pub(crate) const TOKEN: &str = "a-token-of-the-ratios-0123456789-0123456789";

/// A process that answers HTTP. It ends with this value.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts a program, which must print the address that it listens on.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).env("FLOH_ADMIN_TOKEN", TOKEN).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.map(|line| line.expect("a line")).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address: address.expect("it listens"), child }
    }

    /// Returns the CPU time of its threads and of its children, those that have ended included.
    pub(crate) fn cpu(&self) -> Duration {
        let id = self.child.id();
        let children = children_of(id).into_iter().map(cpu_of).sum::<Duration>();
        cpu_of(id) + children + cpu_of_ended_children(Some(id))
    }

    /// Returns a size that the system knows of it, in kB.
    pub(crate) fn kb(&self, name: &str) -> f64 {
        kb_of(self.child.id(), "status", name)
    }

    /// Returns how much memory of its own each of its children has, in kB: the pages that it has written to.
    pub(crate) fn own_kb_of_children(&self) -> Vec<f64> {
        let own = |child| kb_of(child, "smaps_rollup", "Private_Dirty");
        children_of(self.child.id()).into_iter().map(own).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The scheduler counts each thread in nanoseconds; the clock of `stat` has hundredths of a second.
fn cpu_of(id: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    times.filter_map(|times| times.split(' ').next()?.parse().ok().map(Duration::from_nanos)).sum()
}

/// The CPU time of the children of a process, or of this one, that have ended, by the system's clock of hundredths of a second.
pub(crate) fn cpu_of_ended_children(id: Option<u32>) -> Duration {
    let id = id.map_or_else(|| "self".to_owned(), |id| id.to_string());
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    // After the name in brackets.
    let fields = stat.rsplit(") ").next().expect("fields after its name").split(' ');
    fields.skip(13).take(2).map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().expect("ticks"))).sum()
}

fn children_of(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|ids| ids.split_whitespace().map(|id| id.parse().expect("an id")).collect::<Vec<_>>()).collect()
}

fn kb_of(id: u32, file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("a size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// Writes a request with a JSON body.
pub(crate) fn request(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Makes one call on a connection of its own.
pub(crate) async fn one(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    exchange(&mut stream, &request(path, body)).await
}

/// Probes whether a server is ready.
pub(crate) async fn ready(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let (status, answer) = exchange(&mut stream, "GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(status, 200, "{answer}");
}

/// Sends a request and reads the answer, which must tell its length.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = Vec::with_capacity(1024);
    loop {
        assert!(stream.read_buf(&mut answer).await.expect("read") > 0, "the connection ended");
        let Some(head) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let text = std::str::from_utf8(&answer[..head]).expect("a head in ASCII");
        let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        let length: usize = length.parse().expect("a number");
        if answer.len() < head + 4 + length {
            continue;
        }
        let status = text[9..12].parse().expect("a status");
        return (status, String::from_utf8(answer.split_off(head + 4)).expect("a body in UTF-8"));
    }
}
