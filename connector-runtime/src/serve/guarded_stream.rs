//! The socket of a connection, with its limits of time and the check of its framing.
//!
//! A client that sends nothing and one that does not read its answer hold a descriptor, and the second one holds the
//! answer as well. The HTTP engine limits the time of a head, but only after the first bytes have told it the version of
//! HTTP, and it waits for a reader without end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::connections::OpenConnection;
use super::framing::{Framing, REFUSED};

/// The limits of time of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// How long the first bytes may take.
    pub(super) first_bytes: Duration,
    /// How long the client may read nothing of what is written.
    pub(super) write: Duration,
}

/// A stream whose client has to send and to read within limits.
#[derive(Debug)]
pub(super) struct GuardedStream<S> {
    stream: S,
    framing: Framing,
    /// What is left to be read of [`REFUSED`], once the client has broken a rule.
    refused: Option<&'static [u8]>,
    patience: Patience,
    /// Ends the connection unless the version of HTTP is known by then.
    first_bytes: Option<Pin<Box<Sleep>>>,
    /// Ends the connection unless the client reads something by then.
    stalled: Option<Pin<Box<Sleep>>>,
    /// The stream outlives the engine's connection where another protocol took over.
    _open: OpenConnection,
}

impl<S> GuardedStream<S> {
    pub(super) fn new(stream: S, patience: Patience, open: OpenConnection) -> Self {
        let first_bytes = Some(Box::pin(sleep(patience.first_bytes)));
        Self { stream, framing: Framing::new(), refused: None, patience, first_bytes, stalled: None, _open: open }
    }

    /// Ends a write that has not made progress for too long.
    fn progress<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience.write;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client does not read what is sent")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GuardedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = &mut *self;
        if let Some(refused) = &mut this.refused {
            let (part, rest) = refused.split_at(refused.len().min(buf.remaining()));
            buf.put_slice(part);
            *refused = rest;
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                let passed = before + this.framing.read(&buf.filled()[before..]);
                if passed < buf.filled().len() {
                    buf.set_filled(passed);
                    this.refused = Some(REFUSED);
                    if passed == before {
                        return Pin::new(this).poll_read(cx, buf);
                    }
                }
                if this.framing.knows_version() {
                    this.first_bytes = None;
                }
                Poll::Ready(Ok(()))
            }
            Poll::Pending => {
                let Some(first_bytes) = &mut this.first_bytes else { return Poll::Pending };
                ready!(first_bytes.as_mut().poll(cx));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client has sent no request")))
            }
            failed => failed,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GuardedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.framing.answer(bytes);
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.progress(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(first) = parts.iter().find(|part| !part.is_empty()) {
            self.framing.answer(first);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.progress(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.progress(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
