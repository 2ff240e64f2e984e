//! The one path that every call takes, whatever asked for it and whatever serves it (contract
//! section 3): command, validation, mock chain, deadline, panic, normalising, redaction.
//!
//! [`prepare`] does what happens before anything leaves, so that a server can record the start in
//! between; [`Call::run`] does the rest. [`dispatch`] is both in one.

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::context::{CallScope, Context, Invocation};
use crate::log::{LogLine, Logger};
use crate::mock::{DEFAULT_SCENARIO, MockScript, MockSettings};
use crate::outcome::{BoxFuture, Fail, Failure, Reply, Thrown};
use crate::panic::{self, Panic};
use crate::redact::{Redactor, secret_texts};
use crate::schema::{Command, ConfigSchema, FieldValues, Invalid};

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

/// How long a call may take when nobody says otherwise, in milliseconds.
pub const DEFAULT_TIMEOUT_MS: u64 = 30_000;

/// The longest that a call may take, in milliseconds.
pub const MAX_TIMEOUT_MS: u64 = 300_000;

/// What serves the commands of a connector: compiled code, a script, a remote service, an agent.
pub trait Executor: fmt::Debug + Send + Sync {
    /// Runs a command with validated params.
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>>;

    /// Translates a thrown error; `None` leaves the error's own text.
    fn explain(&self, _thrown: &Thrown<'_>) -> Option<Fail> {
        None
    }

    /// Returns the deadline that a command brings itself, in milliseconds.
    fn default_timeout(&self, _command: &str, _params: FieldValues<'_>) -> Option<u64> {
        None
    }

    /// Returns how long after the deadline the executor may take to say that the time is over. One that ends its
    /// work itself can tell more about it; others are cut off at the deadline.
    fn grace(&self) -> Duration {
        Duration::ZERO
    }

    /// Tells whether whatever serves the connector now has the connection config itself: then none is checked
    /// here.
    fn holds_connection_config(&self) -> bool {
        false
    }

    /// Answers a mock scenario of the connector's code; `None` where there is none of that name.
    fn mock(&self, _command: &str, _scenario: &str, _params: FieldValues<'_>) -> Option<Result<Reply, Failure>> {
        None
    }

    /// Names the mock scenarios that the connector's code has for a command.
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
    /// What serves it.
    pub executor: &'a dyn Executor,
    /// The connector's mock settings.
    pub mock: Option<&'a MockSettings>,
    /// The connector's mock script.
    pub mock_script: Option<&'a dyn MockScript>,
    /// The connector's deadline, in milliseconds.
    pub timeout_ms: Option<u64>,
}

/// A call that is over.
#[derive(Debug)]
pub struct FinishedCall {
    /// The command that was picked, or asked for in vain.
    pub command: Option<String>,
    /// The result; its error and diagnostics are redacted, its payload and variables are not.
    pub reply: Reply,
    /// Whether a mock answered.
    pub mocked: bool,
    /// Whether nothing was done because what serves the command cannot take it now; it may be tried again.
    pub unavailable: bool,
    /// Whether the command is deprecated, and what its author says to use instead.
    pub deprecated: Option<Option<String>>,
    /// The params as they were given, for the record.
    pub params: Map<String, Value>,
    /// The lines that the handler logged, redacted.
    pub logs: Vec<LogLine>,
    /// Knows the secrets of the call.
    pub redactor: Arc<Redactor>,
    /// How long the call took.
    pub took: Duration,
}

/// A call that is checked and ready to run.
#[derive(Debug)]
pub struct Call<'a> {
    target: Target<'a>,
    name: Cow<'a, str>,
    command: &'a Command,
    context: Box<Context>,
    scenario: Option<String>,
    began: Instant,
}

/// What a check of a call comes to.
#[derive(Debug)]
pub enum Prepared<'a> {
    /// It may run.
    Call(Call<'a>),
    /// It is refused, and over.
    Finished(Box<FinishedCall>),
}

/// Checks a call at once and returns the future that runs it to its end.
pub fn dispatch<'a>(target: Target<'a>, invocation: Invocation) -> impl Future<Output = FinishedCall> + Send + 'a {
    let prepared = prepare(target, invocation);
    async move {
        match prepared {
            Prepared::Call(call) => call.run().await,
            Prepared::Finished(finished) => *finished,
        }
    }
}

/// Picks the command and checks the values. Nothing has left when this returns.
pub fn prepare(target: Target<'_>, mut invocation: Invocation) -> Prepared<'_> {
    let began = Instant::now();
    let picked = pick(target.schema, invocation.command.as_deref());
    let params = picked.as_ref().ok().map(|(_, command)| &command.params);
    let redactor = redactor(&target, &mut invocation, params);
    let refuse = |command: Option<String>, picked: Option<&Command>, error: String, params: Map<String, Value>| {
        let error = redactor.text(&error).into_owned();
        Prepared::Finished(Box::new(FinishedCall {
            command,
            reply: Reply::failed(error),
            mocked: false,
            unavailable: false,
            deprecated: picked.and_then(deprecation),
            params,
            logs: Vec::new(),
            redactor: Arc::clone(&redactor),
            took: began.elapsed(),
        }))
    };
    let (name, command) = match picked {
        Ok((name, command)) => (name, command),
        Err(error) => return refuse(invocation.command, None, error, invocation.params),
    };
    let scenario = scenario(&target, &invocation);
    if let Err(invalid) = validate(&target, command, &invocation, scenario.is_some()) {
        warn_of_deprecation(target.connector, &name, command);
        return refuse(Some(name.into_owned()), Some(command), invalid.to_string(), invocation.params);
    }
    let params = FieldValues::new(&command.params, &invocation.params);
    let timeout_ms = invocation
        .timeout_ms
        .or(target.timeout_ms)
        .or_else(|| target.executor.default_timeout(&name, params))
        .unwrap_or(DEFAULT_TIMEOUT_MS)
        .clamp(1, MAX_TIMEOUT_MS);
    let timeout = Duration::from_millis(timeout_ms);
    let scope = CallScope {
        connector: target.connector.to_owned(),
        log_level: invocation.log_level,
        redactor,
        log: OnceLock::new(),
        pool: invocation.http,
        timeout,
        http: OnceLock::new(),
    };
    let context = Box::new(Context {
        command: name.clone().into_owned(),
        params: invocation.params,
        config: OnceLock::new(),
        connection: invocation.connection,
        variables: invocation.variables,
        step_id: invocation.step_id,
        run_id: invocation.run_id,
        idempotency_key: invocation.idempotency_key,
        scope,
        deadline: began + timeout,
        cancelled: OnceLock::new(),
    });
    Prepared::Call(Call { target, name, command, context, scenario, began })
}

impl<'a> Call<'a> {
    /// Returns the wire name of the command.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the command.
    pub fn command(&self) -> &'a Command {
        self.command
    }

    /// Tells whether a mock answers, so that nothing leaves.
    pub fn is_mocked(&self) -> bool {
        self.scenario.is_some()
    }

    /// Returns what knows the secrets of the call.
    pub fn redactor(&self) -> &Arc<Redactor> {
        &self.context.scope.redactor
    }

    /// Returns the params as they were given.
    pub fn params(&self) -> &Map<String, Value> {
        &self.context.params
    }

    /// Runs the command, or the mock in its place.
    pub async fn run(self) -> FinishedCall {
        let Self { target, name, command, context, scenario, began } = self;
        let name = &*name;
        let redactor = &context.scope.redactor;
        let deprecated = warn_of_deprecation(target.connector, name, command);
        let params = FieldValues::new(&command.params, &context.params);
        let outcome = match &scenario {
            Some(scenario) => {
                let begin = || -> BoxFuture<'_, _> { Box::pin(mock(&target, &context, name, scenario, params)) };
                guarded(&context, Duration::ZERO, begin).await
            }
            None => {
                guarded(&context, target.executor.grace(), || target.executor.execute(&context, name, params)).await
            }
        };
        let unavailable = matches!(&outcome, Ok(Err(failure)) if failure.is_unavailable());
        let mut reply = match outcome {
            Ok(Ok(reply)) => reply,
            Ok(Err(failure)) => panic::catch(|| Reply::from_failure(failure, |thrown| target.executor.explain(thrown)))
                .unwrap_or_else(|panic| panicked(&target, name, &panic, redactor)),
            Err(panic) => panicked(&target, name, &panic, redactor),
        };
        if let Some(error) = &mut reply.error {
            *error = redactor.text(error).into_owned();
        }
        if let Some(diagnostics) = &mut reply.diagnostics {
            redactor.value(diagnostics);
        }
        FinishedCall {
            command: Some(name.to_owned()),
            reply,
            mocked: scenario.is_some(),
            unavailable,
            deprecated,
            logs: context.scope.log.get().map(Logger::take).unwrap_or_default(),
            params: context.params,
            redactor: context.scope.redactor,
            took: began.elapsed(),
        }
    }
}

/// Picks the command: the one named, else the default one.
fn pick<'a>(schema: &'a ConfigSchema, asked: Option<&str>) -> Result<(Cow<'a, str>, &'a Command), String> {
    let known = || match schema.commands.keys().map(String::as_str).collect::<Vec<_>>().join(", ") {
        _ if schema.open => "this type has no schema: any name of letters, digits and _ is a command".to_owned(),
        names if names.is_empty() => "this type has no commands".to_owned(),
        names => format!("known commands: {names}"),
    };
    let name = asked.filter(|name| !name.is_empty()).or(schema.default_command.as_deref());
    let Some(name) = name else { return Err(format!("No command given ({})", known())) };
    let found = schema.commands.get_key_value(name);
    let found = found.map(|(name, command)| (Cow::Borrowed(name.as_str()), command));
    found
        .or_else(|| schema.command(name).map(|command| (Cow::Owned(name.to_owned()), command)))
        .ok_or_else(|| format!("Unknown command: {name} ({})", known()))
}

fn scenario(target: &Target<'_>, invocation: &Invocation) -> Option<String> {
    let enabled = target.mock.is_some_and(|mock| mock.enabled);
    invocation.mock_scenario.clone().or_else(|| enabled.then(|| DEFAULT_SCENARIO.to_owned()))
}

/// Checks the connection (unless a mock answers, or it is elsewhere) and the params; what is missing is told of both.
fn validate(target: &Target<'_>, command: &Command, invocation: &Invocation, mocked: bool) -> Result<(), Invalid> {
    let mut invalid = Invalid::default();
    if !mocked && !target.executor.holds_connection_config() {
        FieldValues::new(&target.schema.connection, &invocation.connection).check(&mut invalid);
    }
    FieldValues::new(&command.params, &invocation.params).check(&mut invalid);
    invalid.into_result()
}

fn redactor(target: &Target<'_>, invocation: &mut Invocation, params: Option<&crate::schema::Fields>) -> Arc<Redactor> {
    // An unknown command may still carry the secrets of the one that was meant.
    let texts = match params {
        Some(params) => secret_texts(params, &invocation.params),
        None => target.schema.commands.values().flat_map(|c| secret_texts(&c.params, &invocation.params)).collect(),
    };
    // The call's own, whose log and record alone hide what it learns.
    Arc::new(match invocation.redactor.take() {
        Some(base) => Redactor::over(base, texts),
        None => {
            let connection = secret_texts(&target.schema.connection, &invocation.connection);
            Redactor::new(connection.into_iter().chain(texts))
        }
    })
}

fn deprecation(command: &Command) -> Option<Option<String>> {
    command.deprecated.then(|| command.deprecated_message.clone())
}

/// Logs the call of a deprecated command, and tells what to use instead.
fn warn_of_deprecation(connector: &str, name: &str, command: &Command) -> Option<Option<String>> {
    let deprecated = deprecation(command);
    if let Some(message) = &deprecated {
        let instead = message.as_deref().unwrap_or_default();
        tracing::warn!(
            event = "deprecated_command",
            connector,
            command = name,
            instead,
            "a deprecated command was called"
        );
    }
    deprecated
}

/// Does the work of a call until its deadline, and outlives its panic.
async fn guarded<'a>(
    context: &Context,
    grace: Duration,
    mut begin: impl FnMut() -> BoxFuture<'a, Result<Reply, Failure>>,
) -> Result<Result<Reply, Failure>, Panic> {
    let mut work = None;
    // Making the future may panic as well as polling it.
    let mut turn =
        |task: &mut std::task::Context<'_>| panic::catch(|| work.get_or_insert_with(&mut begin).as_mut().poll(task));
    // What is done at once needs no timer.
    match poll_fn(|task| Poll::Ready(turn(task))).await {
        Ok(Poll::Ready(outcome)) => return Ok(outcome),
        Ok(Poll::Pending) => {}
        Err(panic) => return Err(panic),
    }
    let rest = poll_fn(|task| match turn(task) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    match tokio::time::timeout_at(context.deadline + grace, rest).await {
        Ok(outcome) => outcome,
        Err(_) => Ok(Err(Fail::new(format!("Timed out after {} ms", context.timeout().as_millis())).into())),
    }
}

/// The mock chain: stored results, then the connector's mock script, then the connector's code. Never the real
/// call.
async fn mock(
    target: &Target<'_>,
    context: &Context,
    command: &str,
    scenario: &str,
    params: FieldValues<'_>,
) -> Result<Reply, Failure> {
    if let Some(reply) = target.mock.and_then(|mock| mock.stored(command, scenario)) {
        return Ok(reply);
    }
    if let Some(script) = target.mock_script
        && let Some(outcome) = script.answer(context, command, scenario, params).await
    {
        return outcome;
    }
    if let Some(outcome) = target.executor.mock(command, scenario, params) {
        return outcome;
    }
    let mut known = target.mock.map(|mock| mock.scenarios(command)).unwrap_or_default();
    for scenario in target.executor.mock_scenarios(command) {
        if !known.contains(&scenario) {
            known.push(scenario);
        }
    }
    let known =
        if known.is_empty() { "the command has none".to_owned() } else { format!("known are {}", known.join(", ")) };
    Err(Fail::new(format!("No mock scenario {scenario} for command {command}; {known}")).into())
}

fn panicked(target: &Target<'_>, command: &str, panic: &Panic, redactor: &Redactor) -> Reply {
    tracing::error!(
        connector = target.connector,
        command,
        message = %redactor.text(&panic.message),
        location = panic.location,
        backtrace = panic.backtrace,
        "a connector panicked"
    );
    Reply::failed("Connector panicked")
}
