//! Keeps a future running after its caller disconnects. While it is awaited it runs in its caller's task, because a
//! task for every call would cost a considerable part of the call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument as _;

/// A future that moves to its own task if it is dropped before it has completed.
pub(crate) struct RunToCompletion<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    tracker: TaskTracker,
    /// A shutdown waits for the work wherever it runs.
    _at_work: TaskTrackerToken,
}

impl<T: Send + 'static> RunToCompletion<T> {
    /// Wraps work that must complete; `tracker` counts it meanwhile.
    pub(crate) fn new(tracker: &TaskTracker, work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)), tracker: tracker.clone(), _at_work: tracker.token() }
    }
}

impl<T: Send + 'static> Future for RunToCompletion<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // Taken out, so that work that panics is not polled again.
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for RunToCompletion<T> {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and nothing can go on.
        if let (Some(work), Ok(runtime)) = (self.work.take(), Handle::try_current()) {
            // Its further log lines belong to the request whose caller has gone.
            drop(self.tracker.spawn_on(work.in_current_span(), &runtime));
        }
    }
}

impl<T: Send + 'static> fmt::Debug for RunToCompletion<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunToCompletion").field("done", &self.work.is_none()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn goes_on_after_the_caller_has_gone() {
        let tracker = TaskTracker::new();
        let (go, gone) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel();
        let mut work = Box::pin(RunToCompletion::new(&tracker, async move {
            gone.await.expect("told to go on");
            done.send(()).expect("awaited");
        }));
        assert!(futures_util::poll!(&mut work).is_pending());
        drop(work);
        assert_eq!(tracker.len(), 1, "a stop waits for it");
        go.send(()).expect("awaited");
        ended.await.expect("it came to its end");
        tracker.close();
        tokio::time::timeout(Duration::from_secs(5), tracker.wait()).await.expect("nothing is left at work");
    }

    #[tokio::test]
    async fn what_it_logs_then_still_names_the_request() {
        let log = crate::testing::log::Log::keep("info");
        let tracker = TaskTracker::new();
        let (go, gone) = oneshot::channel::<()>();
        let work = RunToCompletion::new(&tracker, async move {
            gone.await.expect("told to go on");
            tracing::info!("late");
        });
        let mut request = Box::pin(work.instrument(tracing::error_span!("request", request_id = "r-1")));
        assert!(futures_util::poll!(&mut request).is_pending());
        drop(request);
        go.send(()).expect("awaited");
        tracker.close();
        tracker.wait().await;
        let lines = log.lines();
        assert_eq!((&lines[0]["message"], &lines[0]["span"]["request_id"]), (&"late".into(), &"r-1".into()));
    }

    #[tokio::test]
    async fn makes_no_task_when_it_is_awaited_to_its_end() {
        let tracker = TaskTracker::new();
        assert_eq!(RunToCompletion::new(&tracker, async { 7 }).await, 7);
        assert!(tracker.is_empty());
    }
}
