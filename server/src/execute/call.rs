//! The use cases of calls: execute a command of a connector, test a connector.

use connector_runtime::schema::long_secrets;
use floh_client::bodies::{Call, Test};
use serde_json::{Map, Value};

use super::idempotency::{IdempotentOutcome, KeyedCall, execute_keyed};
use super::path::{self, Request};
use super::rights::{TEST_COMMAND, authorize_calls, authorize_command};
use crate::auth::OpContext;
use crate::error::{Error, MAX_MISTAKES, Mistake};
use crate::instances::Instance;
use crate::services::Services;

/// Builds the request for a caller's call.
fn request(ctx: &OpContext, call: Call, key: Option<&KeyedCall>) -> Request {
    Request {
        command: call.command,
        params: call.params.unwrap_or_default(),
        variables: call.variables.unwrap_or_default(),
        step_id: call.step_id,
        run_id: call.run_id,
        timeout_ms: call.timeout_ms,
        mock_scenario: call.mock_scenario,
        idempotency_key: key.map(|keyed| keyed.key.clone()),
        secrets: None,
        ctx: ctx.clone(),
    }
}

/// Refuses secret params of more than [`MAX_SECRET_BYTES`](connector_runtime::schema::MAX_SECRET_BYTES) before anything
/// is done with them. Those of an unknown command are judged by the commands that are known.
pub(super) fn check_secret_sizes(
    instance: &Instance,
    command: Option<&str>,
    params: Option<&Map<String, Value>>,
) -> Result<(), Error> {
    let Some(params) = params else { return Ok(()) };
    let schema = &instance.schema;
    let named = command.filter(|name| !name.is_empty()).or(schema.default_command.as_deref());
    let long = match named.and_then(|name| schema.commands.get(name)) {
        Some(command) => long_secrets(&command.params, params),
        None => schema.commands.values().flat_map(|command| long_secrets(&command.params, params)).collect(),
    };
    let mut long = long
        .into_iter()
        .take(MAX_MISTAKES)
        .map(|long| Mistake::new(format!("/params{}", long.pointer), long.message))
        .peekable();
    if long.peek().is_none() { Ok(()) } else { Err(Error::invalid(long.collect())) }
}

/// Executes a command of a connector. With a key it runs once, and repetitions get the same answer. The call runs to
/// completion even if the caller disconnects, and its row is committed before this returns.
///
/// # Errors
/// Denied; not found; invalid if a secret param is too long; unavailable if too many calls are running or the row cannot be written. With a key also: conflict
/// while the first call is running, and invalid if the key was used for another call.
pub async fn execute(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    call: Call,
    key: Option<KeyedCall>,
) -> Result<IdempotentOutcome, Error> {
    authorize_calls(ctx)?;
    let instance = services.instances.get(connector, call.mock_scenario.is_some()).await?;
    ctx.authorize_connector(connector, &instance.name)?;
    authorize_command(ctx, &instance.schema, call.command.as_deref())?;
    check_secret_sizes(&instance, call.command.as_deref(), call.params.as_ref())?;
    let worker = services.clone();
    let request = request(ctx, call, key.as_ref());
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
/// As [`execute`].
pub async fn test(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    test: Test,
) -> Result<IdempotentOutcome, Error> {
    authorize_calls(ctx)?;
    let instance = services.instances.get(connector, test.mock_scenario.is_some()).await?;
    ctx.authorize_connector(connector, &instance.name)?;
    authorize_command(ctx, &instance.schema, Some(TEST_COMMAND))?;
    check_secret_sizes(&instance, Some(TEST_COMMAND), test.params.as_ref())?;
    let call = Call {
        command: Some(TEST_COMMAND.to_owned()),
        params: test.params,
        variables: test.variables,
        step_id: test.step_id,
        run_id: test.run_id,
        timeout_ms: test.timeout_ms,
        mock_scenario: test.mock_scenario,
    };
    let has_none = instance.refusal.is_none() && !instance.schema.commands.contains_key(TEST_COMMAND);
    let worker = services.clone();
    if has_none && instance.service().is_some() {
        let request = request(ctx, call, None);
        let work = async move { Ok(path::check_health(&worker, &instance, request).await?) };
        return services.run_to_completion(work).await.map(IdempotentOutcome::Ran);
    }
    // A connector without a schema is an agent's, and may have the command.
    if has_none && !instance.schema.open {
        let reason = format!("Connector type {} has no test command", instance.type_name);
        let request = request(ctx, call, None);
        let work = async move { Ok(path::refuse(&worker, &instance, request, &reason).await?) };
        return services.run_to_completion(work).await.map(IdempotentOutcome::Ran);
    }
    execute(ctx, services, connector, call, None).await
}
