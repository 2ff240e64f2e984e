//! A process that a bench measures, and the calls that it makes to it over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const TOKEN: &str = "a-token-of-the-bench-0123456789-0123456789";

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
        let mut child = command.spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.map(|line| line.expect("a line")).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address: address.expect("it listens"), child }
    }

    /// Starts the server, on SQLite unless there is the URL of another database.
    pub(crate) fn serve(program: &Path, data_dir: &Path, database_url: Option<&str>) -> Self {
        let data_dir = data_dir.to_str().expect("a path in UTF-8");
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir", data_dir];
        arguments.extend(database_url.into_iter().flat_map(|url| ["--database-url", url]));
        Self::start(program, &arguments)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// CPU time of all threads of a process and, if asked for, of its children that have ended; zero if it has ended itself.
/// It is counted by the system's clock of hundredths of a second.
pub(crate) fn cpu_of(id: u32, with_ended: bool) -> Duration {
    let Ok(stat) = fs::read_to_string(format!("/proc/{id}/stat")) else { return Duration::ZERO };
    // After the name in brackets: `utime` and `stime`, and then the same of children.
    let fields = stat.rsplit(") ").next().expect("fields after its name").split(' ');
    let ticks = fields.skip(11).take(if with_ended { 4 } else { 2 });
    ticks.map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().expect("ticks"))).sum()
}

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

/// The least of some measurements and their median.
pub(crate) fn least_and_median(rounds: &mut [f64]) -> (f64, f64) {
    rounds.sort_by(f64::total_cmp);
    (rounds[0], rounds[rounds.len() / 2])
}
