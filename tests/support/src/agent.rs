//! A real agent process: `floh agent` in a folder of its own, against a server of the test.

use std::collections::BTreeMap;
use std::future::ready;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use rustix::process::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::process::{Exit, Process, blocking, command};
use crate::{Floh, eventually};

/// What an agent prints each time it is let in.
const REGISTERED: &str = " registered at ws";

/// Where an agent is installed: its folder with token, `agent.toml` and journal, and the server it goes to.
/// Clones share the folder.
#[derive(Clone, Debug)]
pub struct Site {
    program: &'static Path,
    inside: Vec<String>,
    server: String,
    env: BTreeMap<String, String>,
    more: Vec<String>,
    home: Arc<TempDir>,
}

/// A running agent. It is killed when this is dropped.
#[derive(Debug)]
pub struct Agent {
    site: Site,
    process: Process,
    /// What processes before a restart wrote.
    earlier: String,
}

impl Site {
    /// Installs an agent beside a server: the same program.
    pub fn new(floh: &Floh, token: &str, agent_toml: &str) -> Self {
        let home = Arc::new(TempDir::new().unwrap());
        let server = format!("ws://{}", floh.address());
        let site = Self {
            program: floh.setup().program(),
            inside: Vec::new(),
            server,
            env: BTreeMap::new(),
            more: Vec::new(),
            home,
        };
        site.file("token", token).file("agent.toml", agent_toml)
    }

    /// Runs the agent by another program, which is given its command line after its own arguments and becomes it.
    #[must_use]
    pub fn inside<'a>(mut self, program: impl IntoIterator<Item = &'a str>) -> Self {
        self.inside = program.into_iter().map(str::to_owned).collect();
        self
    }

    /// Sets a variable of the environment, which is empty but for these.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.more.extend(args.into_iter().map(str::to_owned));
        self
    }

    /// Goes to another server.
    #[must_use]
    pub fn server(mut self, server: impl Into<String>) -> Self {
        self.server = server.into();
        self
    }

    /// Writes a file into the folder, for its owner alone; one that is there is replaced.
    #[must_use]
    pub fn file(self, name: &str, text: &str) -> Self {
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        options.open(self.home.path().join(name)).unwrap().write_all(text.as_bytes()).unwrap();
        self
    }

    /// Returns the folder.
    pub fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// Starts the agent and waits until it is registered.
    pub async fn start(&self) -> Agent {
        let agent = self.spawn().await;
        agent.registered(1).await;
        agent
    }

    /// Starts the agent.
    pub async fn spawn(&self) -> Agent {
        Agent { site: self.clone(), process: self.process().await, earlier: String::new() }
    }

    /// Runs `floh agent check` until it ends.
    pub async fn check(&self) -> Exit {
        let mut command = self.command();
        command.args(["agent", "check"]).args(self.usual()).args(&self.more);
        let home = self.home();
        blocking(move || Process::spawn(&mut command, &home, |_| {}).finish("")).await
    }

    async fn process(&self) -> Process {
        let mut command = self.command();
        command.arg("agent").args(self.usual()).args(&self.more);
        let home = self.home();
        blocking(move || Process::spawn(&mut command, &home, |_| {})).await
    }

    fn command(&self) -> Command {
        let Some((outer, args)) = self.inside.split_first() else {
            return command(self.program, &self.env, self.home.path());
        };
        let mut command = command(Path::new(outer), &self.env, self.home.path());
        command.args(args).arg(self.program);
        command
    }

    fn usual(&self) -> [&str; 8] {
        ["--server", &self.server, "--token-file", "token", "--config", "agent.toml", "--data-dir", "data"]
    }
}

impl Agent {
    /// Returns the id of its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns everything that the running process wrote, and those before restarts.
    pub fn logs(&self) -> String {
        format!("{}{}", self.earlier, self.process.text())
    }

    /// Returns what the running process wrote to its standard error.
    pub fn stderr(&self) -> String {
        self.process.stderr.text()
    }

    /// Returns how often the running process was let in.
    pub fn registrations(&self) -> usize {
        self.process.stdout.text().matches(REGISTERED).count()
    }

    /// Waits until the running process was let in so often.
    pub async fn registered(&self, times: usize) {
        eventually(&format!("registration {times} of an agent, which wrote {}", self.logs()), || {
            ready((self.registrations() >= times).then_some(()))
        })
        .await;
    }

    /// Waits until the running process has written a text to its standard error, and returns its line.
    pub async fn says(&self, text: &str) -> String {
        let line = || self.stderr().lines().find(|line| line.contains(text)).map(str::to_owned);
        eventually(&format!("the agent's words: {text}"), || ready(line())).await
    }

    /// Ends the process at once (SIGKILL).
    pub async fn kill_9(&mut self) {
        self.process.signal(Signal::KILL);
        self.exit().await;
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Stops the process where it is (SIGSTOP).
    pub fn suspend(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Lets a stopped process go on (SIGCONT).
    pub fn resume(&self) {
        self.process.signal(Signal::CONT);
    }

    /// Waits for the end of the process.
    pub async fn exit(&mut self) -> ExitStatus {
        self.process.exit().await
    }

    /// Starts the agent again over the same folder and waits until it is registered.
    pub async fn restart(&mut self) {
        self.process.end();
        self.earlier = self.logs();
        self.process = self.site.process().await;
        self.registered(1).await;
    }
}

/// Makes a token of an agent; returns its id and the token.
pub async fn token(floh: &Floh, agent: &str, connectors: &[&str]) -> (String, String) {
    let body = json!({ "name": agent, "kind": "agent", "scopes": ["agents:connect"], "agentId": agent,
        "connectorNames": connectors });
    let made = floh.admin().post("/api/tokens", &body).await.expect(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("token"))
}
