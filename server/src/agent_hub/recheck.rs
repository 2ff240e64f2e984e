//! Tokens that another process revokes: the command line, a replica. Whoever is connected on one is asked for
//! again as often as a caller of the API would be.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::app::Parts;
use crate::auth::AuthError;

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(4);

/// Does the rounds until the server closes.
pub(crate) async fn keep(parts: Weak<Parts>, closing: CancellationToken) {
    let mut ticks = interval_at(Instant::now() + ROUND, ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Some(parts) = parts.upgrade() else { return };
        round(&parts).await;
    }
}

/// Asks the database for every token that an agent is connected on.
pub(crate) async fn round(parts: &Parts) {
    for token in parts.agents.tokens() {
        match parts.auth.recheck(token).await {
            Ok(()) | Err(AuthError::Unknown) => {}
            Err(error) => {
                tracing::warn!(%error, "tokens of connected agents could not be looked at; they stay connected");
                return;
            }
        }
    }
}
