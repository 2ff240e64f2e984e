//! A connector that does everything a handler can do wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::connector::Connector;
use crate::context::{ConnectionConfig, Invocation};
use crate::dispatch::{FinishedCall, Target, dispatch};
use crate::mock::{MockScript, MockSettings};
use crate::prelude::*;
use crate::registry::Registry;

/// A lab.
#[connector(name = "dispatch-lab", version = "1.0.0", default_command = "echo", errors = explain, lock = false)]
#[derive(Debug)]
pub(super) struct Lab {
    /// Where.
    base_url: String,
    /// Key.
    api_key: Secret,
}

/// What `explain` looks for.
#[derive(Debug, thiserror::Error)]
#[error("teapot {0}")]
pub(super) struct Teapot(pub(super) u16);

#[derive(Debug, thiserror::Error)]
#[error("wrapped")]
pub(super) struct Wrapped(#[source] pub(super) Teapot);

/// Credentials.
#[allow(dead_code, reason = "its schema and its masking are what is tested")]
#[object]
#[derive(Debug)]
pub(super) struct Auth {
    /// Token.
    #[expect(dead_code, reason = "only the schema of it matters here")]
    token: Secret,
}

#[connector]
impl Lab {
    /// Echoes.
    #[command(mock(default = mocked, empty = mocked_limit, broken = mocked_panic))]
    fn echo(
        &self,
        /// Limit.
        #[param(default = 50, min = 1, max = 500)]
        limit: u32,
        /// Text.
        text: Option<String>,
        /// Credentials.
        auth: Option<Auth>,
    ) -> Outcome<Value> {
        let _ = auth;
        succeed(json!({ "limit": limit, "text": text, "baseUrl": self.base_url }))
    }

    /// Requires.
    #[command]
    fn require(
        &self,
        /// First.
        first: String,
        /// Second.
        second: u32,
    ) -> Outcome {
        fail(format!("{first} {second}"))
    }

    /// Throws.
    #[command]
    async fn throw(
        &self,
        /// How.
        how: String,
    ) -> Outcome {
        match how.as_str() {
            "teapot" => Err(Teapot(418))?,
            "wrapped" => Err(Wrapped(Teapot(419)))?,
            "plain" => Err(std::io::Error::other("plain error"))?,
            "fail" => fail("teapot 418, on purpose"),
            "panic-in-map" => Err(Teapot(500))?,
            _ => Err(std::io::Error::other(format!("the key is {}", self.api_key.expose())))?,
        }
    }

    /// Panics before the first await.
    #[command]
    fn panic_now(&self) {
        panic!("key {}", self.api_key.expose());
    }

    /// Panics after an await.
    #[command]
    async fn panic_later(&self) {
        tokio::task::yield_now().await;
        panic!("later");
    }

    /// Never ends.
    #[command(timeout = 40)]
    async fn hang(&self, cx: &Context) -> Outcome {
        if let Some(slot) = cx.variables().get("slot").and_then(Value::as_u64) {
            let token = cx.cancellation().clone();
            TOKENS.lock().unwrap().push((slot, token));
        }
        std::future::pending::<()>().await;
        succeed(())
    }

    /// Takes its deadline from a param.
    #[command(timeout = patience)]
    async fn patient(
        &self,
        cx: &Context,
        /// Milliseconds.
        wait: u64,
    ) -> Outcome<Value> {
        let _ = wait;
        succeed(json!(u64::try_from(cx.time_left().as_millis().div_ceil(1000)).unwrap_or(u64::MAX)))
    }

    /// Old.
    #[command(deprecated = "use echo")]
    fn old(&self) {}

    /// Sets what it declares, and what it does not.
    #[command(variables(widget_count = u64))]
    fn declares(
        &self,
        /// What else is set.
        others: Vec<String>,
    ) -> Outcome {
        others.into_iter().fold(succeed(()).variable("widgetCount", 1), |outcome, name| outcome.variable(&name, 1))
    }

    /// Logs.
    #[command]
    fn talk(&self, cx: &Context) -> Outcome {
        cx.log().debug("quiet");
        cx.log().info(format!("key {}", self.api_key.expose()));
        succeed(json!(self.api_key.expose()))
            .variable("key", self.api_key.expose())
            .map(|done| done.variables)
            .and_then(|variables| {
                let mut outcome = fail("told").diagnostic("key", self.api_key.expose());
                for (name, value) in variables {
                    outcome = outcome.variable(name, value);
                }
                outcome
            })
    }

    /// Tells the context.
    #[command]
    fn context(&self, cx: &Context) -> Outcome<Value> {
        succeed(json!({
            "config": cx.config(), "fields": cx.connector_config().keys().collect::<Vec<_>>(),
            "variables": cx.variables(), "step": cx.step_id(), "run": cx.run_id(), "key": cx.idempotency_key(),
            "debug": format!("{cx:?}"),
        }))
    }
}

pub(super) static TOKENS: Mutex<Vec<(u64, tokio_util::sync::CancellationToken)>> = Mutex::new(Vec::new());

fn patience(params: &PatientParams) -> Duration {
    Duration::from_millis(params.wait) + Duration::from_secs(5)
}

fn mocked() -> Outcome<Value> {
    succeed(json!("mocked"))
}

fn mocked_limit(params: &EchoParams) -> Outcome<Value> {
    succeed(json!(params.limit))
}

fn mocked_panic() -> Outcome<Value> {
    panic!("in a mock")
}

fn explain(thrown: &Thrown<'_>) -> Option<Fail> {
    let teapot = thrown.find::<Teapot>()?;
    assert!(teapot.0 != 500, "in the error map");
    Some(Fail::new(format!("Teapot says {}", teapot.0)).diagnostic("status", teapot.0))
}

pub(super) const KEY: &str = "hunter2-canary";

pub(super) fn map(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

pub(super) fn connection() -> Arc<ConnectionConfig> {
    Arc::new(ConnectionConfig::new(map(json!({ "baseUrl": "https://a.example", "apiKey": KEY }))))
}

pub(super) fn invocation(config: Value) -> Invocation {
    let mut params = map(config);
    let command = params.shift_remove("command").and_then(|command| command.as_str().map(str::to_owned));
    Invocation { command, params, connection: connection(), ..Invocation::default() }
}

pub(super) async fn run_with(
    invocation: Invocation,
    mock: Option<&MockSettings>,
    timeout_ms: Option<u64>,
) -> FinishedCall {
    run_scripted(invocation, mock, None, timeout_ms).await
}

pub(super) async fn run_scripted(
    invocation: Invocation,
    mock: Option<&MockSettings>,
    mock_script: Option<&dyn MockScript>,
    timeout_ms: Option<u64>,
) -> FinishedCall {
    let registry = Registry::of([Lab::DESCRIPTOR]).unwrap();
    let entry = registry.get("dispatch-lab").unwrap();
    let executor = entry.executor();
    let target =
        Target { connector: "lab", schema: entry.schema(), executor: &executor, mock, mock_script, timeout_ms };
    dispatch(target, invocation).await
}

/// Runs a call and returns the result as it goes over the wire.
pub(super) async fn answer(config: Value) -> Value {
    serde_json::to_value(run_with(invocation(config), None, None).await.reply).unwrap()
}

pub(super) fn refused(error: &str) -> Value {
    json!({ "success": false, "error": error })
}
