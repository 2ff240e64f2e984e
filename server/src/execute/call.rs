//! The use cases of calls: execute a command of a connector, test a connector.

use serde_json::{Map, Value};

use super::idempotency::{IdempotentOutcome, KeyedCall, execute_keyed};
use super::path::{self, Request};
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::input::Form;
use crate::services::Services;

/// What a caller asks of a connector.
#[derive(Default)]
pub struct CallInput {
    /// The command; the type's default one where absent.
    pub command: Option<String>,
    /// Its params.
    pub params: Map<String, Value>,
    /// The run's variables.
    pub variables: Map<String, Value>,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// Deadline in milliseconds, 1 to 300000.
    pub timeout_ms: Option<u64>,
    /// Answers with this mock scenario instead of calling.
    pub mock_scenario: Option<String>,
    /// Runs the call once, and answers its repetitions with the same.
    pub key: Option<KeyedCall>,
}

/// The keys that the input may have.
const KEYS: &[&str] = &["command", "params", "variables", "stepId", "runId", "timeoutMs", "mockScenario"];

impl CallInput {
    /// Reads the input; the key comes by the door's own way.
    ///
    /// # Errors
    /// Invalid with every mistake.
    pub fn read(mut form: Form) -> Result<Self, Error> {
        let input = Self {
            command: form.short_text("command"),
            params: form.object("params").unwrap_or_default(),
            variables: form.object("variables").unwrap_or_default(),
            step_id: form.short_text("stepId"),
            run_id: form.short_text("runId"),
            timeout_ms: form.number("timeoutMs", 1..=connector_runtime::dispatch::MAX_TIMEOUT_MS),
            mock_scenario: form.text("mockScenario"),
            key: None,
        };
        if input.params.contains_key("command") {
            form.mistake("params/command", "reserved: name the command at the top of the body");
        }
        form.finish(KEYS)?;
        Ok(input)
    }

    fn into_request(self, ctx: &OpContext) -> (Request, Option<KeyedCall>) {
        let request = Request {
            command: self.command,
            params: self.params,
            variables: self.variables,
            step_id: self.step_id,
            run_id: self.run_id,
            timeout_ms: self.timeout_ms,
            mock_scenario: self.mock_scenario,
            idempotency_key: self.key.as_ref().map(|keyed| keyed.key.clone()),
            ctx: ctx.clone(),
        };
        (request, self.key)
    }
}

/// Params and variables may hold secrets, so only their names are shown.
impl std::fmt::Debug for CallInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallInput")
            .field("command", &self.command)
            .field("params", &self.params.keys().collect::<Vec<_>>())
            .field("variables", &self.variables.keys().collect::<Vec<_>>())
            .field("mock_scenario", &self.mock_scenario)
            .finish_non_exhaustive()
    }
}

/// Executes a command of a connector. The call runs to its end even if the caller goes away, and its row is committed
/// before this returns.
///
/// # Errors
/// Denied; not found; unavailable where too many calls are at work or the row cannot be written; for a call under a
/// key also a conflict while the first one is at work, and invalid where it was used for another call.
pub async fn call(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    input: CallInput,
) -> Result<IdempotentOutcome, Error> {
    ctx.authorize(Scope::ConnectorsExecute)?;
    let instance = services.instances.get(connector).await?;
    let worker = services.clone();
    let (request, key) = input.into_request(ctx);
    let token_id = ctx.token_id().unwrap_or_default();
    let work = async move {
        match key {
            None => Ok(IdempotentOutcome::Ran(path::execute(&worker, &instance, request).await?)),
            Some(key) => Ok(execute_keyed(&worker, &instance, token_id, key, request).await?),
        }
    };
    services.run_to_completion(work).await
}

/// Tests a connector: runs its command `test`. Of an external connector without that command, asks its service's
/// `/health`.
///
/// # Errors
/// As [`call`]; invalid where the input names a command.
pub async fn test(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    mut input: CallInput,
) -> Result<IdempotentOutcome, Error> {
    ctx.authorize(Scope::ConnectorsExecute)?;
    if input.command.is_some() {
        return Err(Error::invalid_at("/command", "a test runs the command `test`; use /execute for another one"));
    }
    let instance = services.instances.get(connector).await?;
    input.command = Some("test".to_owned());
    let has_none = instance.refusal.is_none() && !instance.schema.commands.contains_key("test");
    let worker = services.clone();
    if has_none && instance.service().is_some() {
        let (request, _) = input.into_request(ctx);
        let work = async move { Ok(path::check_health(&worker, &instance, request).await?) };
        return services.run_to_completion(work).await.map(IdempotentOutcome::Ran);
    }
    // A connector without a schema is an agent's, and may have the command.
    if has_none && !instance.schema.open {
        let reason = format!("Connector type {} has no test command", instance.type_name);
        let (request, _) = input.into_request(ctx);
        let work = async move { Ok(path::refuse(&worker, &instance, request, &reason).await?) };
        return services.run_to_completion(work).await.map(IdempotentOutcome::Ran);
    }
    call(ctx, services, connector, input).await
}
