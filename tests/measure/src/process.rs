//! Processes, their CPU time and their memory as the system counts them.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::http::TOKEN;

/// A process that answers HTTP. It ends with this value.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Process {
    /// Starts a program, which must print the address that it listens on.
    ///
    /// # Panics
    /// If it does not.
    pub fn start(program: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).env("FLOH_ADMIN_TOKEN", TOKEN).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let address = lines.map(|line| line.expect("a line")).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.parse().expect("an address"))
        });
        Self { address: address.expect("it listens"), child }
    }

    /// Starts the server, on SQLite unless there is the URL of another database.
    ///
    /// # Panics
    /// If it does not start.
    pub fn serve(program: &Path, data_dir: &Path, database_url: Option<&str>) -> Self {
        let data_dir = data_dir.to_str().expect("a path in UTF-8");
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir", data_dir];
        arguments.extend(database_url.into_iter().flat_map(|url| ["--database-url", url]));
        Self::start(program, &arguments)
    }

    /// Returns its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the CPU time of its threads and of its children, those that have ended included. The scheduler counts threads in
    /// nanoseconds.
    pub fn cpu(&self) -> Duration {
        cpu_of_threads(self.id()) + self.cpu_of_children()
    }

    /// Returns that of its children alone.
    pub fn cpu_of_children(&self) -> Duration {
        let running = children_of(self.id()).into_iter().map(cpu_of_threads).sum::<Duration>();
        running + cpu_of_ended_children(Some(self.id()))
    }

    /// Returns a size that the system knows of it, in kB.
    pub fn kb(&self, name: &str) -> f64 {
        kb_of(self.id(), "status", name)
    }

    /// Returns how much memory of its own each of its children has, in kB: the pages that it has written to.
    pub fn own_kb_of_children(&self) -> Vec<f64> {
        let own = |child| kb_of(child, "smaps_rollup", "Private_Dirty");
        children_of(self.id()).into_iter().map(own).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Returns the CPU time of all threads of a process, those that have ended included; zero if it has ended itself. It is counted by the
/// system's clock of hundredths of a second.
pub fn cpu_of(id: u32) -> Duration {
    ticks(&id.to_string(), OWN)
}

/// Returns the CPU time of the children of a process, or of this one, that have ended, by the same clock.
pub fn cpu_of_ended_children(id: Option<u32>) -> Duration {
    ticks(&id.map_or_else(|| "self".to_owned(), |id| id.to_string()), ENDED_CHILDREN)
}

/// How often a size is read of a process that ends by itself.
const EVERY: Duration = Duration::from_millis(2);

/// Runs a program to its end; returns the most memory that it had at once, its program's pages included, in kB.
///
/// # Panics
/// If it fails.
pub fn peak_kb(program: &Path, arguments: &[&str]) -> f64 {
    let mut child = Command::new(program).args(arguments).stdout(Stdio::null()).spawn().expect("starts");
    let mut peak = 0.0;
    loop {
        peak = kb_while_it_runs(child.id(), "status", "VmHWM").unwrap_or(peak);
        if let Some(status) = child.try_wait().expect("a child") {
            assert!(status.success(), "{}: {status}", program.display());
            return peak;
        }
        thread::sleep(EVERY);
    }
}

/// Returns the process ids of the children of a process.
///
/// # Panics
/// If the system tells something else than ids.
pub fn children_of(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    children.flat_map(|ids| ids.split_whitespace().map(|id| id.parse().expect("an id")).collect::<Vec<_>>()).collect()
}

/// The places of `utime` and `stime` after the name in brackets.
const OWN: usize = 11;
/// Those of `cutime` and `cstime`.
const ENDED_CHILDREN: usize = 13;

fn ticks(process: &str, from: usize) -> Duration {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return Duration::ZERO };
    let fields = stat.rsplit(") ").next().expect("fields after its name").split(' ');
    fields.skip(from).take(2).map(|ticks| Duration::from_millis(10 * ticks.parse::<u64>().expect("ticks"))).sum()
}

fn cpu_of_threads(id: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let times = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    times.filter_map(|times| times.split(' ').next()?.parse().ok().map(Duration::from_nanos)).sum()
}

fn kb_of(id: u32, file: &str, name: &str) -> f64 {
    kb_while_it_runs(id, file, name).expect("it runs")
}

/// `None` if the process has ended: then it has no sizes.
fn kb_while_it_runs(id: u32, file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{id}/{file}")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().trim_end_matches(" kB").parse().expect("a number"))
}
