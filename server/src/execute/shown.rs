//! The result of a call as its record shows it: for a door that must not show more than the record does.

use std::sync::Arc;

use connector_runtime::redact::{Redactor, secret_texts};
use floh_client::bodies::{Call, Test};
use uuid::Uuid;

use super::call::{execute, test};
use super::idempotency::{IdempotentOutcome, KeyedCall};
use super::record;
use crate::auth::OpContext;
use crate::error::Error;
use crate::services::Services;
use crate::store::Recording;

/// A result without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownResult {
    /// The id of the execution.
    pub execution_id: Uuid,
    /// The result as JSON text, redacted, whole.
    pub text: String,
    /// Whether the result is kept with the execution.
    pub is_recorded: bool,
    /// Whether the call ran earlier, under the same key, and this is its answer.
    pub is_replayed: bool,
}

/// Executes a command as [`execute`] does, and returns the result as it is recorded.
///
/// # Errors
/// As those of [`execute`].
pub async fn execute_shown(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    call: Call,
    key: Option<KeyedCall>,
) -> Result<ShownResult, Error> {
    let instance = services.instances.get(connector, call.mock_scenario.is_some()).await;
    // The answer of a key was kept as the caller of that time got it. Only a call with a key can be answered so.
    let kept = key.as_ref().and(instance.as_ref().ok()).map(|instance| {
        let given = call.params.as_ref();
        let params = instance
            .schema
            .commands
            .values()
            .flat_map(|command| given.map(|given| secret_texts(&command.params, given)).unwrap_or_default());
        instance.redactor.with(params).map_or_else(|| Arc::clone(&instance.redactor), Arc::new)
    });
    let is_recorded = instance.is_ok_and(|instance| instance.record == Recording::Full);
    let outcome = execute(ctx, services, connector, call, key).await?;
    Ok(shown(outcome, kept.as_deref(), is_recorded))
}

/// Tests a connector as [`test()`] does, and returns the result as it is recorded.
///
/// # Errors
/// As those of [`test()`].
pub async fn test_shown(
    ctx: &OpContext,
    services: &Services,
    connector: &str,
    body: Test,
) -> Result<ShownResult, Error> {
    let outcome = test(ctx, services, connector, body).await?;
    let instance = services.instances.get(connector, false).await;
    Ok(shown(outcome, None, instance.is_ok_and(|instance| instance.record == Recording::Full)))
}

fn shown(outcome: IdempotentOutcome, kept: Option<&Redactor>, is_recorded: bool) -> ShownResult {
    match outcome {
        IdempotentOutcome::Ran(executed) => ShownResult {
            execution_id: executed.id,
            text: record::shown(executed.reply.to_json(), &executed.redactor),
            is_recorded,
            is_replayed: false,
        },
        IdempotentOutcome::Replayed(answer) => {
            let text = answer.result.get().to_owned();
            ShownResult {
                execution_id: answer.execution_id,
                text: kept.map_or_else(|| "null".to_owned(), |redactor| record::shown(text, redactor)),
                is_recorded,
                is_replayed: true,
            }
        }
    }
}
