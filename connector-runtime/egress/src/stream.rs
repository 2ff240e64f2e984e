//! An open connection, as the HTTP engine reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::tls::{self, Said};

/// A connection to an upstream.
#[derive(Debug)]
pub(super) enum Stream {
    /// http; through a proxy the whole URL goes into the request line.
    Plain { tcp: TcpStream, proxied: bool },
    /// https.
    Tls(Box<Secure>),
}

/// A connection with TLS.
#[derive(Debug)]
pub(super) struct Secure {
    tls: TlsStream<TcpStream>,
    said: TlsSaid,
    /// Why nothing can be written any more, until what came before has been read.
    broken: Option<io::Error>,
    /// Whether reading has come to its end.
    is_read: bool,
}

/// Whether a connection has carried an answer before. If it has, a request that fails on it may have been sent
/// while the server closed the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct AnsweredBefore(Arc<AtomicBool>);

impl AnsweredBefore {
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What TLS said when a connection broke, for whoever sees only that it did: HTTP/2 drops the cause. With TLS 1.3 a server
/// judges the certificate of its client after the handshake.
#[derive(Clone, Debug)]
pub(super) struct TlsSaid {
    said: Arc<OnceLock<Said>>,
    /// Whether the connection shows a certificate.
    shows: bool,
}

impl TlsSaid {
    pub(super) fn new(shows: bool) -> Self {
        Self { said: Arc::default(), shows }
    }

    /// Returns what TLS said, if it said anything.
    pub(super) fn get(&self) -> Option<&Said> {
        self.said.get()
    }

    fn note<T>(&self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &result
            && let Some(said) = tls::said(error, self.shows)
        {
            self.said.get_or_init(|| said);
        }
        result
    }
}

impl Secure {
    pub(super) fn new(tls: TlsStream<TcpStream>, said: TlsSaid) -> Self {
        Self { tls, said, broken: None, is_read: false }
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let free = buf.remaining();
        let read = self.said.note(Pin::new(&mut self.tls).poll_read(cx, buf));
        match &read {
            Poll::Ready(Ok(())) => self.is_read |= free > 0 && buf.remaining() == free,
            Poll::Ready(Err(_)) => self.is_read = true,
            Poll::Pending => {}
        }
        read
    }

    /// Writes. A server that refuses a certificate says so and closes the connection, while its client writes a request: then
    /// what it said is read before the error of the write is told.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TlsStream<TcpStream>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.broken.is_none() {
            match self.said.note(write(Pin::new(&mut self.tls), cx)) {
                Poll::Ready(Err(error)) if !self.is_read && is_closed(&error) => self.broken = Some(error),
                written => return written,
            }
        }
        // Without room for it, no byte of an answer is taken away.
        if !self.is_read && self.read(cx, &mut ReadBuf::new(&mut [])).is_pending() {
            return Poll::Pending;
        }
        let error = self.broken.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into());
        Poll::Ready(Err(error))
    }
}

/// Returns whether a write failed because the other end has closed the connection, so that reading it comes to an end.
fn is_closed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

/// What TLS said on the connection that was opened for a request, for a request that no connection took: then the engine
/// tells nothing of the connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened(Arc<Mutex<Option<TlsSaid>>>);

tokio::task_local! {
    static OPENED: Opened;
}

impl Opened {
    /// Sends a request that may open a connection. The HTTP engine opens connections and knows only their URLs.
    pub(super) async fn noting<T>(&self, request: impl Future<Output = T>) -> T {
        OPENED.scope(self.clone(), request).await
    }

    /// Returns where a connection is noted that the running request opens.
    pub(super) fn current() -> Self {
        OPENED.try_with(Self::clone).unwrap_or_default()
    }

    pub(super) fn note(&self, stream: &Stream) {
        if let Stream::Tls(secure) = stream {
            *self.0.lock() = Some(secure.said.clone());
        }
    }

    /// Returns what TLS said.
    pub(super) fn said(&self) -> Option<Said> {
        self.0.lock().as_ref()?.get().cloned()
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(AnsweredBefore::default());
        match self {
            Self::Plain { proxied, .. } => connected.proxy(*proxied),
            Self::Tls(secure) => {
                let connected = connected.extra(secure.said.clone());
                match secure.tls.get_ref().1.alpn_protocol() {
                    Some(b"h2") => connected.negotiated_h2(),
                    _ => connected,
                }
            }
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(secure) => secure.read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls(secure) => secure.write(cx, |tls, cx| tls.poll_write(cx, buf)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_flush(cx),
            Self::Tls(secure) => secure.write(cx, |tls, cx| tls.poll_flush(cx)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(secure) => secure.write(cx, |tls, cx| tls.poll_shutdown(cx)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls(secure) => secure.write(cx, |tls, cx| tls.poll_write_vectored(cx, bufs)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { tcp, .. } => tcp.is_write_vectored(),
            Self::Tls(secure) => secure.tls.is_write_vectored(),
        }
    }
}
