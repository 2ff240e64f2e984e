//! A child process of a test: what it writes is kept, and it is gone afterwards.
//!
//! It outlives neither its value nor the test process: a small shell beside it waits for the end of its
//! standard input, which comes even when the test is killed, and then kills the process and removes the folder.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::{BOUND, eventually};

/// Kills the process when the test process is gone, and removes the folder.
const WATCHER: &str = r#"read -r word; [ "$word" = done ] || { kill -9 "$1"; rm -rf "$2"; }"#;

/// A program that has ended.
#[derive(Debug)]
pub struct Exit {
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error.
    pub stderr: String,
}

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    watcher: Child,
    pub(crate) stdout: Stream,
    pub(crate) stderr: Stream,
}

/// What a stream has brought so far.
#[derive(Debug)]
pub(crate) struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a program whose folder is `home`; `see` is shown each line of its standard output.
    ///
    /// # Panics
    /// When it does not start.
    pub fn spawn(command: &mut Command, home: &Path, see: impl FnMut(&str) + Send + 'static) -> Self {
        let mut child = command.spawn().unwrap();
        let watcher = watch(&child, home);
        let stdout = Stream::read(child.stdout.take(), see);
        let stderr = Stream::read(child.stderr.take(), |_| {});
        Self { child, watcher, stdout, stderr }
    }

    /// Writes a line to its standard input, which is a pipe.
    ///
    /// # Panics
    /// When it is none, or nobody reads it any more.
    pub fn say(&mut self, line: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        let written = stdin.write_all(format!("{line}\n").as_bytes()).and_then(|()| stdin.flush());
        written.unwrap_or_else(|error| panic!("the process does not listen: {error}: {}", self.text()));
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Ends it at once (SIGKILL).
    ///
    /// # Panics
    /// When that is not possible.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }

    /// Interrupts it (SIGINT), as Ctrl-C does.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// Stops it where it is (SIGSTOP).
    ///
    /// # Panics
    /// When that is not possible.
    pub fn stall(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Panics
    /// When that is not possible.
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    /// Returns whether it has ended.
    ///
    /// # Panics
    /// When the operating system does not say.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns all that it wrote so far.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout.text(), self.stderr.text())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // The process is not waited for before this value ends, so its id is still its own.
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn exit(&mut self) -> ExitStatus {
        let child = Mutex::new(&mut self.child);
        eventually("the end of a process", || std::future::ready(child.lock().unwrap().try_wait().unwrap())).await
    }

    /// Feeds it and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn finish(mut self, input: &str) -> Exit {
        let began = Instant::now();
        if let Some(mut stdin) = self.child.stdin.take() {
            // Who does not read its input may close it before the end.
            drop(stdin.write_all(input.as_bytes()));
        }
        let mut late = false;
        while self.child.try_wait().unwrap().is_none() {
            if began.elapsed() > BOUND {
                late = true;
                self.child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let exit = self.outcome();
        assert!(!late, "the process did not end: {exit:?}");
        exit
    }

    /// Returns how it ended and all that it wrote; waits for both.
    ///
    /// # Panics
    /// When the operating system does not say.
    pub fn outcome(&mut self) -> Exit {
        let status = self.child.wait().unwrap();
        let (stdout, stderr) = (self.stdout.whole(), self.stderr.whole());
        Exit { code: status.code(), stdout, stderr }
    }

    /// Ends the process and waits for all that it wrote.
    pub(crate) fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let ended = self.child.kill().and_then(|()| self.child.wait());
            assert!(ended.is_ok() || std::thread::panicking(), "the process could not be ended: {ended:?}");
        }
        dismiss(&mut self.watcher);
        self.stdout.join();
        self.stderr.join();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

impl Stream {
    fn read(source: Option<impl Read + Send + 'static>, mut see: impl FnMut(&str) + Send + 'static) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let written = Arc::clone(&text);
        let reader = source.map(|source| {
            std::thread::spawn(move || {
                let mut source = BufReader::new(source);
                let mut line = Vec::new();
                while matches!(source.read_until(b'\n', &mut line), Ok(1..)) {
                    let shown = String::from_utf8_lossy(&line);
                    written.lock().unwrap().push_str(&shown);
                    see(&shown);
                    line.clear();
                }
            })
        });
        Self { text, reader }
    }

    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone()
    }

    fn join(&mut self) {
        if let Some(reader) = self.reader.take() {
            // It panics only with a poisoned lock, and then the test has failed already.
            let _panicked = reader.join().is_err();
        }
    }

    fn whole(&mut self) -> String {
        self.join();
        self.text()
    }
}

/// Prepares a program: in a folder, with these variables alone, its output kept.
pub fn command(program: &Path, env: &BTreeMap<String, String>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(env).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn watch(child: &Child, home: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "watcher"]).arg(child.id().to_string()).arg(home);
    // A group of its own: what ends the whole group of the test must not end the watcher before it has cleaned up.
    command.process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets a watcher go without doing anything.
fn dismiss(watcher: &mut Child) {
    if let Some(mut stdin) = watcher.stdin.take() {
        let told = stdin.write_all(b"done\n");
        drop(stdin);
        let ended = told.and_then(|()| watcher.wait());
        assert!(ended.is_ok() || std::thread::panicking(), "the watcher could not be let go: {ended:?}");
    }
}

/// Does what blocks beside the test.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
