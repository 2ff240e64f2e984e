//! `Idempotency-Key`: a call with a key runs once; the same key again gets the same answer for a day.
//!
//! The answer is stored sealed, under token, connector and key, in one transaction with the execution's row, so that a
//! crash leaves either both or neither.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::path::{Finish, RowOnly, Unwritten, run};
use super::record::Ending;
use super::{ExecuteError, Executed, Request};
use crate::error::Error;
use crate::instances::Instance;
use crate::services::Services;
use crate::store::{Claim, ExecutionStatus, IdempotencyKey, KEPT_FOR, StoreError, new_id, now};
use crate::vault::Place;

/// A kept answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Id of the execution.
    pub execution_id: Uuid,
    /// Whether the command is deprecated.
    pub deprecated: bool,
    /// The result, as JSON text.
    pub result: Box<RawValue>,
}

/// The fingerprint that distinguishes calls under one key. Equal inputs have the same fingerprint, whatever their
/// whitespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFingerprint(String);

impl CallFingerprint {
    /// Computes the fingerprint of an input from its JSON text; an empty one counts as `{}`.
    pub fn of_json(text: &[u8]) -> Self {
        let blank = text.iter().all(u8::is_ascii_whitespace);
        let text = if blank { b"{}" } else { text };
        let canonical = serde_json::from_slice::<serde_json::Value>(text).map(|mut value| {
            value.sort_all_objects();
            value.to_string()
        });
        let digest = match canonical {
            Ok(canonical) => Sha256::digest(canonical.as_bytes()),
            Err(_) => Sha256::digest(text),
        };
        Self(const_hex::encode(digest))
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A caller's key for a call, and the call's fingerprint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedCall {
    /// The key: 1 to 255 printable ASCII characters.
    pub key: String,
    /// The fingerprint of the requested call.
    pub fingerprint: CallFingerprint,
}

/// The outcome of a call with a key.
#[derive(Debug)]
pub enum IdempotentOutcome {
    /// It ran.
    Ran(Executed),
    /// It ran before; this is its answer.
    Replayed(Answer),
}

/// Why a call with a key did not run.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A call with the key is running.
    #[error("a call with this Idempotency-Key is still running; ask again when it has finished")]
    InFlight,
    /// The key was used for another body.
    #[error("this Idempotency-Key was used for another body; use a new key for a new call")]
    OtherBody,
    /// The call was executed, and its answer is not kept any more.
    #[error(
        "this call was executed as {0}; its answer is not kept any more, because the answers of all keys were larger than --key-mib \
         allows, so it is neither executed again nor answered; read GET /api/executions/{0}"
    )]
    Gone(Uuid),
    /// As many keys are kept as there may be.
    #[error(
        "as many Idempotency-Keys are kept as --key-rows allows, so a new one is refused: the call was not executed; each key is kept \
         for 24 h; call without a key, wait, or raise --key-rows"
    )]
    Full,
    /// The call itself was refused.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stored answer cannot be read.
    #[error("the kept answer cannot be read: {0}")]
    Damaged(String),
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::InFlight => Self::conflict("in_flight", error.to_string()),
            KeyError::Gone(_) => Self::conflict("answer_gone", error.to_string()),
            KeyError::Full => Self::unavailable(error.to_string()),
            KeyError::OtherBody => Self::invalid_at("Idempotency-Key", error.to_string()),
            KeyError::Execute(error) => error.into(),
            KeyError::Store(error) => error.into(),
            KeyError::Damaged(_) => Self::internal(error),
        }
    }
}

/// Executes a call with a key, once.
///
/// # Errors
/// If a call with the key is running, if the key was used for another body, and if [`super::execute`] fails.
pub(super) async fn execute_keyed(
    services: &Services,
    instance: &Arc<Instance>,
    token_id: Uuid,
    key: KeyedCall,
    request: Request,
) -> Result<IdempotentOutcome, KeyError> {
    let KeyedCall { key, fingerprint } = key;
    let key = IdempotencyKey { token_id, connector_id: instance.id, key };
    let id = new_id();
    let asked = now();
    let expires = asked + KEPT_FOR;
    let claimed = services.store.idempotency().claim(&key, &fingerprint.0, id, asked, expires).await;
    let claimed = claimed.inspect_err(|error| {
        if error.is_unavailable() {
            services.store.doubt(id, Some(key.clone()));
        }
    });
    match claimed? {
        Claim::New => {}
        Claim::InFlight { .. } => return Err(KeyError::InFlight),
        Claim::Mismatch => return Err(KeyError::OtherBody),
        Claim::Gone { execution_id } => return Err(KeyError::Gone(execution_id)),
        Claim::Full => return Err(KeyError::Full),
        Claim::Replay { answer, .. } => return open(services, &key, &answer).map(IdempotentOutcome::Replayed),
    }
    let keep = KeepAnswer { key: key.clone() };
    match run(services, instance, id, request, keep).await {
        Ok(executed) => Ok(IdempotentOutcome::Ran(executed)),
        Err(error) => {
            // Nothing has been sent: the key is free again.
            if matches!(error, ExecuteError::Busy(_) | ExecuteError::NotBegun(_)) {
                let released = services.store.idempotency().release(&key, id).await;
                released.inspect_err(|_| services.store.doubt(id, Some(key)))?;
            }
            Err(error.into())
        }
    }
}

struct KeepAnswer {
    key: IdempotencyKey,
}

impl Finish for KeepAnswer {
    async fn finish(self, services: &Services, ending: Ending, executed: &Executed) -> Result<(), ExecuteError> {
        let failed = |error: &dyn std::fmt::Display| ExecuteError::Record(Unwritten::internal(error));
        if executed.unavailable {
            // Nothing was executed: the row says so, and the key is free for the next attempt.
            RowOnly.finish(services, ending, executed).await?;
            let freed = services.store.idempotency().release(&self.key, executed.id).await;
            let freed = freed.inspect_err(|_| services.store.doubt(executed.id, Some(self.key)));
            freed.map_err(|error| ExecuteError::Record(error.into()))?;
            return Ok(());
        }
        let result = serde_json::value::to_raw_value(&executed.reply).map_err(|error| failed(&error))?;
        let answer = Answer { execution_id: executed.id, deprecated: executed.deprecated.is_some(), result };
        let sealed = seal(services, &self.key, &answer).map_err(|error| failed(&error))?;
        let recorder = &services.recorder;
        let kept = match ending {
            Ending::Row(row) => recorder.finish_with_answer(*row, self.key, sealed).await,
            Ending::Removal(id) => recorder.remove_with_answer(id, self.key, sealed).await,
            Ending::NoRow => recorder.keep_answer(executed.id, self.key, sealed).await,
        };
        kept.map_err(|error| ExecuteError::Record(error.into()))
    }
}

fn row_id(key: &IdempotencyKey) -> String {
    format!("{}:{}:{}", key.token_id, key.connector_id, key.key)
}

pub(super) fn seal(services: &Services, key: &IdempotencyKey, answer: &Answer) -> Result<String, String> {
    let text = serde_json::to_vec(answer).map_err(|error| error.to_string())?;
    let row = row_id(key);
    let place = Place { table: "idempotency", row: &row, field: "answer" };
    services.vault.seal(&place, &text).map_err(|error| error.to_string())
}

pub(super) fn open(services: &Services, key: &IdempotencyKey, sealed: &str) -> Result<Answer, KeyError> {
    let row = row_id(key);
    let place = Place { table: "idempotency", row: &row, field: "answer" };
    let text = services.vault.open(&place, sealed).map_err(|error| KeyError::Damaged(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| KeyError::Damaged(error.to_string()))
}

/// Settles the calls and keys that a dead server left unfinished: the outcome of such a call is unknown, and every
/// repetition with its key gets that answer. If the call had not started, the key is free again. Calls of living
/// servers are left alone.
///
/// # Errors
/// If the store fails.
pub async fn settle_abandoned(services: &Services) -> Result<(), KeyError> {
    let abandoned = services.store.executions().abandon_ownerless().await?;
    if abandoned > 0 {
        tracing::warn!(abandoned, "executions that an earlier process left unfinished are now unknown");
    }
    let idempotency = services.store.idempotency();
    for claim in idempotency.ownerless().await? {
        let row = services.store.executions().get(claim.execution_id).await;
        let begun = match row {
            Ok(row) => match row.status {
                ExecutionStatus::Unknown => Some(row.deprecated),
                // It has started, so the key is never free again; the call's own end or the next start settles it.
                ExecutionStatus::Accepted | ExecutionStatus::Started => continue,
                ExecutionStatus::Succeeded | ExecutionStatus::Failed => None,
            },
            Err(StoreError::NotFound { .. }) => None,
            Err(other) => return Err(other.into()),
        };
        let Some(deprecated) = begun else {
            idempotency.release(&claim.key, claim.execution_id).await?;
            continue;
        };
        let result = serde_json::value::to_raw_value(&serde_json::json!({
            "success": false,
            "error": "The server stopped while this call was at work; whether it took effect is unknown",
            "diagnostics": { "outcome": "unknown" },
        }));
        let result = result.map_err(|error| KeyError::Damaged(error.to_string()))?;
        let answer = Answer { execution_id: claim.execution_id, deprecated, result };
        let sealed = seal(services, &claim.key, &answer).map_err(KeyError::Damaged)?;
        idempotency.settle(&claim.key, claim.execution_id, &sealed).await?;
    }
    Ok(())
}
