//! What is to be done now and then while the server runs: times of last use are written down, kept
//! answers that are past their day are dropped. A failure waits for the next round.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::app::Parts;

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(60);
/// Kept answers are looked through in every so many rounds: once an hour.
const PURGE_EVERY: u64 = 60;

/// Does the rounds until the server closes.
pub(crate) async fn keep(parts: Weak<Parts>, closing: CancellationToken) {
    let mut ticks = interval_at(Instant::now() + ROUND, ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1.. {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Some(parts) = parts.upgrade() else { return };
        round(&parts, number).await;
    }
}

/// Does one round.
pub(crate) async fn round(parts: &Parts, number: u64) {
    if let Err(error) = parts.auth.flush_last_used().await {
        tracing::warn!(%error, "when tokens were last used could not be written");
    }
    if number.is_multiple_of(PURGE_EVERY) {
        match parts.store.idempotency().purge_expired().await {
            Ok(purged) => tracing::debug!(purged, "kept answers past their day dropped"),
            Err(error) => tracing::warn!(%error, "kept answers past their day could not be dropped"),
        }
    }
}
