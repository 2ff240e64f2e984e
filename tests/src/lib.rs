//! What the end-to-end tests share: the real binary, a client that can misbehave, and an upstream that can.
//!
//! Everything listens on loopback and on a free port, and everything is gone when its value is dropped.
//! Nothing sleeps to wait for something: [`eventually`] asks again and gives up after a bound.
#![allow(clippy::unwrap_used, reason = "test support: what goes wrong here fails the test")]

pub mod agent;
pub mod client;
pub mod floh;
mod process;
pub mod service;
pub mod upstream;

use std::future::Future;
use std::time::{Duration, Instant};

pub use agent::{Agent, Site};
pub use client::{Answer, Client, Connection};
pub use floh::{Floh, Setup};
pub use process::Exit;
pub use service::Service;
pub use upstream::{Gate, Received, Reply, Upstream};

/// How long anything may take before a test gives up. Far more than it takes on a busy machine.
pub const BOUND: Duration = Duration::from_secs(60);

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
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for a future.
///
/// # Panics
/// When it is not done after [`BOUND`].
pub async fn within_bound<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future).await.unwrap_or_else(|_| panic!("gave up waiting for {what}"))
}

/// Says that a test does not run here, and why.
///
/// # Panics
/// When the run demands that every test does (`FLOH_TEST_REQUIRE=all`).
#[expect(clippy::disallowed_methods, reason = "what the test run asks for, not a setting of the server")]
pub fn skipped(why: &str) {
    let required = std::env::var("FLOH_TEST_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "FLOH_TEST_REQUIRE=all, but {why}");
    eprintln!("skipped: {why}");
}
