//! A call from the end of its checks to its result.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::deadline::until_deadline;
use super::deprecation::warn_of_deprecation;
use super::undeclared::warn_of_undeclared;
use super::{Target, mock_chain, prepare};
use crate::context::{CallScope, Context, Invocation};
use crate::log::{LogLine, Logger};
use crate::outcome::{BoxFuture, Reply};
use crate::panic::{self, Panic};
use crate::redact::Redactor;
use crate::schema::{Command, Effect, FieldValues};

/// A call that is over.
#[derive(Debug)]
pub struct FinishedCall {
    /// The command that was picked, else the unknown one that was asked for.
    pub command: Option<String>,
    /// The result; its error and diagnostics are redacted, its payload and variables are not.
    pub reply: Reply,
    /// Whether a mock answered.
    pub mocked: bool,
    /// Whether nothing was done because what executes the command is not available now; the call may be repeated.
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

/// A call that has passed its checks and is ready to run.
#[derive(Debug)]
pub struct Call<'a> {
    pub(super) target: Target<'a>,
    pub(super) command: &'a Command,
    pub(super) context: Box<Context>,
    pub(super) scenario: Option<String>,
    pub(super) began: Instant,
}

/// The result of the checks of a call.
#[derive(Debug)]
pub enum Prepared<'a> {
    /// The call may run.
    Call(Call<'a>),
    /// The call was refused, so it is over.
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

impl<'a> Call<'a> {
    /// Returns the wire name of the command.
    pub fn name(&self) -> &str {
        &self.context.command
    }

    /// Returns the command.
    pub fn command(&self) -> &'a Command {
        self.command
    }

    /// Returns whether a mock answers, so that nothing is sent.
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

    /// Builds the search for the call's secrets before it is needed, by the call's deadline and off the async threads if
    /// there is much to build. If it is not built in time, everything of the call is shown as a secret.
    pub async fn build_redactor(&self) {
        self.redactor().build(self.context.deadline).await;
    }

    /// Runs the command, or the mock in its place.
    pub async fn run(self) -> FinishedCall {
        self.build_redactor().await;
        let Self { target, command: declared, context, scenario, began } = self;
        let name = &*context.command;
        let redactor = &context.scope.redactor;
        let deprecated = warn_of_deprecation(target.connector, name, declared, context.scope.log_rate.as_deref());
        let params = FieldValues::new(&declared.params, &context.params);
        let only_reads = declared.effect == Some(Effect::Read);
        let outcome = match &scenario {
            Some(scenario) => {
                let begin =
                    || -> BoxFuture<'_, _> { Box::pin(mock_chain::answer(&target, &context, name, scenario, params)) };
                until_deadline(&context, Duration::ZERO, false, begin).await
            }
            None => {
                let begin = || target.executor.execute(&context, name, params);
                until_deadline(&context, target.executor.grace(), !only_reads, begin).await
            }
        };
        let unavailable = matches!(&outcome, Ok(Err(failure)) if failure.is_unavailable());
        let mut reply = match outcome {
            Ok(Ok(reply)) => reply,
            Ok(Err(failure)) => {
                panic::catch(|| Reply::from_failure(failure, only_reads, |thrown| target.executor.explain(thrown)))
                    .unwrap_or_else(|panic| panicked(&target, &context, &panic))
            }
            Err(panic) => panicked(&target, &context, &panic),
        };
        if let Some(error) = &mut reply.error {
            *error = redactor.text(error).into_owned();
        }
        if let Some(diagnostics) = &mut reply.diagnostics {
            redactor.value(diagnostics);
        }
        let rate = context.scope.log_rate.as_deref();
        warn_of_undeclared(target.connector, name, declared, reply.variables.as_deref(), redactor, rate);
        let Context { command, params, scope, .. } = *context;
        FinishedCall {
            command: Some(command),
            reply,
            mocked: scenario.is_some(),
            unavailable,
            deprecated,
            params,
            logs: scope.log.get().map(Logger::take).unwrap_or_default(),
            redactor: scope.redactor,
            took: began.elapsed(),
        }
    }
}

fn panicked(target: &Target<'_>, context: &Context, panic: &Panic) -> Reply {
    let CallScope { redactor, log_rate, .. } = &context.scope;
    let bytes = panic.message.len() + panic.backtrace.len();
    if log_rate.as_ref().is_none_or(|rate| rate.passes(target.connector, bytes)) {
        tracing::error!(
            connector = target.connector,
            command = context.command,
            panic = %redactor.text(&panic.message),
            location = panic.location,
            backtrace = panic.backtrace,
            "a connector panicked"
        );
    }
    Reply::failed("Connector panicked")
}
