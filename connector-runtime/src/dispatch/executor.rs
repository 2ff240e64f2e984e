//! What a call is dispatched to: the trait behind which compiled code, scripts, services and agents
//! look alike, and the connector whose schema and settings the call is checked against.

use std::fmt;
use std::time::Duration;

use crate::context::Context;
use crate::mock::{MockScript, MockSettings};
use crate::outcome::{BoxFuture, Fail, Failure, Reply, Thrown};
use crate::schema::{ConfigSchema, FieldValues};

/// How long a call may take unless somebody sets another deadline, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// The longest that a call may take, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 300_000;

/// Executes the commands of a connector: compiled code, a script, a remote service, or an agent.
pub trait Executor: fmt::Debug + Send + Sync {
    /// Runs a command with validated params.
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>>;

    /// Translates a thrown error; `None` keeps the error's own text.
    fn explain(&self, _thrown: &Thrown<'_>) -> Option<Fail> {
        None
    }

    /// Returns the deadline that a command sets itself, in milliseconds.
    fn default_timeout(&self, _command: &str, _params: FieldValues<'_>) -> Option<u64> {
        None
    }

    /// Returns how long after the deadline the executor may take to report the timeout. An executor that ends
    /// its work itself can say more about it; the others are cut off at the deadline.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    /// Returns whether the connection config is kept where the command runs, so that it is not checked here.
    fn holds_connection_config(&self) -> bool {
        false
    }

    /// Answers a mock scenario of the connector's code; `None` if the code has no scenario of that name.
    fn mock(&self, _command: &str, _scenario: &str, _params: FieldValues<'_>) -> Option<Result<Reply, Failure>> {
        None
    }

    /// Returns the names of the mock scenarios that the connector's code has for a command.
    fn mock_scenarios(&self, _command: &str) -> Vec<&str> {
        Vec::new()
    }
}

/// The connector that a call goes to.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Name of the connector, for the log.
    pub connector: &'a str,
    /// What the type accepts.
    pub schema: &'a ConfigSchema,
    /// What executes its commands.
    pub executor: &'a dyn Executor,
    /// The connector's mock settings.
    pub mock: Option<&'a MockSettings>,
    /// The connector's mock script.
    pub mock_script: Option<&'a dyn MockScript>,
    /// The connector's deadline, in milliseconds.
    pub timeout_ms: Option<u64>,
}
