//! Works on runs: takes up what is due, as many at once as there are workers.
//!
//! A run that waits, for a time or for its next attempt, holds no worker. What a run has done is in its rows, so that
//! whoever takes it up goes on where the last one stopped.

mod call;
mod pass;
mod recover;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use self::work::work;
use crate::run_queue::RunQueue;
use crate::services::{Services, WeakServices};
use crate::store::StoreError;

/// How often runs are looked for without being told of one: other servers, and the command line, write to the table too.
const LOOK: Duration = Duration::from_secs(1);
/// How often the runs that have not ended are counted.
const COUNT: Duration = Duration::from_secs(10);

/// Starts to work on runs. It ends when the services are dropped, or when the server stops.
pub fn spawn_run_engine(services: &Services) {
    let (weak, queue) = (services.downgrade(), Arc::clone(&services.run_queue));
    let stopping = services.stopping.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = dispatch(weak, queue) => {}
            () = stopping.cancelled() => {}
        }
    });
}

async fn dispatch(services: WeakServices, queue: Arc<RunQueue>) {
    let slots = Arc::new(Semaphore::new(queue.workers()));
    let mut count_at = Instant::now();
    loop {
        let look_at = {
            let Some(services) = services.upgrade() else { return };
            if Instant::now() >= count_at {
                count_at = Instant::now() + COUNT;
                match services.store.runs().unfinished().await {
                    Ok(unfinished) => queue.count(unfinished),
                    Err(error) => tracing::warn!(%error, "the runs that have not ended could not be counted"),
                }
            }
            match take_up(&services, &slots).await {
                Ok(look_at) => look_at,
                Err(error) => {
                    tracing::warn!(%error, "runs that are due could not be read; trying again");
                    Instant::now() + LOOK
                }
            }
        };
        tokio::select! {
            () = queue.woken() => {}
            () = sleep_until(look_at) => {}
        }
    }
}

/// Takes up the runs that are due, as far as there are free workers; returns when to look again.
async fn take_up(services: &Services, slots: &Arc<Semaphore>) -> Result<Instant, StoreError> {
    let (queue, runs) = (&services.run_queue, services.store.runs());
    for id in runs.cancelling(&queue.held()).await? {
        queue.cut(id);
    }
    loop {
        let free = slots.available_permits();
        if free == 0 {
            // The end of a run wakes.
            return Ok(Instant::now() + LOOK);
        }
        // What is held may still be due in the table.
        let due = runs.due(free + queue.held().len()).await?;
        let mut taken = 0;
        for run in due {
            let Ok(slot) = Arc::clone(slots).try_acquire_owned() else { break };
            let Some(held) = queue.hold(run.id) else { continue };
            taken += 1;
            let services = services.clone();
            let calls = services.calls.clone();
            calls.spawn(async move {
                work(&services, run, &held).await;
                drop((held, slot));
                services.run_queue.wake();
            });
        }
        if taken == 0 {
            let next = runs.next_due().await?.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or_default()));
            return Ok(Instant::now() + next.map_or(LOOK, |next| next.clamp(Duration::from_millis(1), LOOK)));
        }
    }
}
