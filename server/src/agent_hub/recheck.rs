//! Tokens that another process revokes: the command line, a replica. Whoever is connected on one is asked for
//! again as often as a caller of the API would be.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use crate::auth::AuthError;
use crate::services::{Services, WeakServices};

/// Time between two rounds.
const ROUND: Duration = Duration::from_secs(4);

/// Does the rounds until the server closes.
pub(crate) async fn run(services: WeakServices, closing: CancellationToken) {
    let mut ticks = interval_at(Instant::now() + ROUND, ROUND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let Some(services) = services.upgrade() else { return };
        round(&services).await;
    }
}

/// Asks the database for every token that an agent is connected on.
pub(crate) async fn round(services: &Services) {
    for token in services.agents.tokens() {
        match services.auth.recheck(token).await {
            Ok(()) | Err(AuthError::Unknown) => {}
            Err(error) => {
                tracing::warn!(%error, "tokens of connected agents could not be looked at; they stay connected");
                return;
            }
        }
    }
}
