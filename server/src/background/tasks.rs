//! The recurring work of a server, except for its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Background;
use super::driver::Outcome;
use super::retention::{self, Keeper, Retention};
use super::retention_watch::RetentionWatch;
use crate::auth::AuthError;
use crate::drafts::purge_drafts;
use crate::services::{Services, WeakServices};
use crate::store::{self, CHECKPOINT_LOOK, Pace};
use crate::vault::follow_key_file;

/// Stores when tokens were last used.
pub const LAST_USED: &str = "last use of tokens";
/// Stores when sessions were last used, and removes sessions that have ended and drafts that are too old.
pub const SESSIONS: &str = "sessions and drafts";
/// Rechecks the tokens of connected agents.
pub const AGENT_TOKENS: &str = "tokens of agents";

/// Writes to the audit trail which agents came and went.
pub const AGENT_TRAIL: &str = "trail of agents";
/// Removes executions, answers and entries of the audit trail that are too old or too many.
pub const RETENTION: &str = "retention";

/// Takes up new master keys of the key file.
pub const MASTER_KEYS: &str = "master keys";
/// Removes what was stored of calls that were refused because the database was away, and writes how calls ended that it did not
/// take.
pub const DOUBTS: &str = "calls while the database was away";
/// Keeps the admin token of this server's environment.
pub const ENVIRONMENT_TOKEN: &str = "token of the environment";
/// Folds SQLite's write-ahead log into the file.
pub const CHECKPOINTS: &str = "checkpoints";

/// Counts executions by connector and hour that earlier releases did not count.
pub const HOURS: &str = "hours of executions";

/// How often the key file is looked at. A rotation waits for it.
const KEYS_LOOK: Duration = Duration::from_secs(1);

/// How often these calls are looked at: whoever repeats a call with its key a moment after the database is back gets
/// an answer.
const DOUBTS_LOOK: Duration = Duration::from_millis(250);

/// How often the token of the environment is looked after: a server that was stalled for long has it back then.
const ENVIRONMENT_LOOK: Duration = Duration::from_secs(10);

/// How long a run counts executions of earlier releases.
const MAX_COUNT: Duration = Duration::from_secs(5);

/// Starts all tasks. They end by themselves when the services are dropped. Returns what tells what retention does.
pub(crate) fn spawn_tasks(background: &Background, services: &WeakServices, retention: Retention) -> RetentionWatch {
    let minute = Duration::from_secs(60);
    background.spawn(LAST_USED, minute, work(services.clone(), write_last_used));
    background.spawn(SESSIONS, minute, work(services.clone(), tend_sessions));
    background.spawn(AGENT_TRAIL, Duration::from_secs(2), work(services.clone(), write_agent_trail));
    background.spawn(MASTER_KEYS, KEYS_LOOK, work(services.clone(), follow_keys));
    background.spawn(DOUBTS, DOUBTS_LOOK, work(services.clone(), settle_doubts));
    background.spawn(ENVIRONMENT_TOKEN, ENVIRONMENT_LOOK, work(services.clone(), tend_environment));
    background.spawn(CHECKPOINTS, CHECKPOINT_LOOK, work(services.clone(), checkpoint));
    let watch = RetentionWatch::new(retention);
    let keeper = Arc::new(Keeper::new(retention, watch.clone(), background.closing()));
    let keep = move |services| Arc::clone(&keeper).run(services);
    background.spawn(RETENTION, retention::PERIOD, work(services.clone(), keep));
    let (counted, closing) = (Arc::<AtomicBool>::default(), background.closing());
    let count = move |services| count_hours(services, retention, Arc::clone(&counted), closing.clone());
    background.spawn(HOURS, retention::PERIOD, work(services.clone(), count));
    // As often as the token of an API caller would be checked again.
    background.spawn(AGENT_TOKENS, Duration::from_secs(4), work(services.clone(), recheck_agent_tokens));
    watch
}

pub(super) fn work<F>(
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

async fn tend_sessions(services: Services) -> Outcome {
    let tended = services.auth.tend_sessions().await;
    let purged = purge_drafts(&services).await;
    tended.map_err(|error| format!("sessions of the web pages could not be tended: {error}"))?;
    let drafts = purged.map_err(|error| format!("old drafts of the web pages could not be removed: {error}"))?;
    tracing::debug!(drafts, "old drafts were removed");
    Ok(())
}

async fn write_agent_trail(services: Services) -> Outcome {
    let written = services.agents.flush_trail(&services.store).await;
    written.map_err(|error| format!("which agents came and went could not be written: {error}"))
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

async fn settle_doubts(services: Services) -> Outcome {
    let settled = services.store.settle_doubts().await;
    let settled = settled.map_err(|error| format!("starts in doubt could not be settled: {error}"))?;
    if settled > 0 {
        tracing::debug!(settled, "what was stored of calls that were not begun is removed");
    }
    if services.store.is_away() {
        return Ok(());
    }
    let written = services.recorder.write_postponed().await;
    let written = written.map_err(|error| format!("how calls ended could not be written: {error}"))?;
    if written > 0 {
        tracing::info!(written, "how calls ended while the database was away is recorded now");
    }
    Ok(())
}

async fn tend_environment(services: Services) -> Outcome {
    let tended = services.auth.tend_environment().await;
    tended.map_err(|error| format!("the token of the environment could not be looked after: {error}"))
}

async fn checkpoint(services: Services) -> Outcome {
    let folded = services.store.checkpoint_if_due().await;
    folded.map(drop).map_err(|error| format!("the write-ahead log could not be folded into the database: {error}"))
}

/// Counts what earlier releases did not, until that is done; then it does nothing.
async fn count_hours(
    services: Services,
    retention: Retention,
    is_done: Arc<AtomicBool>,
    stop: CancellationToken,
) -> Outcome {
    if is_done.load(Ordering::Relaxed) {
        return Ok(());
    }
    let now = store::now();
    let mut pace = Pace::new(MAX_COUNT, stop);
    let counted = services.store.hours().backfill(now, retention.oldest_hour(now), &mut pace).await;
    let counted = counted.map_err(|error| format!("executions of earlier releases could not be counted: {error}"))?;
    is_done.store(counted, Ordering::Relaxed);
    Ok(())
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
