//! Whether a request left, and the status line of its answer, for whoever does not get the rest of it.
//!
//! A request that is dropped or fails in the middle of its answer has seen a status all the same, which says what became
//! of a write.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};

/// Whether a request left, and the status of the latest answer to it. Clones share it, so it outlives a request that is
/// dropped.
#[derive(Debug, Clone, Default)]
pub struct StatusSeen(Arc<Seen>);

#[derive(Debug, Default)]
struct Seen {
    /// Never taken back: what left once may have arrived, whatever becomes of its repetition.
    left: AtomicBool,
    status: AtomicU16,
}

impl StatusSeen {
    /// Returns the status, once the head of an answer has come.
    pub fn get(&self) -> Option<u16> {
        Some(self.0.status.load(Ordering::Relaxed)).filter(|status| *status != 0)
    }

    /// Returns whether the request was handed to a connection, so that it may have arrived.
    pub fn left(&self) -> bool {
        self.0.left.load(Ordering::Relaxed)
    }

    /// Returns one of something that left already.
    pub(super) fn departed() -> Self {
        let seen = Self::default();
        seen.0.left.store(true, Ordering::Relaxed);
        seen
    }

    /// Returns whether this is about the same request.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn note(&self, status: StatusCode) {
        self.0.status.store(status.as_u16(), Ordering::Relaxed);
    }

    /// A request that is sent again, or elsewhere, has no answer yet.
    pub(super) fn forget(&self) {
        self.0.status.store(0, Ordering::Relaxed);
    }
}

/// The body of a request that leaves. An open connection asks for its length before it writes the head, and nothing else
/// does, so that is when the request leaves.
#[derive(Debug)]
pub(super) struct Departing {
    body: Full<Bytes>,
    seen: StatusSeen,
}

impl Departing {
    pub(super) fn new(body: Bytes, seen: StatusSeen) -> Self {
        Self { body: Full::new(body), seen }
    }

    fn note(&self) {
        self.seen.0.left.store(true, Ordering::Relaxed);
    }
}

impl Body for Departing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.note();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.note();
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.note();
        self.body.size_hint()
    }
}
