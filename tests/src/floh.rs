//! The real binary: built once, started on a free port in a folder of its own, and gone afterwards.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock, mpsc};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Exit, Process, blocking, command};
use crate::{BOUND, Client};

/// The token of the first start, unless a test takes another one.
pub const ADMIN_TOKEN: &str = "end-to-end-admin-0123456789abcdef";

/// What the server says when it is ready.
const READY: &str = "listening on http://";

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Setup {
    program: &'static Path,
    listen: SocketAddr,
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

#[derive(Debug)]
struct Running {
    process: Process,
    address: SocketAddr,
}

impl Default for Setup {
    fn default() -> Self {
        let env = BTreeMap::from([("FLOH_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned())]);
        Self {
            program: binary(),
            listen: ([127, 0, 0, 1], 0).into(),
            args: Vec::new(),
            env,
            egress_allow: Vec::new(),
            home: Arc::new(TempDir::new().unwrap()),
        }
    }
}

impl Setup {
    /// Takes another program with the same command line.
    #[must_use]
    pub fn program(mut self, program: &'static Path) -> Self {
        self.program = program;
        self
    }

    /// Takes an address in place of a free one, as for a server that comes back to where it was.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

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
        let mut command = command(self.program, &self.env, self.home.path());
        command.arg("serve").arg("--listen").arg(self.listen.to_string()).arg("--data-dir").arg(self.data_dir());
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
        self.running.process.id()
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address
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
        format!("{}{}", self.earlier, self.running.process.text())
    }

    /// Returns what the running server wrote to its standard output.
    pub fn stdout(&self) -> String {
        self.running.process.stdout.text()
    }

    /// Ends the process at once, as a power cut would (SIGKILL).
    pub async fn kill_9(&mut self) {
        self.running.process.signal(Signal::KILL);
        self.exit().await;
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.running.process.signal(Signal::TERM);
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        self.running.process.exit().await
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
        self.running.process.end();
        self.earlier = self.logs();
        self.running = setup.spawn().await.unwrap_or_else(|exit| panic!("floh did not start again: {exit:?}"));
        self.setup = setup;
    }
}

impl Running {
    fn spawn(command: &mut Command, home: &Path) -> Result<Self, Exit> {
        let (ready, address) = mpsc::channel();
        let mut process = Process::spawn(command, home, move |line| {
            let address =
                line.split_once(READY).and_then(|(_, rest)| rest.trim_end().trim_end_matches('/').parse().ok());
            if let Some(address) = address {
                // Nobody listens any more once the server runs.
                let _unheard = ready.send(address).is_err();
            }
        });
        match address.recv_timeout(BOUND) {
            Ok(address) => Ok(Self { process, address }),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("floh neither listens nor ends: {process:?}"),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(process.outcome()),
        }
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
    let mut command = command(binary(), &env, folder);
    command.args(args);
    command.stdin(Stdio::piped());
    let (folder, input) = (folder.to_owned(), input.to_owned());
    blocking(move || {
        let process = Process::spawn(&mut command, &folder, |_| {});
        process.finish(&input)
    })
    .await
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

/// Returns the path of the example that is a `floh` with the widget connector in it, built like [`binary`].
///
/// # Panics
/// When it does not build.
pub fn floh_with_widget() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| built("floh_with_widget"))
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
