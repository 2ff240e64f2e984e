//! From a URL's authority to a connection: judge, look up, judge, dial, TLS.
//!
//! This is what the HTTP engine calls for every new connection, and the only code that opens a socket.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;
use url::Url;

use super::dialer::{Dial, dial_first};
use super::policy::Cleared;
use super::resolver::{BoxFuture, LookUpError, Resolve, look_up};
use super::url::{Target, TargetHost};
use super::{EgressError, Policy, Rule, tls, url as urls};

/// The longest that a connection may take to open, from the look-up to the end of the handshake.
const LONGEST: Duration = Duration::from_secs(10);

/// Opens judged connections.
#[derive(Clone, Debug)]
pub(super) struct Connector(Arc<Parts>);

#[derive(Debug)]
pub(super) struct Parts {
    pub(super) policy: Policy,
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) dialer: Arc<dyn Dial>,
    pub(super) tls: Arc<ClientConfig>,
}

impl Connector {
    pub(super) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let parts = Arc::clone(&self.0);
        Box::pin(async move {
            let url = Url::parse(&uri.to_string()).map_err(|_| EgressError::url(Rule::Malformed))?;
            let connecting = tokio::time::timeout(LONGEST, parts.connect(&url));
            let stream =
                connecting.await.unwrap_or_else(|_| Err(no_connection(&url, "it did not answer within 10 s")))?;
            Ok(TokioIo::new(stream))
        })
    }
}

impl Parts {
    async fn connect(&self, url: &Url) -> Result<Stream, EgressError> {
        let target = Target::of(url).map_err(EgressError::url)?;
        let cleared = self.clear(url, &target).await?;
        let tcp = self.dial(url, &cleared, target.port).await?;
        if url.scheme() == "https" { self.handshake(url, &target.host, tcp).await } else { Ok(Stream::Plain(tcp)) }
    }

    /// Returns the addresses that may be dialled for a target.
    async fn clear(&self, url: &Url, target: &Target) -> Result<Vec<Cleared>, EgressError> {
        let verdict = judge_target(&self.policy, url, target)?;
        match &target.host {
            TargetHost::Address(address) => {
                let judged = self.policy.judge_address(*address, Some(target.port), verdict);
                let refuse = |rule| EgressError::refused_host(urls::display(url), rule, &address.to_string());
                Ok(vec![judged.map_err(refuse)?])
            }
            TargetHost::Name(name) => {
                let answer = look_up(&*self.resolver, &self.policy, name, target.port, verdict).await;
                answer.map_err(|error| match error {
                    LookUpError::Failed(rule) => EgressError::Dns { host: name.clone(), rule },
                    LookUpError::Refused(rule) => EgressError::refused_answer(urls::display(url), rule, name),
                })
            }
        }
    }

    async fn dial(&self, url: &Url, cleared: &[Cleared], port: u16) -> Result<TcpStream, EgressError> {
        let addresses: Vec<_> = cleared.iter().map(|cleared| SocketAddr::new(cleared.address, port)).collect();
        dial_first(&*self.dialer, &addresses).await.map_err(|error| {
            // What an inner network does with a packet is nobody's business outside.
            let inner = cleared.iter().any(|cleared| cleared.by_operator);
            no_connection(url, if inner { "it did not answer" } else { explain(&error) })
        })
    }

    async fn handshake(&self, url: &Url, host: &TargetHost, tcp: TcpStream) -> Result<Stream, EgressError> {
        let name = match host {
            TargetHost::Address(address) => ServerName::from(*address),
            TargetHost::Name(name) => {
                ServerName::try_from(name.clone()).map_err(|_| EgressError::url(Rule::Malformed))?
            }
        };
        let connecting = TlsConnector::from(Arc::clone(&self.tls)).connect(name, tcp);
        let stream = connecting
            .await
            .map_err(|error| EgressError::Tls { target: urls::display(url), why: tls::explain(&error) })?;
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// Judges a URL's name and port, or its literal address.
pub(super) fn judge_target(
    policy: &Policy,
    url: &Url,
    target: &Target,
) -> Result<super::policy::NameVerdict, EgressError> {
    policy.judge_target(target).map_err(|rule| {
        let host = match &target.host {
            TargetHost::Name(name) => name.clone(),
            TargetHost::Address(address) => address.to_string(),
        };
        EgressError::refused_host(urls::display(url), rule, &host)
    })
}

fn no_connection(url: &Url, why: &str) -> EgressError {
    EgressError::Connect { target: urls::display(url), why: why.to_owned() }
}

fn explain(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it",
        io::ErrorKind::ConnectionReset => "the connection was reset",
        _ => "it did not answer",
    }
}

/// An open connection.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        match self {
            Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => connected.negotiated_h2(),
            _ => connected,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
