//! A result that comes after its call has ended without one: the call timed out, its agent was lost for a while, or its server
//! died. The execution gets the true result then, and so does its idempotency key.
//!
//! It is recorded like any other, with two exceptions. What the call alone knew, the secrets in its params and those of its
//! run, is not known any more, so of such a call nothing is recorded that could hold them. And nothing else follows: a run that
//! went on, or did not, stays as it is.

use std::sync::Arc;
use std::time::Duration;

use connector_runtime::dispatch::FinishedCall;
use connector_runtime::external::read_result;
use connector_runtime::outcome::BoxFuture;
use connector_runtime::redact::Redactor;
use connector_runtime::result::Reply;
use connector_runtime::schema::Effect;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::idempotency::{Answer, open, seal};
use super::path::record_limit;
use super::record::{self, holds_secret};
use crate::agent_hub::{LateResult, LateResults, Settled};
use crate::error::ErrorKind;
use crate::events::Event;
use crate::instances::Instance;
use crate::services::{Services, WeakServices};
use crate::store::{ExecutionRow, ExecutionStatus, LateAnswer, StoreError, now};

/// How long building the search for secrets may take; what is not searched by then is not recorded in the clear.
const SEARCH_TIME: Duration = Duration::from_secs(10);

const ENDED: &str = "its execution has ended with another result";

#[derive(Debug)]
struct Writer(WeakServices);

/// Returns what writes late results. It does not keep the services alive.
pub fn late_results(services: &Services) -> Arc<dyn LateResults> {
    Arc::new(Writer(services.downgrade()))
}

impl LateResults for Writer {
    fn settle<'a>(&'a self, late: &'a LateResult) -> BoxFuture<'a, Settled> {
        Box::pin(async move {
            let Some(services) = self.0.upgrade() else {
                return Settled::Unavailable("the server is stopping".to_owned());
            };
            settle(&services, late).await.unwrap_or_else(|error| Settled::Unavailable(error.to_string()))
        })
    }
}

/// Writes a result to its execution, if that has no true one.
async fn settle(services: &Services, late: &LateResult) -> Result<Settled, StoreError> {
    let executions = services.store.executions();
    let Some(before) = executions.find_any(&late.candidates).await? else {
        return Ok(Settled::Dropped("nobody waits for it, and no execution of its id is recorded"));
    };
    if late.connectors.binary_search(&before.connector).is_err() {
        return Ok(Settled::Dropped("its execution is of a connector that this agent does not serve"));
    }
    match before.status {
        ExecutionStatus::Accepted | ExecutionStatus::Started if !services.agents.is_unrecorded(before.id) => {
            return Ok(Settled::Unfinished);
        }
        ExecutionStatus::Accepted | ExecutionStatus::Started => {}
        ExecutionStatus::Unknown | ExecutionStatus::Failed if !before.mocked => {}
        _ => return Ok(Settled::Dropped(ENDED)),
    }
    let instance = match services.instances.get(&before.connector_id.to_string(), false).await {
        Ok(instance) => Some(instance),
        Err(error) if matches!(error.kind(), ErrorKind::Unavailable(_)) => {
            return Ok(Settled::Unavailable(error.to_string()));
        }
        // It is deleted, or cannot be decrypted.
        Err(_) => None,
    };
    let instance = instance.as_deref();
    if !is_open(&before, instance) {
        return Ok(Settled::Dropped(ENDED));
    }
    let redactor = instance.map_or_else(|| Arc::new(Redactor::new([])), |instance| Arc::clone(&instance.redactor));
    redactor.build(Instant::now() + SEARCH_TIME).await;
    let sender = format!("agent {}", late.agent_id);
    let Ok(mut reply) = read_result(late.result.clone(), &sender, &redactor) else {
        return Ok(Settled::Dropped("it is not a result, so that the outcome of its execution stays unknown"));
    };
    if says_unknown(&reply) {
        return Ok(Settled::Dropped("its agent does not know the outcome either"));
    }
    if let Some(error) = &mut reply.error {
        *error = redactor.text(error).into_owned();
    }
    if let Some(diagnostics) = &mut reply.diagnostics {
        redactor.value(diagnostics);
    }
    let (recorded, answered) = match left_out_because(&before, instance) {
        None => (reply.clone(), reply),
        Some(why) => without_values(reply, why),
    };
    let after = ended(services, &before, recorded, redactor);
    let answer = answer(services, &before, &answered).await?;
    if !executions.settle_late(&before, &after, answer.as_ref()).await? {
        // Somebody else has written it meanwhile; what is there now decides.
        return Ok(Settled::Unfinished);
    }
    tracing::info!(
        execution_id = %before.id,
        connector = before.connector,
        command = before.command,
        agent = late.agent_id,
        before = before.status.as_str(),
        status = after.status.as_str(),
        key = answer.is_some(),
        "an execution whose outcome was unknown has its result now"
    );
    if services.events.is_watched() {
        services.events.send(Event::ExecutionFinished(Box::new(after.summary())));
    }
    Ok(Settled::Written)
}

/// Returns whether the outcome of an execution is unknown.
fn is_open(row: &ExecutionRow, instance: Option<&Instance>) -> bool {
    match (row.status, &row.result) {
        (ExecutionStatus::Accepted | ExecutionStatus::Started | ExecutionStatus::Unknown, _) => true,
        (ExecutionStatus::Failed, Some(result)) => {
            serde_json::from_str(result).is_ok_and(|result: Value| is_unknown(result.pointer("/diagnostics/outcome")))
        }
        // The connector records no results. A call that left, and failed for certain, has failed in what comes late too; only
        // one that reads fails for certain while its agent works on.
        (ExecutionStatus::Failed, None) => {
            let command = row.command.as_deref().zip(instance).and_then(|(name, own)| own.schema.command(name));
            command.is_some_and(|command| command.effect != Some(Effect::Read))
        }
        (ExecutionStatus::Succeeded, _) => false,
    }
}

fn is_unknown(outcome: Option<&Value>) -> bool {
    outcome.and_then(Value::as_str) == Some("unknown")
}

fn says_unknown(reply: &Reply) -> bool {
    !reply.success && is_unknown(reply.diagnostics.as_ref().and_then(|diagnostics| diagnostics.get("outcome")))
}

/// Returns why the values of a result are not recorded, if they may hold secrets that are not known any more.
fn left_out_because(row: &ExecutionRow, instance: Option<&Instance>) -> Option<&'static str> {
    let Some(instance) = instance else {
        return Some("its connector is not there any more, whose secrets it may hold");
    };
    if row.run_id.is_some() {
        return Some("it may hold secrets of its run, which are known only while a step is at work");
    }
    if row.type_version != *instance.type_version {
        return Some("the type of its connector has another version now, so that its secret params are not known");
    }
    match row.command.as_deref().and_then(|name| instance.schema.command(name)) {
        Some(command) if !holds_secret(&command.params) => None,
        Some(_) => Some("it may hold secret params, which are known only while a call is at work"),
        None => Some("its command is not known any more, which may have had secret params"),
    }
}

/// Returns what is recorded of a result whose values may hold secrets, and what answers the caller's key: payload and variables
/// go to the caller as they would have in time.
fn without_values(reply: Reply, why: &str) -> (Reply, Reply) {
    let left_out = format!(
        "the result came after its call had ended: payload, variables, error and diagnostics are not recorded, because {why}"
    );
    let recorded = Reply {
        success: reply.success,
        error: (!reply.success).then(|| "The command failed; its error came too late to be recorded".to_owned()),
        diagnostics: Some(Box::new(json!({ "leftOut": left_out }))),
        ..Reply::default()
    };
    let Reply { success, payload, variables, .. } = reply;
    let kept = if success { Reply::default() } else { recorded.clone() };
    (recorded, Reply { success, payload, variables, ..kept })
}

/// Returns the row with its true end. The time that the call took is the caller's, where the caller was answered.
fn ended(services: &Services, before: &ExecutionRow, reply: Reply, redactor: Arc<Redactor>) -> ExecutionRow {
    let done = FinishedCall {
        command: before.command.clone(),
        reply,
        mocked: false,
        unavailable: false,
        deprecated: before.deprecated.then_some(None),
        params: Map::new(),
        logs: Vec::new(),
        redactor,
        took: Duration::try_from(now().duration_since(before.started_at)).unwrap_or_default(),
    };
    let after = record::ended(before.clone(), &done, record_limit(services, before.source));
    ExecutionRow { logs: before.logs.clone(), duration_ms: before.duration_ms.or(after.duration_ms), ..after }
}

/// Returns the answer for the key of an execution, if it has one that does not have a true answer.
async fn answer(services: &Services, row: &ExecutionRow, reply: &Reply) -> Result<Option<LateAnswer>, StoreError> {
    let Some(token) = row.actor.as_ref().and_then(|actor| actor.token_id) else { return Ok(None) };
    let Some(held) = services.store.idempotency().held_by(token, row.connector_id, row.id).await? else {
        return Ok(None);
    };
    let is_replaced = match held.answer.as_deref() {
        None => true,
        Some("") => false,
        Some(_) if held.is_settled => true,
        Some(sealed) => open(services, &held.key, sealed).is_ok_and(|kept| {
            let result = serde_json::from_str::<Value>(kept.result.get());
            result.is_ok_and(|result| is_unknown(result.pointer("/diagnostics/outcome")))
        }),
    };
    if !is_replaced {
        return Ok(None);
    }
    let sealed = serde_json::value::to_raw_value(reply).map_err(|error| error.to_string()).and_then(|result| {
        let answer = Answer { execution_id: row.id, deprecated: row.deprecated, result };
        seal(services, &held.key, &answer)
    });
    match sealed {
        Ok(answer) => Ok(Some(LateAnswer { held, answer })),
        Err(error) => {
            tracing::error!(execution_id = %row.id, error, "the answer of a key could not be sealed");
            Ok(None)
        }
    }
}
