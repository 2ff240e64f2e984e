//! Sandboxes of others, which run the same script: `.ci/peers/run`.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use measure::process::cpu_of;

use crate::COMMAND;

/// A sandbox in a process of its own, which ends with this value.
pub(crate) struct Peer {
    pub(crate) name: String,
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts a program. It may have variants: `PROGRAM#VARIANT`.
    pub(crate) fn start(node: &str, program: &str) -> Self {
        let (program, variant) = program.split_once('#').unwrap_or((program, ""));
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/script/employees.js");
        let mut command = Command::new(node);
        command.args([program, script, COMMAND, "100", variant]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let input = child.stdin.take().expect("its input");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut name = Path::new(program).file_stem().expect("a name").to_string_lossy().into_owned();
        if !variant.is_empty() {
            name = format!("{name}, {variant}");
        }
        let mut peer = Self { name, child, input, lines };
        assert_eq!(peer.line(), "ready");
        peer
    }

    /// Makes runs and returns the length of the last result.
    pub(crate) fn run(&mut self, runs: u32) -> usize {
        writeln!(self.input, "{runs}").expect("written");
        self.line().parse().expect("a length")
    }

    pub(crate) fn cpu(&self) -> Duration {
        cpu_of(self.child.id())
    }

    fn line(&mut self) -> String {
        self.lines.next().expect("it goes on").expect("a line")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
