//! Prepared outcomes: the mock table of a compiled connector and the mock settings of an instance. A mocked call asks
//! the stored results of the instance first, then its mock script, then the scenarios of the code; it never goes on to
//! the real call.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::context::Context;
use crate::outcome::{BoxFuture, Failure, Reply, Returns};
use crate::result::ReplyOrigin;
use crate::schema::FieldValues;

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

/// The scenario that answers when a call names none.
pub const DEFAULT_SCENARIO: &str = "default";
/// What a mock sees in place of each secret of a connection.
pub const MOCK_SECRET: &str = "[mock]";

/// One scenario of one command in a compiled connector.
pub struct MockSpec {
    /// Name of the scenario.
    pub scenario: &'static str,
    /// Computes the outcome from the params.
    pub run: fn(FieldValues<'_>) -> Result<Reply, Failure>,
}

impl fmt::Debug for MockSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MockSpec").field(&self.scenario).finish()
    }
}

/// A function that can be an entry of a mock table: `fn() -> R` or `fn(&Params) -> R`, where `R` is what the
/// command itself returns.
#[diagnostic::on_unimplemented(
    message = "this is not a mock of a command that returns `{R}`",
    label = "expected fn() -> {R} or fn(&{P}) -> {R}"
)]
pub trait MockFn<P, R: Returns, Form> {
    /// Calls the function.
    fn call(self, params: &P) -> R;
}

/// Marks `fn() -> R`.
#[derive(Debug)]
pub struct Plain;

/// Marks `fn(&Params) -> R`.
#[derive(Debug)]
pub struct WithParams;

impl<P, R: Returns, F: FnOnce() -> R> MockFn<P, R, Plain> for F {
    fn call(self, _: &P) -> R {
        self()
    }
}

impl<P, R: Returns, F: FnOnce(&P) -> R> MockFn<P, R, WithParams> for F {
    fn call(self, params: &P) -> R {
        self(params)
    }
}

/// The mock script in the mock chain, which is asked after the stored results and before the scenarios of the code.
pub trait MockScript: fmt::Debug + Send + Sync {
    /// Runs the script's function for a command; `None` if there is no such function or it returns nothing.
    fn answer<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        scenario: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Option<Result<Reply, Failure>>>;
}

/// The mock settings of a connector.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MockSettings {
    /// Whether every call is mocked.
    #[serde(default)]
    pub enabled: bool,
    /// Results by command: a result itself, or results by scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Map<String, Value>>,
    /// JavaScript with one function for each command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

impl MockSettings {
    /// Returns the result in `data` for a command and a scenario.
    pub(crate) fn stored(&self, command: &str, scenario: &str) -> Option<Reply> {
        let entry = self.data.as_ref()?.get(command)?;
        let is_result = entry.get("success").is_some_and(Value::is_boolean);
        let result = if is_result { Some(entry).filter(|_| scenario == DEFAULT_SCENARIO) } else { entry.get(scenario) };
        result.map(|result| Reply::from_value(result.clone(), ReplyOrigin::Script))
    }

    /// Returns the names of the scenarios in `data` for a command.
    pub(crate) fn scenarios(&self, command: &str) -> Vec<&str> {
        match self.data.as_ref().and_then(|data| data.get(command)) {
            Some(entry) if entry.get("success").is_some_and(Value::is_boolean) => vec![DEFAULT_SCENARIO],
            Some(Value::Object(scenarios)) => scenarios.keys().map(String::as_str).collect(),
            _ => Vec::new(),
        }
    }
}
