//! What a program does, counted by valgrind: the instructions of its own (those of the system's kernel are not among them) and its
//! system calls. Neither depends on how fast the machine is or what else it does, which CPU time does: on a machine whose memory is
//! slow a server that records pays four times as much where a small handler pays twice.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use measure::process::Process;
use tempfile::TempDir;

const VALGRIND: &str = "valgrind";
/// Without its greeting.
const TOOL: [&str; 2] = ["-q", "--tool=callgrind"];
/// Stands in each line of the trace.
const TRACED: &str = "SYSCALL[";
/// Before the name of a system call, in the line of its begin; a line of its end has none.
const BEGIN: &str = " sys_";
/// The one that is none outside of valgrind, which hides the kernel's own page for it.
const CLOCK: &str = " sys_clock_gettime(";

/// A process under valgrind that answers HTTP.
pub(crate) struct Counted {
    pub(crate) process: Process,
    trace: PathBuf,
    _folder: TempDir,
}

/// What a process has done so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) instructions: u64,
    pub(crate) system_calls: u64,
}

impl Counted {
    /// Starts a program.
    pub(crate) fn start(program: &Path, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let trace = folder.path().join("trace");
        let trace_option = format!("--log-file={}", utf8(&trace));
        let out = format!("--callgrind-out-file={}", utf8(&folder.path().join("out")));
        let mut all = TOOL.to_vec();
        all.extend(["--trace-syscalls=yes", &trace_option, &out, utf8(program)]);
        all.extend(arguments);
        Self { process: Process::start(Path::new(VALGRIND), &all), trace, _folder: folder }
    }

    /// Counts what it has done since a place of its trace, which moves to the end.
    pub(crate) fn count(&self, place: &mut u64) -> Count {
        let mut file = File::open(&self.trace).expect("the trace");
        file.seek(SeekFrom::Start(*place)).expect("a place of it");
        let mut trace = Vec::new();
        *place += file.read_to_end(&mut trace).expect("the rest of it") as u64;
        let instructions = instructions_of_threads(&control(self.process.id()));
        Count { instructions, system_calls: system_calls(&String::from_utf8_lossy(&trace)) }
    }
}

/// Runs a program to its end; returns its instructions.
pub(crate) fn instructions(program: &Path, arguments: &[&str]) -> u64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let out = folder.path().join("out");
    let mut command = Command::new(VALGRIND);
    command.args(TOOL).arg(format!("--callgrind-out-file={}", utf8(&out)));
    let status = command.arg(program).args(arguments).stdout(Stdio::null()).status().expect("valgrind");
    assert!(status.success(), "{command:?}: {status}");
    instructions_of_file(&fs::read_to_string(out).expect("what it counted"))
}

fn control(id: u32) -> String {
    let output = Command::new("callgrind_control").args(["-e", &id.to_string()]).output().expect("valgrind");
    String::from_utf8(output.stdout).expect("counters in UTF-8")
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Adds up the lines `Th 1  2,263,794`.
fn instructions_of_threads(counters: &str) -> u64 {
    let threads = counters.lines().filter_map(|line| line.trim_start().strip_prefix("Th"));
    let counts = threads.map(|line| line.split_whitespace().next_back().expect("a count").replace(',', ""));
    let sum = counts.map(|count| count.parse::<u64>().unwrap_or_else(|_| panic!("a count: {counters}"))).sum();
    assert_ne!(sum, 0, "no thread is counted: {counters}");
    sum
}

/// Reads the line `summary: 2263794`.
fn instructions_of_file(out: &str) -> u64 {
    let summary = out.lines().find_map(|line| line.strip_prefix("summary:")).expect("a summary");
    summary.trim().parse().expect("a count")
}

fn system_calls(trace: &str) -> u64 {
    let begun = trace.split(TRACED).filter(|line| line.contains(BEGIN) && !line.contains(CLOCK));
    begun.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_of_all_threads_are_added() {
        let counters = "PID 7: floh serve\n\n  Totals:        Ir \n   Th 1   2,263,794 \n   Th10     972,902 \n";
        assert_eq!(instructions_of_threads(counters), 3_236_696);
        assert_eq!(
            instructions_of_file("events: Ir\nfn=(1)\n1 5\nsummary: 835574183\n\ntotals: 835574183\n"),
            835_574_183
        );
    }

    #[test]
    fn reading_the_clock_is_no_system_call() {
        let trace = "SYSCALL[7,2](228) sys_clock_gettime( 1, 0x1 )[sync] --> Success(0x0)\n\
                     SYSCALL[7,2](45) sys_recvfrom ( 12, 0x1, 9 ) --> [async] ...\n\
                     SYSCALL[7,3](  1) sys_write ( 3, 0x2, 1 ) --> [async] ...\nSYSCALL[7,2](45) ... [async] --> Success(0x9)\n";
        assert_eq!(system_calls(trace), 2);
    }
}
