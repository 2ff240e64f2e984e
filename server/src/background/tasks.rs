//! The recurring work of a server, except for its lease.

use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::SignedDuration;

use super::Background;
use super::driver::Outcome;
use crate::auth::AuthError;
use crate::services::{Services, WeakServices};
use crate::store::{self, CHECKPOINT_LOOK, MAX_AUDIT_ENTRIES};
use crate::vault::follow_key_file;

/// Stores when tokens were last used.
pub const LAST_USED: &str = "last use of tokens";
/// Deletes the answers of expired idempotency keys.
pub const EXPIRED_ANSWERS: &str = "expired answers";
/// Rechecks the tokens of connected agents.
pub const AGENT_TOKENS: &str = "tokens of agents";

/// Writes to the audit trail which agents came and went.
pub const AGENT_TRAIL: &str = "trail of agents";
/// Removes entries of the audit trail that are too old or too many.
pub const AUDIT_RETENTION: &str = "retention of the audit trail";

/// Takes up new master keys of the key file.
pub const MASTER_KEYS: &str = "master keys";
/// Folds SQLite's write-ahead log into the file.
pub const CHECKPOINTS: &str = "checkpoints";

/// How often the key file is looked at. A rotation waits for it.
const KEYS_LOOK: Duration = Duration::from_secs(1);

/// Starts all tasks. They end by themselves when the services are dropped. `audit_days` is how many days the audit trail
/// is kept.
pub(crate) fn spawn_tasks(background: &Background, services: &WeakServices, audit_days: u16) {
    let minute = Duration::from_secs(60);
    background.spawn(LAST_USED, minute, work(services.clone(), write_last_used));
    background.spawn(EXPIRED_ANSWERS, 60 * minute, work(services.clone(), drop_expired_answers));
    background.spawn(AGENT_TRAIL, Duration::from_secs(2), work(services.clone(), write_agent_trail));
    background.spawn(MASTER_KEYS, KEYS_LOOK, work(services.clone(), follow_keys));
    background.spawn(CHECKPOINTS, CHECKPOINT_LOOK, work(services.clone(), checkpoint));
    let keep = move |services| drop_old_entries(services, audit_days);
    background.spawn(AUDIT_RETENTION, 10 * minute, work(services.clone(), keep));
    // As often as the token of an API caller would be checked again.
    background.spawn(AGENT_TOKENS, Duration::from_secs(4), work(services.clone(), recheck_agent_tokens));
}

fn work<F>(
    services: WeakServices,
    work: impl Fn(Services) -> F + Send + Sync,
) -> impl Fn() -> Option<BoxFuture<'static, Outcome>> + Send + Sync
where
    F: Future<Output = Outcome> + Send + 'static,
{
    move || Some(Box::pin(work(services.upgrade()?)))
}

async fn write_last_used(services: Services) -> Outcome {
    services.auth.flush_refusals();
    let written = services.auth.flush_last_used().await;
    written.map_err(|error| format!("when tokens were last used could not be written: {error}"))
}

async fn drop_expired_answers(services: Services) -> Outcome {
    let purged = services.store.idempotency().purge_expired().await;
    let purged = purged.map_err(|error| format!("kept answers past their day could not be dropped: {error}"))?;
    tracing::debug!(purged, "kept answers past their day dropped");
    Ok(())
}

async fn write_agent_trail(services: Services) -> Outcome {
    let written = services.agents.flush_trail(&services.store).await;
    written.map_err(|error| format!("which agents came and went could not be written: {error}"))
}

async fn drop_old_entries(services: Services, audit_days: u16) -> Outcome {
    let since = store::now() - SignedDuration::from_hours(24 * i64::from(audit_days));
    let purged = services.store.audit().purge(since, MAX_AUDIT_ENTRIES).await;
    let (aged, excess) = purged.map_err(|error| format!("old entries of the audit trail could not go: {error}"))?;
    if excess > 0 {
        tracing::warn!(
            excess,
            max = MAX_AUDIT_ENTRIES,
            "the audit trail has more entries than it keeps; the oldest were removed, although they were not too old"
        );
    }
    tracing::debug!(aged, "entries of the audit trail past their days dropped");
    Ok(())
}

/// A rotation has written the key file. It waits until every server says that it seals under the new key.
async fn follow_keys(services: Services) -> Outcome {
    let followed = follow_key_file(&services.store, &services.vault).await;
    let followed =
        followed.map_err(|error| format!("the key file cannot be followed, the loaded keys stay: {error}"))?;
    let primary = services.vault.primary_id();
    if followed {
        tracing::info!(event = "master_keys_changed", primary, "the key file has other keys; they are loaded");
    }
    let told = services.store.replicas().tell_sealing_key(&primary).await;
    told.map_err(|error| format!("the key that seals could not be told: {error}"))
}

async fn checkpoint(services: Services) -> Outcome {
    let folded = services.store.checkpoint_if_due().await;
    folded.map(drop).map_err(|error| format!("the write-ahead log could not be folded into the database: {error}"))
}

/// Another process, such as the command line or a replica, may have revoked a token. Its open connections are closed.
async fn recheck_agent_tokens(services: Services) -> Outcome {
    for token in services.agents.tokens() {
        match services.auth.recheck(token).await {
            Ok(()) | Err(AuthError::Unknown) => {}
            Err(error) => {
                return Err(format!("tokens of connected agents could not be looked at; they stay connected: {error}"));
            }
        }
    }
    Ok(())
}
