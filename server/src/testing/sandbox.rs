//! A sandbox without processes, for tests of the code around it: a script is JSON that says what its commands answer.

use connector_runtime::log::LogLevel;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};

use crate::script::{
    Figures, GuestError, HostCalls, HttpBody, HttpCall, Limits, Ran, Sandbox, ScriptCall, ScriptFailure, ScriptProblem,
    Scripts,
};

/// Reads `{ "<command>": ANSWER }`; JavaScript that ends with a brace, and perhaps a semicolon, is valid, and any other source has a syntax error
/// on line 2. An answer is the command's return value, except for the texts `undefined`, `busy`, `echo` (what the
/// script sees), `log` and `throw` (the config, logged and thrown), and `crash` (after a POST to `params.url` that is
/// not answered, if there is one).
#[derive(Debug, Default)]
pub(crate) struct FakeSandbox;

pub(crate) fn scripts() -> Scripts {
    Scripts { sandbox: std::sync::Arc::new(FakeSandbox), limits: Limits::default() }
}

impl Sandbox for FakeSandbox {
    fn run<'a>(&'a self, call: ScriptCall<'a>, host: &'a dyn HostCalls) -> BoxFuture<'a, Result<Ran, ScriptFailure>> {
        async move {
            let commands: Map<String, Value> = serde_json::from_str(call.script.source()).unwrap();
            let Some(answer) = commands.get(call.command) else {
                return Err(ScriptFailure::NoCommand { command: call.command.to_owned() });
            };
            let config = Value::Object(call.config.clone()).to_string();
            let value = match answer.as_str() {
                Some("crash") => {
                    if let Some(url) = call.params.get("url").and_then(Value::as_str) {
                        let (method, url) = ("POST".to_owned(), url.to_owned());
                        let (query, headers, body) = (Vec::new(), Vec::new(), HttpBody::None);
                        let write = HttpCall { method, url, query, headers, body, timeout_ms: Some(100), retry: None };
                        host.http(write).await.unwrap_err();
                    }
                    return Err(ScriptFailure::Crash);
                }
                Some("busy") => return Err(ScriptFailure::Busy),
                Some("throw") => {
                    let error = GuestError { message: config.clone(), stack: config, ..GuestError::default() };
                    return Err(ScriptFailure::Thrown(error));
                }
                Some("log") => {
                    host.log(LogLevel::Warn, &config);
                    Value::Null
                }
                Some("echo") => json!({ "success": true, "payload": {
                    "params": call.params, "config": call.config, "variables": call.variables,
                    "key": call.idempotency_key, "scenario": call.mock_scenario, "connector": call.connector,
                } }),
                _ => answer.clone(),
            };
            let returned = answer != "undefined";
            let json = if returned { value.to_string() } else { "null".to_owned() };
            Ok(Ran { json, returned, figures: Figures::default() })
        }
        .boxed()
    }

    fn check<'a>(
        &'a self,
        source: &'a str,
        commands: &'a [&'a str],
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Vec<ScriptProblem>, ScriptFailure>> {
        let problem = |message: String, line, column| ScriptProblem { message, line, column };
        let answer = if source.len() > limits.source {
            Err(ScriptFailure::TooLarge { what: "the script", bytes: source.len(), limit: limits.source })
        } else {
            Ok(match serde_json::from_str::<Map<String, Value>>(source) {
                Err(_) if source.trim_end().trim_end_matches(';').ends_with('}') => Vec::new(),
                Err(_) => vec![problem("unexpected token".to_owned(), Some(2), Some(7))],
                Ok(known) => {
                    let missing = commands.iter().filter(|name| !known.contains_key(**name));
                    missing.map(|name| problem(format!("no function {name}"), None, None)).collect()
                }
            })
        };
        std::future::ready(answer).boxed()
    }
}
