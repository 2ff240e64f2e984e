//! An open connection, as the HTTP engine reads and writes it.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::{Connected, Connection};
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
    Tls { tls: Box<TlsStream<TcpStream>>, said: TlsSaid },
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

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().extra(AnsweredBefore::default());
        match self {
            Self::Plain { proxied, .. } => connected.proxy(*proxied),
            Self::Tls { tls, said } => {
                let connected = connected.extra(said.clone());
                match tls.get_ref().1.alpn_protocol() {
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
            Self::Tls { tls, said } => said.note(Pin::new(tls).poll_read(cx, buf)),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_write(cx, buf),
            Self::Tls { tls, said } => said.note(Pin::new(tls).poll_write(cx, buf)),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_flush(cx),
            Self::Tls { tls, said } => said.note(Pin::new(tls).poll_flush(cx)),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls { tls, said } => said.note(Pin::new(tls).poll_shutdown(cx)),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain { tcp, .. } => Pin::new(tcp).poll_write_vectored(cx, bufs),
            Self::Tls { tls, said } => said.note(Pin::new(tls).poll_write_vectored(cx, bufs)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain { tcp, .. } => tcp.is_write_vectored(),
            Self::Tls { tls, .. } => tls.is_write_vectored(),
        }
    }
}
