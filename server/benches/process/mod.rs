//! A process that a bench measures, and the calls that it makes to it over HTTP.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::http::{TOKEN, exchange, request};

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

/// Makes one call on a connection of its own.
pub(crate) async fn one(address: SocketAddr, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    exchange(&mut stream, &request(path, body)).await
}

/// The least of some measurements and their median.
pub(crate) fn least_and_median(rounds: &mut [f64]) -> (f64, f64) {
    rounds.sort_by(f64::total_cmp);
    (rounds[0], rounds[rounds.len() / 2])
}
