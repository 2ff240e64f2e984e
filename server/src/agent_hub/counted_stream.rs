//! The byte stream below a socket, with its traffic counted.
//!
//! Any received byte counts as liveness, so that a slow peer whose frame takes longer than a heartbeat is not timed
//! out. The count also limits how much memory a peer can fill before it has registered.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes went over a socket.
#[derive(Debug)]
pub(super) struct Traffic {
    received: AtomicU64,
    sent: AtomicU64,
    allowed: AtomicU64,
}

impl Traffic {
    /// Counts the bytes of a socket, which may receive `allowed` bytes until it is [opened](Self::open).
    pub(super) fn limited(allowed: u64) -> Self {
        Self { received: AtomicU64::new(0), sent: AtomicU64::new(0), allowed: AtomicU64::new(allowed) }
    }

    /// Lifts the limit.
    pub(super) fn open(&self) {
        self.allowed.store(u64::MAX, Ordering::Relaxed);
    }

    /// Returns how many bytes were received.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns how many bytes were sent.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

/// A stream whose traffic is counted.
#[derive(Debug)]
pub(super) struct CountedStream<S> {
    stream: S,
    traffic: Arc<Traffic>,
}

impl<S> CountedStream<S> {
    pub(super) fn new(stream: S, traffic: Arc<Traffic>) -> Self {
        Self { stream, traffic }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CountedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let came = (buffer.filled().len() - before) as u64;
        let received = self.traffic.received.fetch_add(came, Ordering::Relaxed) + came;
        if received > self.traffic.allowed.load(Ordering::Relaxed) {
            let text = "more bytes came before the registration than one has; register first";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::QuotaExceeded, text)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CountedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let went = ready!(Pin::new(&mut self.stream).poll_write(context, bytes))?;
        self.traffic.sent.fetch_add(went as u64, Ordering::Relaxed);
        Poll::Ready(Ok(went))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
