//! The open connection as the client library takes it: what is read is bounded, and a greeting can stand before it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use connector_runtime::egress::Wire;
use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that a server may say in one dialogue: replies are short.
const MAX_SAID_BYTES: u64 = 1024 * 1024;

/// An open connection.
pub(super) struct Stream {
    wire: Wire,
    /// What is read before anything that comes: a server does not greet again after STARTTLS, and the library waits for it.
    before: &'static [u8],
}

impl Stream {
    pub(super) const fn new(wire: Wire, before: &'static [u8]) -> Self {
        Self { wire, before }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("wire", &self.wire).finish_non_exhaustive()
    }
}

impl AsyncTokioStream for Stream {
    /// The library prints it and does nothing else with it; where a connection leads is known to egress alone.
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok((Ipv4Addr::UNSPECIFIED, 0).into())
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if !stream.before.is_empty() {
            let (now, later) = stream.before.split_at(stream.before.len().min(buf.remaining()));
            buf.put_slice(now);
            stream.before = later;
            return Poll::Ready(Ok(()));
        }
        if stream.wire.meter().bytes() > MAX_SAID_BYTES {
            return Poll::Ready(Err(io::Error::other("it says more than 1 MiB")));
        }
        Pin::new(&mut stream.wire).poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}
