//! Rows of executions as they end, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use floh_client::ExecutionFilter;
use floh_client::answers::ExecutionSummary;
use floh_client::words::ExecutionStatus;
use futures_util::{Stream, stream};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::executions::{filter, row};
use crate::api::{Problem, Query};
use crate::auth::{Authenticator, OpContext, Session};
use crate::error::{Error, ErrorKind};
use crate::events::{Event, Told, Watcher};
use crate::execute;
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;

/// How often a stream sends a comment, so that nothing on the way closes it, and looks whether its reader may stay.
pub(super) const BEAT: Duration = Duration::from_secs(20);
/// The comment that says that a stream is open.
pub(super) const STILL_HERE: &str = ": still here\n\n";
/// The most rows that a page which was away is sent; after more it must be loaded again.
const MAX_MISSED: u32 = 200;

/// Streams the rows that a list of executions would show first.
pub(in crate::ui) async fn stream(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let ctx = frame.ctx()?.clone();
    let names_connector = query.text("in").is_none();
    let (after, only) = (query.parsed::<Uuid>("after"), query.parsed::<Uuid>("id"));
    let mut filter = filter(&mut query);
    query.text("cursor");
    query.finish()?;
    filter.connector = match filter.connector.take() {
        // A list of a connector that does not exist is empty, and stays so.
        Some(key) => match execute::connector_id(&ctx, &services, &key).await {
            Ok(id) => Some(id.to_string()),
            Err(error) if error.kind() == ErrorKind::NotFound => Some(Uuid::nil().to_string()),
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    // First the watcher, so that nothing ends between the two.
    let watcher = services.events.watch();
    let missed = match (after, only) {
        // It may have ended before the watcher was there.
        (_, Some(only)) => ended(&ctx, &services, only).await?,
        (Some(after), None) => missed(&ctx, &services, &filter, after).await?,
        (None, None) => Missed::Rows(Vec::new()),
    };
    let seat = Seat::of(&frame, &services, ctx);
    let beat = Instant::now() + BEAT;
    let live = Live { watcher, filter, names_connector, only, seat, beat, is_over: false };
    Ok(events(Body::from_stream(live.events(missed))))
}

/// Answers with a stream of events.
pub(super) fn events(body: Body) -> Response {
    let mut response = body.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Who reads a stream, and until when.
pub(super) struct Seat {
    /// The caller.
    pub(super) ctx: OpContext,
    session: Option<Session>,
    stopping: CancellationToken,
    auth: Authenticator,
}

impl Seat {
    /// Takes the caller of a request.
    pub(super) fn of(frame: &Frame, services: &Services, ctx: OpContext) -> Self {
        let (session, stopping, auth) = (frame.session.clone(), services.stopping.clone(), services.auth.clone());
        Self { ctx, session, stopping, auth }
    }

    /// Waits until the stream has to end: the token is revoked, the session has ended or the server stops.
    pub(super) async fn left(&self) {
        let Some(identity) = self.ctx.identity() else { return };
        let ended = self.session.as_ref().map_or_else(CancellationToken::new, |session| session.ended().clone());
        tokio::select! {
            () = identity.revoked().cancelled() => {}
            () = ended.cancelled() => {}
            () = self.stopping.cancelled() => {}
        }
    }

    /// Returns whether the caller may read on.
    pub(super) async fn may_stay(&self) -> bool {
        let Some(identity) = self.ctx.identity() else { return false };
        // A revocation by the command line is otherwise seen by the next request.
        if self.auth.recheck(identity.token_id).await.is_err() {
            return false;
        }
        // Another server may have signed the session out.
        if let Some(session) = &self.session
            && self.auth.recheck_session(session).await.is_err()
        {
            return false;
        }
        let ends_at = self.session.as_ref().map(|session| session.expires_at).or(identity.expires_at);
        ends_at.is_none_or(|end| end > jiff::Timestamp::now())
    }
}

/// What ended while a page was away.
enum Missed {
    Rows(Vec<ExecutionSummary>),
    TooMany,
}

/// Tells of an execution that is waited for and has ended already.
async fn ended(ctx: &OpContext, services: &Services, id: Uuid) -> Result<Missed, Error> {
    let view = execute::get_execution(ctx, services, id).await?;
    let has_ended = !matches!(view.status, ExecutionStatus::Started | ExecutionStatus::Accepted);
    Ok(if has_ended { Missed::TooMany } else { Missed::Rows(Vec::new()) })
}

async fn missed(ctx: &OpContext, services: &Services, filter: &ExecutionFilter, after: Uuid) -> Result<Missed, Error> {
    let page = PageRequest { limit: MAX_MISSED, cursor: None };
    let found = execute::list_executions(ctx, services, filter, &page).await?;
    let rows: Vec<ExecutionSummary> = found.items.into_iter().take_while(|row| row.id > after).collect();
    let is_whole = rows.len() < MAX_MISSED as usize;
    Ok(if is_whole { Missed::Rows(rows) } else { Missed::TooMany })
}

struct Live {
    watcher: Watcher,
    filter: ExecutionFilter,
    names_connector: bool,
    /// The one execution that is waited for.
    only: Option<Uuid>,
    seat: Seat,
    /// When it is looked whether the caller may still read, however much happens meanwhile.
    beat: Instant,
    is_over: bool,
}

impl Live {
    fn events(self, missed: Missed) -> impl Stream<Item = Result<String, Infallible>> + Send {
        let first = match missed {
            Missed::Rows(rows) => {
                rows.iter().rev().fold(": live\n\n".to_owned(), |text, item| text + &event(item, self.names_connector))
            }
            Missed::TooMany => reload(),
        };
        let is_over = first.starts_with("event: reload");
        stream::unfold((Self { is_over, ..self }, Some(first)), |(mut live, first)| async move {
            if let Some(first) = first {
                return Some((Ok(first), (live, None)));
            }
            let text = live.next().await?;
            Some((Ok(text), (live, None)))
        })
    }

    /// Waits for the next text to send; `None` at the end of the stream, which is that of the session too.
    async fn next(&mut self) -> Option<String> {
        if self.is_over {
            return None;
        }
        loop {
            let told = tokio::select! {
                told = self.watcher.next() => told?,
                () = self.seat.left() => return None,
                () = sleep_until(self.beat) => {
                    self.beat = Instant::now() + BEAT;
                    return self.seat.may_stay().await.then(|| STILL_HERE.to_owned());
                }
            };
            match told {
                Told::Lost(_) => {
                    self.is_over = true;
                    return Some(reload());
                }
                Told::Event(told) => {
                    if let Event::ExecutionFinished(finished) = &*told
                        && execute::may_read_execution(&self.seat.ctx, finished)
                        && fits(&self.filter, finished)
                        && self.only.is_none_or(|only| only == finished.id)
                    {
                        return Some(event(finished, self.names_connector));
                    }
                }
            }
        }
    }
}

/// The event after which a page is loaded again.
pub(super) fn reload() -> String {
    "event: reload\ndata: more happened than can be sent\n\n".to_owned()
}

fn event(item: &ExecutionSummary, names_connector: bool) -> String {
    // A row has no line breaks of its own but those in names, which end a line of data.
    let text = row(item, names_connector).into_string().replace('\r', "&#13;");
    let data: Vec<String> = text.lines().map(|line| format!("data: {line}\n")).collect();
    format!("event: row\nid: {}\n{}\n", item.id, data.concat())
}

/// Returns whether a list with this filter contains the execution.
fn fits(filter: &ExecutionFilter, row: &ExecutionSummary) -> bool {
    let named = |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|name| value == Some(name));
    named(&filter.command, row.command.as_deref())
        && named(&filter.run_id, row.run_id.as_deref())
        && filter.connector.as_deref().is_none_or(|id| id == row.connector_id.to_string())
        && filter.type_name.as_deref().is_none_or(|name| name == row.type_name)
        && (filter.status.is_empty() || filter.status.contains(&row.status))
        && filter.source.is_none_or(|source| source == row.source)
        && filter.token.is_none_or(|token| row.actor.as_ref().is_some_and(|actor| actor.token_id == Some(token)))
        && filter.since.is_none_or(|since| row.started_at >= since)
        && filter.until.is_none_or(|until| row.started_at < until)
}
