//! A pool over the built program, and a host that answers from a table.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_runtime::log::LogLevel;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use server::script::{
    HostCalls, HttpAnswer, HttpCall, HttpFault, Limits, Pool, PoolSettings, Ran, Sandbox, Script, ScriptCall,
    ScriptFailure,
};
use tokio::time::Instant;

/// What a call may overrun its time by.
pub(crate) const SLACK: Duration = Duration::from_millis(250);

/// Settings over the built program.
pub(crate) fn settings() -> PoolSettings {
    PoolSettings { program: env!("CARGO_BIN_EXE_floh").into(), ..PoolSettings::default() }
}

pub(crate) fn pool() -> Pool {
    Pool::new(settings()).unwrap()
}

/// Keeps what a script asked for, and answers.
#[derive(Default)]
pub(crate) struct Host {
    pub(crate) calls: Mutex<Vec<HttpCall>>,
    pub(crate) lines: Mutex<Vec<(LogLevel, String)>>,
    pub(crate) answer: Mutex<Option<Result<HttpAnswer, HttpFault>>>,
    /// Whether HTTP calls never come back.
    pub(crate) silent: bool,
}

impl Host {
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().iter().map(|(level, line)| format!("{} {line}", level.as_str())).collect()
    }

    pub(crate) fn answering(status: u16, text: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let answer = HttpAnswer { status, headers, text: text.to_owned(), ..HttpAnswer::default() };
        Self { answer: Mutex::new(Some(Ok(answer))), ..Self::default() }
    }
}

impl HostCalls for Host {
    fn http(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpAnswer, HttpFault>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answer.lock().unwrap().clone();
        if self.silent {
            return std::future::pending().boxed();
        }
        let refused = HttpFault::new("policy", "refused to call it");
        std::future::ready(answer.unwrap_or(Err(refused))).boxed()
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.lines.lock().unwrap().push((level, message.to_owned()));
    }
}

/// A call in the making.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) connector: String,
    pub(crate) script: Script,
    pub(crate) command: String,
    pub(crate) config: Map<String, Value>,
    pub(crate) params: Map<String, Value>,
    pub(crate) variables: Map<String, Value>,
    pub(crate) timeout: Duration,
    pub(crate) limits: Limits,
    pub(crate) level: LogLevel,
}

impl Call {
    pub(crate) fn new(source: &str) -> Self {
        Self {
            connector: "one".to_owned(),
            script: Script::new(source),
            command: "main".to_owned(),
            config: Map::new(),
            params: Map::new(),
            variables: Map::new(),
            timeout: Duration::from_secs(10),
            limits: Limits::default(),
            level: LogLevel::Trace,
        }
    }

    pub(crate) fn within(mut self, ms: u64) -> Self {
        self.timeout = Duration::from_millis(ms);
        self
    }

    pub(crate) fn of(mut self, connector: &str) -> Self {
        self.connector = connector.to_owned();
        self
    }

    pub(crate) fn command(mut self, command: &str) -> Self {
        self.command = command.to_owned();
        self
    }

    pub(crate) fn params(mut self, params: &Value) -> Self {
        self.params = params.as_object().unwrap().clone();
        self
    }

    pub(crate) fn config(mut self, config: &Value) -> Self {
        self.config = config.as_object().unwrap().clone();
        self
    }

    pub(crate) async fn run(&self, pool: &Pool, host: &Host) -> Result<Ran, ScriptFailure> {
        pool.run(self.borrowed(), host).await
    }

    /// Starts the clock.
    pub(crate) fn borrowed(&self) -> ScriptCall<'_> {
        ScriptCall {
            connector: &self.connector,
            script: &self.script,
            command: &self.command,
            config: &self.config,
            params: &self.params,
            variables: &self.variables,
            idempotency_key: Some("key-1"),
            mock_scenario: None,
            deadline: Instant::now() + self.timeout,
            timeout: self.timeout,
            limits: &self.limits,
            log_level: self.level,
        }
    }

    /// Runs it where it must succeed, and returns the result.
    pub(crate) async fn value(&self, pool: &Pool) -> Value {
        let ran = self.run(pool, &Host::default()).await;
        serde_json::from_str(&ran.unwrap_or_else(|failure| panic!("{failure:?}")).json).unwrap()
    }

    /// Runs it where it must fail, and returns the failure.
    pub(crate) async fn failure(&self, pool: &Pool) -> ScriptFailure {
        self.run(pool, &Host::default()).await.map(|ran| ran.json).unwrap_err()
    }
}

/// Makes sure that the same connector can run a sound script right after.
pub(crate) async fn healthy(pool: &Pool) {
    let call = Call::new("function main() { return { success: true, payload: floh.params.n + 1 }; }");
    let value = call.params(&json!({ "n": 41 })).value(pool).await;
    assert_eq!(value, json!({ "success": true, "payload": 42 }));
}

/// Shares a pool among tasks.
pub(crate) fn shared(settings: PoolSettings) -> Arc<Pool> {
    Arc::new(Pool::new(settings).unwrap())
}
