//! The path of one call through the server: resolve, check, record the start, run, record the end.

use std::sync::Arc;
use std::time::Instant;

use connector_runtime::context::Invocation;
use connector_runtime::dispatch::{FinishedCall, Prepared, Target, prepare_checked};
use connector_runtime::redact::Redactor;
use connector_runtime::result::Reply;
use connector_runtime::schema::Effect;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

use super::checking::checked;
use super::log::{self, EndedCall};
use super::record::{self, Ending};
use crate::auth::OpContext;
use crate::error::Error;
use crate::events::Event;
use crate::instances::Instance;
use crate::services::Services;
use crate::store::{ExecutionRow, ExecutionSource, RecordError, StoreError, mend, new_id};
use crate::work::Work;

/// A call of a connector's command.
#[derive(Debug, Clone)]
pub struct Request {
    /// The command; if absent, the type's default command.
    pub command: Option<String>,
    /// Its params.
    pub params: Map<String, Value>,
    /// The run's variables.
    pub variables: Map<String, Value>,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// The caller's deadline, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The mock scenario to answer instead of calling.
    pub mock_scenario: Option<String>,
    /// The key by which connected systems recognise a repeated call.
    pub idempotency_key: Option<String>,
    /// The secrets of the run that the call belongs to, which its variables may hold.
    pub secrets: Option<Arc<Redactor>>,
    /// The caller and its door.
    pub ctx: OpContext,
}

/// A call that has ended and is recorded.
#[derive(Debug)]
pub struct Executed {
    /// Id of the execution row.
    pub id: Uuid,
    /// The result.
    pub reply: Reply,
    /// `Some` if the command is deprecated, with its author's advice, if any.
    pub deprecated: Option<Option<String>>,
    /// Whether nothing was executed because the executor cannot take the call now: HTTP 503.
    pub unavailable: bool,
    /// Whether it got as far as its command, or the mock of it; else it was refused before.
    pub is_called: bool,
    /// How long the call took, in milliseconds.
    pub took_ms: f64,
    /// Knows the secrets of the call.
    pub redactor: Arc<Redactor>,
    /// The program that called, if it has named itself.
    pub client: Option<Arc<str>>,
}

impl Executed {
    fn new(id: Uuid, done: FinishedCall, is_called: bool, client: Option<Arc<str>>) -> Self {
        let FinishedCall { reply, deprecated, unavailable, took, redactor, .. } = done;
        Self { id, reply, deprecated, unavailable, is_called, took_ms: took.as_secs_f64() * 1000.0, redactor, client }
    }
}

/// Why a call was refused without a row.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    /// Too many calls are running.
    #[error("{0} has too many running calls; try again in a moment")]
    Busy(String),
    /// The start could not be recorded, so nothing was called.
    #[error("the start of the execution could not be recorded: {0}")]
    NotBegun(Unwritten),
    /// The row could not be written.
    #[error("the execution could not be recorded: {0}")]
    Record(Unwritten),
    /// The run of the call belongs to another server now, or is to end. If nothing was called yet, nothing is.
    #[error("the run was taken up by another server, or was ended")]
    Fenced,
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
#[error("{cause}")]
pub struct Unwritten {
    /// For the log.
    cause: String,
    /// For anyone who may ask.
    told: &'static str,
}

impl Unwritten {
    /// Wraps a failure of the server itself.
    pub(super) fn internal(cause: impl std::fmt::Display) -> Self {
        Self { cause: cause.to_string(), told: "the answer could not be kept" }
    }
}

impl From<RecordError> for Unwritten {
    fn from(error: RecordError) -> Self {
        Self { cause: error.to_string(), told: error.unavailability() }
    }
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Self {
        Self { cause: error.to_string(), told: error.unavailability() }
    }
}

impl From<ExecuteError> for Error {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Busy(_) | ExecuteError::Fenced => Self::unavailable(error.to_string()),
            ExecuteError::NotBegun(Unwritten { cause, told }) => {
                tracing::error!(cause, "the start of an execution could not be recorded");
                Self::unavailable(format!("{told}, so nothing was called; {}", mend(told)))
            }
            ExecuteError::Record(Unwritten { cause, told }) => {
                tracing::error!(cause, "an execution could not be recorded");
                Self::unavailable(format!(
                    "{told}, so the call could not be recorded; if it had begun, its outcome is unknown until its execution, or a \
                     repetition with its Idempotency-Key, tells it"
                ))
            }
        }
    }
}

/// Where the rows of a call are written: to the recorder, alone or together with what else its end brings about.
pub(super) trait Finish: Send {
    /// Writes the row of the start.
    fn start(
        &mut self,
        services: &Services,
        row: ExecutionRow,
    ) -> impl Future<Output = Result<(), ExecuteError>> + Send {
        let recorder = &services.recorder;
        async move {
            let id = row.id;
            recorder.start(row).await.map_err(|error| {
                if error.may_be_written() {
                    services.store.doubt(id, None);
                }
                ExecuteError::NotBegun(error.into())
            })
        }
    }

    /// Writes the row of the end.
    fn finish(
        self,
        services: &Services,
        ending: Ending,
        executed: &Executed,
    ) -> impl Future<Output = Result<(), ExecuteError>> + Send;
}

/// Records only the row.
pub(super) struct RowOnly;

impl Finish for RowOnly {
    async fn finish(self, services: &Services, ending: Ending, _: &Executed) -> Result<(), ExecuteError> {
        let recorded = match ending {
            Ending::Row(row) => services.recorder.finish(*row).await,
            Ending::Removal(id) => services.recorder.remove(id).await,
            Ending::NoRow => Ok(()),
        };
        recorded.map_err(|error| ExecuteError::Record(error.into()))
    }
}

/// Executes a call. The row is committed before this returns.
///
/// # Errors
/// If too many calls are running, or the row could not be written.
pub(super) async fn execute(
    services: &Services,
    instance: &Arc<Instance>,
    request: Request,
) -> Result<Executed, ExecuteError> {
    run(services, instance, new_id(), request, RowOnly).await
}

/// Executes the command `test` of an external connector that has none: queries its service's health. The row is
/// committed before this returns.
///
/// # Errors
/// If too many calls are running, or the row could not be written.
pub(super) async fn check_health(
    services: &Services,
    instance: &Arc<Instance>,
    request: Request,
) -> Result<Executed, ExecuteError> {
    run_at(services, instance, Instance::health_target, new_id(), request, RowOnly).await
}

/// Records a call that the route refuses, and answers with the reason.
///
/// # Errors
/// If the row could not be written.
pub(super) async fn refuse(
    services: &Services,
    instance: &Arc<Instance>,
    mut request: Request,
    reason: &str,
) -> Result<Executed, ExecuteError> {
    let id = new_id();
    let invocation = invocation(instance, id, &mut request, &services.cut);
    let done = refused(instance, invocation, Some(reason));
    let max = record_limit(services, request.ctx.source());
    let row = record::ended(begun(id, instance, &request, &done, max), &done, max);
    instance.meters.count(done.reply.success, done.took);
    let executed = Executed::new(id, done, false, request.ctx.client().cloned());
    commit(services, row, false, &executed, RowOnly).await?;
    Ok(executed)
}

pub(super) async fn run(
    services: &Services,
    instance: &Arc<Instance>,
    id: Uuid,
    request: Request,
    finish: impl Finish,
) -> Result<Executed, ExecuteError> {
    run_at(services, instance, Instance::target, id, request, finish).await
}

/// Returns what a call of a connector goes to.
pub(super) type TargetOf = fn(&Instance) -> Option<Target<'_>>;

async fn run_at(
    services: &Services,
    instance: &Arc<Instance>,
    target: TargetOf,
    id: Uuid,
    request: Request,
    mut finish: impl Finish,
) -> Result<Executed, ExecuteError> {
    // A call that only reads asks the database nothing before it is sent.
    services.store.available().map_err(|error| ExecuteError::NotBegun(error.into()))?;
    let busy = |what: &str| ExecuteError::Busy(what.to_owned());
    let _call = services.permits.try_acquire().map_err(|_| busy("the server"))?;
    let _own = instance.permits.try_acquire().map_err(|_| busy(&format!("connector {}", instance.name)))?;
    let span = log::span(id, instance, &request);
    let (max, client) = (record_limit(services, request.ctx.source()), request.ctx.client().cloned());
    let called = call(services, instance, target, id, request, &mut finish).instrument(span).await?;
    let Called { row, is_started, is_called, done } = called;
    let row = record::ended(row, &done, max);
    instance.meters.count(done.reply.success, done.took);
    let executed = Executed::new(id, done, is_called, client);
    commit(services, row, is_started, &executed, finish).await?;
    Ok(executed)
}

/// Commits the row of a call that has ended, then notifies the subscribers.
async fn commit(
    services: &Services,
    row: ExecutionRow,
    is_started: bool,
    executed: &Executed,
    finish: impl Finish,
) -> Result<(), ExecuteError> {
    let id = row.id;
    let event = services.events.is_watched().then(|| row.summary());
    let line = EndedCall::of(&row, executed);
    let finished = finish.finish(services, Ending::of(row, is_started), executed).await;
    if let Some(line) = line {
        line.log(finished.is_ok());
    }
    match &finished {
        // The row of a call whose run is another server's is written all the same.
        Ok(()) | Err(ExecuteError::Fenced) => services.agents.recorded(id),
        Err(_) => services.agents.not_recorded(id),
    }
    finished?;
    if let Some(event) = event {
        services.events.send(Event::ExecutionFinished(Box::new(event)));
    }
    Ok(())
}

/// A call that has ended.
struct Called {
    row: ExecutionRow,
    /// Whether its start was recorded.
    is_started: bool,
    /// Whether it got as far as its command.
    is_called: bool,
    done: FinishedCall,
}

async fn call(
    services: &Services,
    instance: &Arc<Instance>,
    target_of: TargetOf,
    id: Uuid,
    mut request: Request,
    finish: &mut impl Finish,
) -> Result<Called, ExecuteError> {
    let invocation = invocation(instance, id, &mut request, &services.cut);
    let max = record_limit(services, request.ctx.source());
    let target = match (&instance.refusal, target_of(instance)) {
        (None, Some(target)) => target,
        (refusal, _) => {
            let done = refused(instance, invocation, refusal.as_deref());
            let row = begun(id, instance, &request, &done, max);
            return Ok(Called { row, is_started: false, is_called: false, done });
        }
    };
    let (invocation, checked) = checked(services, instance, target_of, invocation, &request).await;
    match prepare_checked(target, invocation, checked) {
        Prepared::Finished(done) => {
            let row = begun(id, instance, &request, &done, max);
            Ok(Called { row, is_started: false, is_called: false, done: *done })
        }
        Prepared::Call(call) => {
            call.build_redactor().await;
            let params = record::params(instance, Some(call.name()), call.params(), call.redactor(), max);
            let row = record::begun(id, instance, &request, Some(call.name()), params, call.redactor());
            // A call that only reads leaves no effect that a crash could make unknown, so its start is not recorded.
            let is_started = !call.is_mocked() && call.command().effect != Some(Effect::Read);
            if is_started {
                finish.start(services, row.clone()).await?;
            }
            Ok(Called { row, is_started, is_called: true, done: call.run().await })
        }
    }
}

/// Returns how many bytes of each part of a call are recorded.
pub(super) fn record_limit(services: &Services, source: ExecutionSource) -> usize {
    match source {
        ExecutionSource::Mcp => services.record_limit.max(record::MAX_RECORDED_OF_MCP),
        _ => services.record_limit,
    }
}

/// Returns the row of a call that ended before it started.
fn begun(id: Uuid, instance: &Instance, request: &Request, done: &FinishedCall, max: usize) -> ExecutionRow {
    let params = record::params(instance, done.command.as_deref(), &done.params, &done.redactor, max);
    record::begun(id, instance, request, done.command.as_deref(), params, &done.redactor)
}

/// Moves what the handler gets out of the request; what the row records stays in it.
fn invocation(instance: &Instance, id: Uuid, request: &mut Request, cut: &CancellationToken) -> Invocation {
    Invocation {
        command: request.command.take(),
        params: std::mem::take(&mut request.params),
        connection: Arc::clone(&instance.connection),
        variables: std::mem::take(&mut request.variables),
        step_id: request.step_id.clone(),
        run_id: request.run_id.clone(),
        idempotency_key: request.idempotency_key.take(),
        call_id: Some(id),
        timeout_ms: request.timeout_ms,
        began: request.ctx.work().map(Work::arrived),
        mock_scenario: request.mock_scenario.take(),
        log_level: instance.log_level,
        log_rate: Some(Arc::clone(&instance.log_rate)),
        http: instance.http.clone(),
        redactor: Some(match &request.secrets {
            Some(secrets) => Redactor::joined(&instance.redactor, secrets),
            None => Arc::clone(&instance.redactor),
        }),
        stop: Some(cut.clone()),
        cancel: request.ctx.cancel().cloned(),
    }
}

/// Returns the result of a call of a connector that is disabled or has lost its code.
fn refused(instance: &Instance, invocation: Invocation, refusal: Option<&str>) -> FinishedCall {
    let began = Instant::now();
    let texts = instance
        .schema
        .commands
        .values()
        .flat_map(|command| connector_runtime::redact::secret_texts(&command.params, &invocation.params));
    let redactor = instance.redactor.with(texts).map_or_else(|| Arc::clone(&instance.redactor), Arc::new);
    let named = invocation.command.filter(|name| !name.is_empty());
    let asked = named.or_else(|| instance.schema.default_command.clone());
    FinishedCall {
        reply: Reply::failed(refusal.unwrap_or("The connector cannot be called")),
        mocked: false,
        unavailable: false,
        deprecated: asked
            .as_deref()
            .and_then(|name| instance.schema.commands.get(name))
            .and_then(|command| command.deprecated.then(|| command.deprecated_message.clone())),
        command: asked,
        params: invocation.params,
        logs: Vec::new(),
        redactor: redactor as Arc<Redactor>,
        took: began.elapsed(),
    }
}
