//! `Idempotency-Key` of a start: the run is accepted once, and the same key again gets the same answer for a day.

use floh_client::answers::StartedRun;
use uuid::Uuid;

use crate::error::Error;
use crate::execute::KeyedCall;
use crate::services::Services;
use crate::store::{Claim, IdempotencyKey, KEPT_FOR, now};
use crate::vault::Place;

/// What a key comes to.
#[derive(Debug)]
pub(super) enum Keyed {
    /// It is new and held for the run.
    Held(IdempotencyKey),
    /// It was used for this run.
    Replayed(StartedRun),
}

/// Holds a key for a run.
///
/// # Errors
/// Conflict while another start with the key is at work, or if its answer is not kept any more; invalid if it was used for
/// another body; unavailable if too many keys are kept; database errors.
pub(super) async fn hold(services: &Services, token_id: Uuid, keyed: &KeyedCall, run: Uuid) -> Result<Keyed, Error> {
    // Keys of calls are kept by connector; those of runs belong to none.
    let key = IdempotencyKey { token_id, connector_id: Uuid::nil(), key: keyed.key.clone() };
    let asked = now();
    let expires = asked + KEPT_FOR;
    match services.store.idempotency().claim(&key, keyed.fingerprint.as_str(), run, asked, expires).await? {
        Claim::New => Ok(Keyed::Held(key)),
        Claim::InFlight { .. } => Err(Error::conflict(
            "in_flight",
            "a start with this Idempotency-Key is still at work; ask again when it has been answered",
        )),
        Claim::Mismatch => Err(Error::invalid_at(
            "Idempotency-Key",
            "this Idempotency-Key was used for another body; use a new key for a new run",
        )),
        Claim::Gone { execution_id } => Err(Error::conflict(
            "answer_gone",
            format!(
                "this run was started as {execution_id}; its answer is not kept any more; read GET /api/runs/{execution_id}"
            ),
        )),
        Claim::Full => Err(Error::unavailable(
            "as many Idempotency-Keys are kept as --key-rows allows, so a new one is refused: no run was started; each key is kept for \
             24 h; start without a key, wait, or raise --key-rows",
        )),
        Claim::Replay { answer, .. } => {
            let row = row_id(&key);
            let text = services.vault.open(&place(&row), &answer).map_err(Error::internal)?;
            Ok(Keyed::Replayed(serde_json::from_slice(&text).map_err(Error::internal)?))
        }
    }
}

/// Gives a key up whose run was not accepted.
///
/// # Errors
/// Database errors.
pub(super) async fn release(services: &Services, key: &IdempotencyKey, run: Uuid) -> Result<(), Error> {
    services.store.idempotency().release(key, run).await?;
    Ok(())
}

/// Seals the answer that a key gets from now on.
///
/// # Errors
/// Internal.
pub(super) fn seal(services: &Services, key: &IdempotencyKey, answer: &StartedRun) -> Result<String, Error> {
    let text = serde_json::to_vec(answer).map_err(Error::internal)?;
    let row = row_id(key);
    services.vault.seal(&place(&row), &text).map_err(Error::internal)
}

fn row_id(key: &IdempotencyKey) -> String {
    format!("{}:{}:{}", key.token_id, key.connector_id, key.key)
}

fn place(row: &str) -> Place<'_> {
    Place { table: "idempotency", row, field: "answer" }
}
