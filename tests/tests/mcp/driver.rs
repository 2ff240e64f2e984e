//! A client in a process of its own: it is asked with a line of JSON and answers with one.

use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::process::{Process, blocking};
use test_support::{BOUND, Exit};

use crate::tools::{Tools, script};

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The official client in Python.
    Python,
    FastMcp,
    /// The official clients in TypeScript: `@modelcontextprotocol/sdk` and `@modelcontextprotocol/client`.
    TypeScript1,
    TypeScript2,
}

/// A running client.
#[derive(Debug)]
pub(crate) struct Driver {
    process: Option<Process>,
    answers: Option<mpsc::Receiver<String>>,
    /// What it said of the connection.
    pub(crate) greeting: Value,
    _home: TempDir,
}

impl Driver {
    /// Starts a client that connects to what `to` names.
    pub(crate) async fn start(tools: &Tools, kind: Kind, to: &Value) -> Self {
        let home = TempDir::new().unwrap();
        let mut to = to.clone();
        let mut command = match kind {
            Kind::Python => tools.python(&script("python_sdk.py"), home.path()),
            Kind::FastMcp => tools.python(&script("fastmcp_client.py"), home.path()),
            Kind::TypeScript1 | Kind::TypeScript2 => {
                to["sdk"] = json!(if kind == Kind::TypeScript1 { "v1" } else { "v2" });
                tools.node(&script("typescript.mjs"), home.path())
            }
        };
        command.arg(to.to_string()).stdin(Stdio::piped());
        let (tell, answers) = mpsc::channel();
        let process = Process::spawn(&mut command, home.path(), move |line| {
            // The test may have ended.
            let _unheard = tell.send(line.to_owned()).is_err();
        });
        let mut driver = Self { process: Some(process), answers: Some(answers), greeting: Value::Null, _home: home };
        driver.greeting = driver.heard().await;
        driver
    }

    /// Asks, and returns the answer: `ok` or `error`.
    pub(crate) async fn ask(&mut self, request: Value) -> Value {
        self.process.as_mut().unwrap().say(&request.to_string());
        self.heard().await
    }

    /// Asks for something that the client can do.
    pub(crate) async fn get(&mut self, request: Value) -> Value {
        let answer = self.ask(request.clone()).await;
        assert!(answer.get("error").is_none(), "{request}: {answer}");
        answer["ok"].clone()
    }

    /// Calls a tool.
    pub(crate) async fn call(&mut self, name: &str, arguments: Value) -> Value {
        self.get(json!({ "do": "call", "name": name, "arguments": arguments })).await
    }

    async fn heard(&mut self) -> Value {
        let answers = self.answers.take().unwrap();
        // Twice the bound: it has one of its own, after which it says what it has waited for.
        let (answers, line) = blocking(move || {
            let line = answers.recv_timeout(BOUND * 3);
            (answers, line)
        })
        .await;
        self.answers = Some(answers);
        let line = line.unwrap_or_else(|error| panic!("the client is silent ({error}): {}", self.said()));
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// Returns all that it wrote so far.
    pub(crate) fn said(&self) -> String {
        self.process.as_ref().map(Process::text).unwrap_or_default()
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&self) {
        self.process.as_ref().unwrap().kill();
    }

    /// Ends it by the end of its input, and returns how it ended.
    pub(crate) async fn end(mut self) -> Exit {
        let mut process = self.process.take().unwrap();
        process.close_input();
        process.exit().await;
        blocking(move || process.outcome()).await
    }
}

/// Returns a file's path as a text.
pub(crate) fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
