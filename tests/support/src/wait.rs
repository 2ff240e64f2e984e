//! Waiting with a bound: a test that waits for something fails with its name instead of hanging.

use std::future::{Future, ready};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up. Far more than it takes on a busy machine.
pub const BOUND: Duration = Duration::from_secs(60);
/// How long it is until the next question.
const PAUSE: Duration = Duration::from_millis(5);

/// Asks until there is an answer.
///
/// # Panics
/// When there is none after [`BOUND`]; `what` says what was waited for.
pub async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < BOUND, "gave up waiting for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Asks until something holds.
///
/// # Panics
/// When it does not after [`BOUND`]; `what` says what was waited for.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || ready(holds().then_some(()))).await;
}

/// Waits for a future.
///
/// # Panics
/// When it is not done after [`BOUND`].
pub async fn within_bound<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.unwrap_or_else(|_| panic!("gave up waiting for {what}"))
}
