//! The real binary: built once, started on a free port in a folder of its own, and gone afterwards.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Arc, Mutex, mpsc};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::api::ApiDocument;
use crate::process::{Exit, Process, blocking, command};
use crate::{Answer, BOUND, Client, program, within_bound};

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
    document: Arc<ApiDocument>,
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
        Self::of(program::floh())
    }
}

impl Setup {
    /// Begins with a program that has the command line of `floh`.
    ///
    /// # Panics
    /// When the system has no room for a folder.
    pub fn of(program: &'static Path) -> Self {
        let env = BTreeMap::from([("FLOH_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned())]);
        Self {
            program,
            listen: ([127, 0, 0, 1], 0).into(),
            args: Vec::new(),
            env,
            egress_allow: Vec::new(),
            home: Arc::new(TempDir::new().unwrap()),
        }
    }

    /// Returns the program.
    pub fn program(&self) -> &'static Path {
        self.program
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

    /// Runs another command of the program until it ends, over the same data as the server.
    pub async fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Exit {
        let mut command = command(self.program, &self.env, self.home.path());
        command.args(args).env("FLOH_DATA_DIR", self.data_dir());
        let home = self.home.path().to_owned();
        blocking(move || Process::spawn(&mut command, &home, |_| {}).finish("")).await
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
        let document = self.document(running.address).await;
        Ok(Floh { setup: self, running, document, earlier: String::new() })
    }

    /// Returns the API document of the program: from the server that has just started, once for all that the test
    /// starts. Where that one does not know the admin token of this setup, one that is started for it is asked.
    async fn document(&self, server: SocketAddr) -> Arc<ApiDocument> {
        static KNOWN: Mutex<BTreeMap<&Path, Arc<ApiDocument>>> = Mutex::new(BTreeMap::new());
        let known = KNOWN.lock().unwrap().get(self.program).cloned();
        if let Some(known) = known {
            return known;
        }
        let ask = async |server, token: &str| Client::new(server).with_token(token).get("/api/openapi.json").await;
        let mut answer = ask(server, self.admin_token()).await;
        if answer.status != 200 {
            let other = Self::of(self.program);
            let running = other.spawn().await.unwrap_or_else(|exit| panic!("floh did not start: {exit:?}"));
            answer = ask(running.address, ADMIN_TOKEN).await;
        }
        let document = Arc::new(ApiDocument::new(answer.expect(200)));
        KNOWN.lock().unwrap().insert(self.program, Arc::clone(&document));
        document
    }

    fn admin_token(&self) -> &str {
        self.env.get("FLOH_ADMIN_TOKEN").map_or(ADMIN_TOKEN, String::as_str)
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
        self.anyone().with_token(self.setup.admin_token())
    }

    /// Returns a client without a token.
    pub fn anyone(&self) -> Client {
        Client::new(self.running.address).checked_by(Arc::clone(&self.document))
    }

    /// Sends a request as a browser does: to the server's own address, unless the headers name another host.
    pub async fn browse(&self, line: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut head = format!("{line} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "host") {
            head.push_str(&format!("host: {}\r\n", self.address()));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let request = [head.as_bytes(), b"\r\n", body].concat();
        let exchange = async { Client::new(self.address()).connect().await?.raw(&request).await };
        within_bound("an answer", exchange).await.unwrap()
    }

    /// Opens a session of the web pages with the admin token; returns its cookie.
    pub async fn sign_in(&self) -> String {
        let origin = format!("http://{}", self.address());
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", origin.as_str())];
        let form = format!("token={}", self.setup.admin_token());
        let answer = self.browse("POST /login", &headers, form.as_bytes()).await;
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{answer}"));
        cookie.split(';').next().unwrap().to_owned()
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

    /// Stalls the process (SIGSTOP) until [`Floh::go_on`].
    pub fn stall(&self) {
        self.running.process.signal(Signal::STOP);
    }

    /// Lets a stalled process go on (SIGCONT).
    pub fn go_on(&self) {
        self.running.process.signal(Signal::CONT);
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
        self.document = setup.document(self.running.address).await;
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
