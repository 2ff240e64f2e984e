//! Tells the page of a run when to load again, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use floh_client::answers::{RunSummary, RunView};
use floh_client::words::RunStatus;
use futures_util::{Stream, stream};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::api::{PathKey, Problem, Query, uuid};
use crate::events::{Event, Told, Watcher};
use crate::runs;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::page::live::{BEAT, STILL_HERE, Seat, events, reload};

/// How often a run is looked at without an event: another server may work on it.
const LOOK: Duration = Duration::from_secs(2);
/// The least time between two loads of the page of a run that goes on, so that one of a hundred quick steps can be read.
const LEAST: Duration = Duration::from_millis(700);

/// What of a run a page has shown: while it is the same, there is nothing new.
pub(super) fn mark_of(view: &RunView) -> String {
    mark(view.status, view.position, view.resumes, view.due_at)
}

fn mark_of_summary(run: &RunSummary) -> String {
    mark(run.status, run.position, run.resumes, run.due_at)
}

fn mark(status: RunStatus, position: i64, resumes: i64, due: Option<Timestamp>) -> String {
    let due = due.map_or(0, |due| due.as_millisecond());
    format!("{status}-{position}-{resumes}-{due}")
}

/// Streams one event: the run is not any more what the page shows.
pub(in crate::ui) async fn stream(
    frame: Frame,
    State(services): State<Services>,
    PathKey(id): PathKey,
    mut query: Query,
) -> Result<Response, Problem> {
    let seen = query.text("seen").unwrap_or_default();
    query.finish()?;
    let (id, ctx) = (uuid(&id, "run")?, frame.ctx()?.clone());
    // First the watcher, so that nothing moves between the two.
    let watcher = services.events.watch();
    let now = runs::wait_for_run(&ctx, &services, id, Duration::ZERO).await?;
    let follower = Follower {
        id,
        watcher,
        seat: Seat::of(&frame, &services, ctx),
        services,
        is_new: mark_of_summary(&now) != seen,
        has_ended: now.status.is_ended(),
        seen,
        may_load: Instant::now() + LEAST,
        beat: Instant::now() + BEAT,
        look: Instant::now() + LOOK,
    };
    Ok(events(Body::from_stream(follower.events())))
}

struct Follower {
    id: Uuid,
    watcher: Watcher,
    seat: Seat,
    services: Services,
    seen: String,
    is_new: bool,
    has_ended: bool,
    /// When the page may be loaded again at the earliest, unless the run has ended.
    may_load: Instant,
    /// When the next comment is due.
    beat: Instant,
    /// When the run is looked at without an event.
    look: Instant,
}

impl Follower {
    fn events(self) -> impl Stream<Item = Result<String, Infallible>> + Send {
        stream::unfold((self, Some(": live\n\n".to_owned())), |(mut follower, first)| async move {
            if let Some(first) = first {
                return Some((Ok(first), (follower, None)));
            }
            let text = follower.next().await?;
            Some((Ok(text), (follower, None)))
        })
    }

    /// Waits for the next text to send; `None` at the end of the stream, which is that of the session too.
    async fn next(&mut self) -> Option<String> {
        while !self.is_new {
            tokio::select! {
                told = self.watcher.next() => match told? {
                    Told::Event(told) if !matches!(&*told, Event::RunMoved { id, .. } if *id == self.id) => continue,
                    _ => {}
                },
                () = self.seat.left() => return None,
                () = sleep_until(self.look) => {}
                () = sleep_until(self.beat) => {
                    self.beat = Instant::now() + BEAT;
                    return self.seat.may_stay().await.then(|| STILL_HERE.to_owned());
                }
            }
            self.look = Instant::now() + LOOK;
            let run = runs::wait_for_run(&self.seat.ctx, &self.services, self.id, Duration::ZERO).await.ok()?;
            self.is_new = mark_of_summary(&run) != self.seen;
            self.has_ended = run.status.is_ended();
        }
        if !self.has_ended {
            tokio::select! {
                () = sleep_until(self.may_load) => {}
                () = self.seat.left() => return None,
            }
        }
        // The page closes the stream; a reader that does not is told again after a while.
        self.may_load = Instant::now() + BEAT;
        self.has_ended = false;
        Some(reload())
    }
}
