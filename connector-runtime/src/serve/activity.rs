//! What a connection is waiting for: the server, or its client.
//!
//! The socket shows when an HTTP/1 client reads nothing. An HTTP/2 client keeps its socket alive with pings, and grants
//! no room for its answers, or never asks for anything. So each request is noted while it is at work: it waits for the
//! server until its answer has begun and whenever the answer has nothing to send, and for the client whenever something
//! could be sent. A connection whose client is waited for too long ends, and so does one without requests.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

/// How much is handed to the HTTP engine at once. What it has been handed is not seen any more.
const MAX_FRAME: usize = 64 << 10;
/// How often a connection is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// The requests of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The requests at work; since when the client could take something of the answer.
    requests: HashMap<u64, Option<Instant>>,
    last: u64,
    /// Since when there are no requests, if there are none.
    idle_since: Instant,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The client reads nothing of an answer.
    NotRead,
    /// The client asks for nothing.
    Idle,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        let state = State { requests: HashMap::new(), last: 0, idle_since: Instant::now() };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Notes a request, which is at work until this is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> RequestAtWork {
        let mut state = self.state.lock();
        state.last += 1;
        let id = state.last;
        state.requests.insert(id, None);
        RequestAtWork { activity: Arc::clone(self), id }
    }

    /// Waits until the client has been waited for too long.
    pub(super) async fn end(&self, unread: Duration, idle: Duration) -> End {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let state = self.state.lock();
            if state.requests.is_empty() && state.idle_since.elapsed() >= idle {
                return End::Idle;
            }
            if state.requests.values().flatten().any(|since| since.elapsed() >= unread) {
                return End::NotRead;
            }
        }
    }
}

/// A request that is at work.
#[derive(Debug)]
pub(super) struct RequestAtWork {
    activity: Arc<Activity>,
    id: u64,
}

impl RequestAtWork {
    fn wait_for(&self, client: bool) {
        self.activity.state.lock().requests.insert(self.id, client.then(Instant::now));
    }

    /// Returns the body of the answer; the request is at work until its end.
    pub(super) fn body(self, body: Body) -> Body {
        if body.is_end_stream() {
            return body;
        }
        self.wait_for(true);
        Body::new(WatchedBody { body, rest: Bytes::new(), request: self })
    }
}

impl Drop for RequestAtWork {
    fn drop(&mut self) {
        let mut state = self.activity.state.lock();
        state.requests.remove(&self.id);
        if state.requests.is_empty() {
            state.idle_since = Instant::now();
        }
    }
}

/// A body that is handed out in parts, and notes who is waited for.
#[derive(Debug)]
struct WatchedBody {
    body: Body,
    /// What is left of a frame that is larger than [`MAX_FRAME`].
    rest: Bytes,
    request: RequestAtWork,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.rest.is_empty() {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                self.request.wait_for(false);
                return Poll::Pending;
            };
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(trailers))) => return Poll::Ready(Some(Ok(trailers))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let size = self.rest.len().min(MAX_FRAME);
        let part = self.rest.split_to(size);
        self.request.wait_for(true);
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.len() as u64;
        let inner = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}
