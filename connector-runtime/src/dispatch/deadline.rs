//! Polls the work of a call until its deadline, the end of the process or its caller's cancellation, and catches its panics.

use std::future::{pending, poll_fn};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::outcome::{BoxFuture, Fail, Failure, Reply};
use crate::panic::{self, Panic};

/// The error of a call whose time is over.
pub(super) fn timed_out(timeout: Duration) -> String {
    format!("Timed out after {} ms", timeout.as_millis())
}

/// The error of a call that was cut because the process had to end.
const CUT: &str = "The server stopped before the command ended";
/// The error of a call that its caller has cancelled.
const CANCELLED: &str = "Cancelled by the caller";

/// Runs the work of a call until its deadline and so much longer; a panic in it becomes a value. `leaves_traces` is
/// whether work that is cut may have had an effect.
pub(super) async fn until_deadline<'a>(
    context: &Context,
    grace: Duration,
    leaves_traces: bool,
    mut begin: impl FnMut() -> BoxFuture<'a, Result<Reply, Failure>>,
) -> Result<Result<Reply, Failure>, Panic> {
    let mut work = None;
    // Creating the future may panic as well as polling it.
    let mut poll =
        |task: &mut std::task::Context<'_>| panic::catch(|| work.get_or_insert_with(&mut begin).as_mut().poll(task));
    if Instant::now() >= context.deadline {
        // It was spent before the work: nothing is begun.
        return Ok(Err(Fail::new(timed_out(context.timeout())).into()));
    }
    // Work that is done at the first poll needs no timer.
    match poll_fn(|task| Poll::Ready(poll(task))).await {
        Ok(Poll::Ready(outcome)) => return Ok(outcome),
        Ok(Poll::Pending) => {}
        Err(panic) => return Err(panic),
    }
    let rest = poll_fn(|task| match poll(task) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    let ended = |token: Option<CancellationToken>| async move {
        match token {
            Some(token) => token.cancelled().await,
            None => pending().await,
        }
    };
    let cut = |error: &str| {
        let fail = Fail::new(error);
        Ok(Err(if leaves_traces { fail.diagnostic("outcome", "unknown") } else { fail }.into()))
    };
    tokio::select! {
        biased;
        outcome = tokio::time::timeout_at(context.deadline + grace, rest) => match outcome {
            Ok(outcome) => outcome,
            Err(_) => {
                let fail = Fail::new(timed_out(context.timeout()));
                Ok(Err(if leaves_traces { context.with_unanswered(fail) } else { fail }.into()))
            }
        },
        () = ended(context.stop.clone()) => cut(CUT),
        () = ended(context.cancel.clone()) => cut(CANCELLED),
    }
}
