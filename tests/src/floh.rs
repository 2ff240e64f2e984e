//! The real binary: built once, started on a free port in a folder of its own, and gone afterwards.
//!
//! A server outlives neither its value nor the test process: a small shell beside it waits for the end of
//! its standard input, which comes even when the test is killed, and then kills the server and removes the
//! folder.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{BOUND, Client, eventually};

/// The token of the first start, unless a test takes another one.
pub const ADMIN_TOKEN: &str = "end-to-end-admin-0123456789abcdef";

/// What the server says when it is ready.
const READY: &str = "listening on http://";

/// Kills the server when the test process is gone, and removes the folder.
const WATCHER: &str = r#"read -r word; [ "$word" = done ] || { kill -9 "$1"; rm -rf "$2"; }"#;

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    args: Vec<String>,
    env: BTreeMap<String, String>,
    egress_allow: Vec<String>,
    home: Arc<TempDir>,
}

/// A running server.
#[derive(Debug)]
pub struct Floh {
    setup: Setup,
    running: Running,
    /// What servers before a restart wrote.
    earlier: String,
}

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

#[derive(Debug)]
struct Running {
    child: Child,
    watcher: Child,
    address: SocketAddr,
    stdout: Stream,
    stderr: Stream,
}

/// What a stream has brought so far.
#[derive(Debug)]
struct Stream {
    text: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Default for Setup {
    fn default() -> Self {
        let env = BTreeMap::from([("FLOH_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned())]);
        Self { args: Vec::new(), env, egress_allow: Vec::new(), home: Arc::new(TempDir::new().unwrap()) }
    }
}

impl Setup {
    /// Adds an argument of `floh serve`.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Sets a variable of the environment, which is empty but for these.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes a variable out of the environment.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Opens an address that connectors may call.
    #[must_use]
    pub fn allow(mut self, address: SocketAddr) -> Self {
        self.egress_allow.push(address.to_string());
        self
    }

    /// Returns the folder of the database and the key.
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts the server and waits until it listens.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(self) -> Floh {
        match self.clone().try_start().await {
            Ok(floh) => floh,
            Err(exit) => panic!("floh did not start: {exit:?}"),
        }
    }

    /// Starts the server and waits until it listens or ends.
    ///
    /// # Errors
    /// When it ends.
    pub async fn try_start(self) -> Result<Floh, Exit> {
        let running = self.spawn().await?;
        Ok(Floh { setup: self, running, earlier: String::new() })
    }

    async fn spawn(&self) -> Result<Running, Exit> {
        let mut command = command(&self.env, self.home.path());
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data_dir());
        if !self.egress_allow.is_empty() {
            command.arg("--egress-allow").arg(self.egress_allow.join(","));
        }
        command.args(&self.args);
        let home = self.home.path().to_owned();
        blocking(move || Running::spawn(&mut command, &home)).await
    }
}

impl Floh {
    /// Starts a server whose connectors may call some upstreams.
    pub async fn start<'u>(upstreams: impl IntoIterator<Item = &'u crate::Upstream>) -> Self {
        let allowed = upstreams.into_iter().map(crate::Upstream::address);
        allowed.fold(Setup::default(), Setup::allow).start().await
    }

    /// Returns how it was started.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Returns the process id.
    pub fn id(&self) -> u32 {
        self.running.child.id()
    }

    /// Returns a client with the admin token.
    pub fn admin(&self) -> Client {
        self.anyone().with_token(self.setup.env.get("FLOH_ADMIN_TOKEN").map_or(ADMIN_TOKEN, String::as_str))
    }

    /// Returns a client without a token.
    pub fn anyone(&self) -> Client {
        Client::new(self.running.address)
    }

    /// Returns everything that the server wrote, before restarts too.
    pub fn logs(&self) -> String {
        format!("{}{}{}", self.earlier, self.running.stdout.text(), self.running.stderr.text())
    }

    /// Returns what the running server wrote to its standard output.
    pub fn stdout(&self) -> String {
        self.running.stdout.text()
    }

    /// Ends the process at once, as a power cut would (SIGKILL).
    pub async fn kill_9(&mut self) {
        self.running.signal(Signal::KILL);
        self.exit().await;
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.running.signal(Signal::TERM);
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        let child = Mutex::new(&mut self.running.child);
        eventually("the end of floh", || std::future::ready(child.lock().unwrap().try_wait().unwrap())).await
    }

    /// Starts a server again over the same folder.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart(&mut self) {
        let setup = self.setup.clone();
        self.restart_as(setup).await;
    }

    /// Starts a server again over the same folder, in another way.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn restart_as(&mut self, setup: Setup) {
        self.running.end();
        self.earlier = self.logs();
        self.running = setup.spawn().await.unwrap_or_else(|exit| panic!("floh did not start again: {exit:?}"));
        self.setup = setup;
    }
}

/// Runs `floh` with arguments until it ends, in an empty folder and environment.
///
/// # Panics
/// When it does not end.
pub async fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>, env: &[(&str, &str)]) -> Exit {
    let home = TempDir::new().unwrap();
    run_in(home.path(), args, env).await
}

/// Runs `floh` with arguments until it ends, in a folder.
///
/// # Panics
/// When it does not end.
pub async fn run_in<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>, env: &[(&str, &str)]) -> Exit {
    run_fed(folder, args, env, "").await
}

/// Runs `floh` with arguments and a standard input until it ends, in a folder of its own.
///
/// # Panics
/// When it does not end.
pub async fn run_with_input<A: AsRef<OsStr>>(
    args: impl IntoIterator<Item = A>,
    env: &[(&str, &str)],
    input: &str,
) -> Exit {
    let home = TempDir::new().unwrap();
    run_fed(home.path(), args, env, input).await
}

async fn run_fed<A: AsRef<OsStr>>(
    folder: &Path,
    args: impl IntoIterator<Item = A>,
    env: &[(&str, &str)],
    input: &str,
) -> Exit {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut command = command(&env, folder);
    command.args(args);
    command.stdin(Stdio::piped());
    let (folder, input, began) = (folder.to_owned(), input.to_owned(), Instant::now());
    blocking(move || {
        let mut child = command.spawn().unwrap();
        // Who does not read its input may close it before the end.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        let mut watcher = watch(&child, &folder);
        let (mut stdout, mut stderr) = (Stream::of(child.stdout.take()), Stream::of(child.stderr.take()));
        let mut late = false;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > BOUND {
                late = true;
                child.kill().unwrap();
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        dismiss(&mut watcher);
        let exit = Exit { code: status.code(), stdout: stdout.whole(), stderr: stderr.whole() };
        assert!(!late, "floh did not end: {exit:?}");
        exit
    })
    .await
}

impl Running {
    fn spawn(command: &mut Command, home: &Path) -> Result<Self, Exit> {
        let mut child = command.spawn().unwrap();
        let watcher = watch(&child, home);
        let (ready, address) = mpsc::channel();
        let mut running = Self {
            stdout: Stream::watched(child.stdout.take(), ready),
            stderr: Stream::of(child.stderr.take()),
            child,
            watcher,
            address: ([127, 0, 0, 1], 0).into(),
        };
        match address.recv_timeout(BOUND) {
            Ok(address) => {
                running.address = address;
                Ok(running)
            }
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("floh neither listens nor ends: {running:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let status = running.child.wait().unwrap();
                let (stdout, stderr) = (running.stdout.whole(), running.stderr.whole());
                Err(Exit { code: status.code(), stdout, stderr })
            }
        }
    }

    fn signal(&self, signal: Signal) {
        // The process is not waited for before this value ends, so its id is still its own.
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends the process and waits for all that it wrote.
    fn end(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let ended = self.child.kill().and_then(|()| self.child.wait());
            assert!(ended.is_ok() || std::thread::panicking(), "floh could not be ended: {ended:?}");
        }
        dismiss(&mut self.watcher);
        self.stdout.join();
        self.stderr.join();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Stream {
    fn of(source: Option<impl Read + Send + 'static>) -> Self {
        Self::read(source, |_| {})
    }

    /// Sends the address as soon as the server names it.
    fn watched(source: Option<impl Read + Send + 'static>, ready: mpsc::Sender<SocketAddr>) -> Self {
        Self::read(source, move |line| {
            let address =
                line.split_once(READY).and_then(|(_, rest)| rest.trim_end().trim_end_matches('/').parse().ok());
            if let Some(address) = address {
                // Nobody listens any more once the server runs.
                let _unheard = ready.send(address).is_err();
            }
        })
    }

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

    fn text(&self) -> String {
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

fn command(env: &BTreeMap<String, String>, folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().envs(env).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn watch(child: &Child, home: &Path) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "watcher"]).arg(child.id().to_string()).arg(home);
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

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Returns the path of `floh`, built from the sources as they are now.
///
/// Under nextest every test is a process; a build that has nothing to do takes cargo a fraction of a second,
/// and cargo's own lock keeps the processes apart.
///
/// # Panics
/// When it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("floh"))
}

/// Returns the path of the example that serves the widget connector, built like [`binary`].
///
/// # Panics
/// When it does not build.
pub fn widget_service() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("widget_service"))
}

#[expect(clippy::disallowed_methods, reason = "what cargo tells its tests, not a setting of the server")]
fn built(name: &str) -> PathBuf {
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().unwrap();
    let profile_dir = test.ancestors().nth(2).unwrap();
    let profile = match profile_dir.file_name().and_then(OsStr::to_str) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        // All packages, so that features are resolved as for the tests and nothing is built twice.
        .args(["build", "--workspace", "--bin", name, "--message-format", "json", "--profile", profile])
        .arg("--target-dir")
        .arg(profile_dir.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(built.status.success(), "{name} does not build: {}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let artifact = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let found = message["target"]["name"] == name && !message["executable"].is_null();
        found.then(|| message["executable"].as_str().map(PathBuf::from)).flatten()
    });
    artifact.unwrap_or_else(|| panic!("cargo does not say where {name} is: {messages}"))
}
