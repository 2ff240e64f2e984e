//! What is to be done now and then while the server runs: times of last use are written down, kept
//! answers that are past their day are dropped. A failure waits for the next round.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::services::{Services, WeakServices};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(60);
/// Kept answers are looked through in every so many rounds: once an hour.
const PURGE_EVERY: u64 = 60;

/// Does the rounds until the server closes.
pub(crate) async fn run(services: WeakServices, closing: CancellationToken) {
    let mut ticks = interval_at(Instant::now() + ROUND, ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1.. {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Some(services) = services.upgrade() else { return };
        round(&services, number).await;
    }
}

/// Does one round.
pub(crate) async fn round(services: &Services, number: u64) {
    if let Err(error) = services.auth.flush_last_used().await {
        tracing::warn!(%error, "when tokens were last used could not be written");
    }
    if number.is_multiple_of(PURGE_EVERY) {
        match services.store.idempotency().purge_expired().await {
            Ok(purged) => tracing::debug!(purged, "kept answers past their day dropped"),
            Err(error) => tracing::warn!(%error, "kept answers past their day could not be dropped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::store::{Claim, IdempotencyKey, new_id, now};
    use crate::testing::TestServer;

    #[tokio::test]
    async fn a_round_writes_what_is_in_memory_and_every_hour_drops_what_is_old() {
        let server = TestServer::start().await;
        let identity = server.app.auth.authenticate(&server.admin).await.unwrap();
        let last_used = async || server.app.store.tokens().find(identity.token_id).await.unwrap().unwrap().last_used_at;
        assert_eq!(last_used().await, None);
        let key = IdempotencyKey { token_id: new_id(), connector_id: new_id(), key: "k".to_owned() };
        let past = now() - SignedDuration::from_hours(25);
        let idempotency = server.app.store.idempotency();
        let claim = idempotency.claim(&key, "hash", new_id(), past, past + Duration::from_secs(1)).await.unwrap();
        assert_eq!(claim, Claim::New);
        round(server.app.services(), 1).await;
        assert!(last_used().await.is_some());
        assert_eq!(idempotency.in_flight().await.unwrap().len(), 1);
        round(server.app.services(), PURGE_EVERY).await;
        assert_eq!(idempotency.in_flight().await.unwrap().len(), 0);
    }

    #[tokio::test]
    async fn it_ends_with_the_server() {
        let server = TestServer::start().await;
        // Waits for the task: a task that went on would never let this return.
        server.app.close().await;
        let ended = tokio::time::timeout(
            Duration::from_secs(10),
            run(WeakServices::default(), {
                let closing = CancellationToken::new();
                closing.cancel();
                closing
            }),
        );
        assert!(ended.await.is_ok());
    }
}
