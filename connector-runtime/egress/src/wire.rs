//! Connections on which another protocol than HTTP is spoken: the same policy, resolver, dialer and proxy.
//!
//! What libraries of such protocols get is a stream that is open already. So they cannot dial on their own, what they read
//! is counted, and what they do not read is not kept.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client_certificate::{MAX_CERTIFICATE_BYTES, MAX_CHAIN_CERTIFICATES};
use super::connection_opener::{ConnectionOpener, MAX_LENGTH};
use super::protocol::{Place, WirePlace};
use super::status_seen::StatusSeen;
use super::tls::{self, Said};
use super::{Client, EgressError, Protocol};

/// The most bytes that are read from a [`Wire`], over all its life or since [`Meter::reset`].
pub const MAX_WIRE_BYTES: u64 = 64 * 1024 * 1024;

impl Client {
    /// Opens a connection on which `protocol` is spoken, to a host (a name or an address) and a port.
    ///
    /// The host must be one that a field of the connection names: a param never says where credentials go. The port must
    /// be one of the protocol's ([`Protocol::ports`]), or one that the operator opened. Nothing is encrypted yet; see
    /// [`Wire::secure`].
    ///
    /// # Errors
    /// If the policy refuses it, no field names it, or there is no connection within 10 seconds and the call's deadline.
    pub async fn connect(&self, protocol: Protocol, host: &str, port: u16) -> Result<Wire, EgressError> {
        let place = WirePlace::of(protocol, host, port).map_err(EgressError::url)?;
        self.check_named(&place)?;
        let opener = self.opener().clone();
        let permits = self.look_up_permits();
        let end = self.end_of(MAX_LENGTH.min(self.timeout));
        let dialling = opener.dial(&place, &permits);
        let dialled = match end {
            Some(end) => tokio::time::timeout_at(end, dialling).await,
            None => Ok(dialling.await),
        };
        let silent = |_| EgressError::Connect { target: shown(&place), why: "it did not answer".to_owned() };
        let tcp = dialled.map_err(silent)??;
        Ok(Wire { stream: WireStream::Plain(tcp), meter: Meter::default(), place, opener })
    }

    /// Notes that something leaves on a [`Wire`] that may take effect. Until it is settled it counts as unanswered
    /// ([`Client::unanswered`]), also after its sender was stopped.
    pub fn begin_effect(&self) -> Effect {
        let (in_flight, request) = (self.in_flight.clone(), StatusSeen::departed());
        if let Some(in_flight) = &in_flight {
            in_flight.begin(&request);
        }
        Effect(in_flight.map(|in_flight| (in_flight, request)))
    }
}

/// Something that left on a [`Wire`] and may take effect.
#[derive(Debug)]
#[must_use = "it is unanswered until it is settled"]
pub struct Effect(Option<(super::in_flight::InFlight, StatusSeen)>);

impl Effect {
    /// Notes that its answer was read.
    pub fn settle(self) {
        if let Some((in_flight, request)) = self.0 {
            in_flight.end(&request);
        }
    }
}

/// An open connection to what is called, on which another protocol than HTTP is spoken.
pub struct Wire {
    stream: WireStream,
    meter: Meter,
    place: WirePlace,
    opener: ConnectionOpener,
}

#[derive(Debug)]
enum WireStream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Counts the bytes that a [`Wire`] reads. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<AtomicU64>);

impl Meter {
    /// Returns whether the other end sent more than [`MAX_WIRE_BYTES`]: then reading has failed.
    pub fn is_over(&self) -> bool {
        self.0.load(Ordering::Relaxed) > MAX_WIRE_BYTES
    }

    /// Returns how many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Begins to count anew, for the next call on a connection that is kept.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        if self.0.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > MAX_WIRE_BYTES {
            return Err(io::Error::other(format!("the answer has more than {MAX_WIRE_BYTES} bytes")));
        }
        Ok(())
    }
}

/// Whom a [`Wire`] trusts when it is secured.
#[derive(Clone, Default)]
pub struct Trust(Option<Arc<ClientConfig>>);

/// Why the certificates of a [`Trust`] cannot be used: what is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TrustError(String);

impl Trust {
    /// Trusts the authorities of this machine.
    pub fn system() -> Self {
        Self::default()
    }

    /// Trusts these authorities (PEM) and no others.
    ///
    /// # Errors
    /// If the text is no PEM with certificates, or has more than 10 of them.
    pub fn only(authorities: &str) -> Result<Self, TrustError> {
        let refuse = |why: &str| Err(TrustError(why.to_owned()));
        if authorities.len() > MAX_CERTIFICATE_BYTES {
            return refuse("it has more than 64 KiB; send the authority's certificate alone");
        }
        let read: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(authorities.as_bytes()).take(MAX_CHAIN_CERTIFICATES + 1).collect();
        let Ok(certificates) = read else {
            return refuse(
                "it is not PEM; send all lines from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----",
            );
        };
        match certificates.len() {
            0 => return refuse("there is no certificate in it; as PEM it begins with -----BEGIN CERTIFICATE-----"),
            1..=MAX_CHAIN_CERTIFICATES => {}
            _ => return refuse("it has more than 10 certificates; send those of the authorities alone"),
        }
        let config = tls::trusting(certificates);
        let config = config.map_err(|_| TrustError("a certificate in it cannot be read; export it anew".to_owned()))?;
        Ok(Self(Some(config)))
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("is_system", &self.0.is_none()).finish()
    }
}

impl Wire {
    /// Encrypts the connection with TLS, and checks that the server's certificate is one for the host that was dialled.
    ///
    /// Nothing may have been read ahead: what a server sent in the clear is not what it sends under TLS.
    ///
    /// # Errors
    /// If the server does not speak TLS, or its certificate is not acceptable, or the handshake does not end within 10
    /// seconds.
    pub async fn secure(self, trust: &Trust) -> Result<Self, EgressError> {
        let Self { stream, meter, place, opener } = self;
        let fail = |said: Said| said.about(shown(&place));
        let WireStream::Plain(tcp) = stream else {
            return Err(fail(Said::plain("it is encrypted already")));
        };
        let config = match &trust.0 {
            Some(config) => Arc::clone(config),
            None => opener.wire_tls().await.map_err(fail)?,
        };
        let name = place.target.host.server_name().map_err(EgressError::url)?;
        let connecting = tokio::time::timeout(MAX_LENGTH, TlsConnector::from(config).connect(name, tcp)).await;
        let connected = connecting.map_err(|_| fail(Said::plain("the handshake did not end")))?;
        let stream = connected.map_err(|error| fail(tls::explain_wire(&error, trust.0.is_some())))?;
        Ok(Self { stream: WireStream::Tls(Box::new(stream)), meter, place, opener })
    }

    /// Returns whether the connection is encrypted.
    pub const fn is_secure(&self) -> bool {
        matches!(self.stream, WireStream::Tls(_))
    }

    /// Returns what counts the bytes that are read.
    pub fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// Prints where the connection leads: `ldap://ldap.example.org:389`.
    pub fn place(&self) -> String {
        shown(&self.place)
    }

    /// Returns a socket that carries what is read and written, for a library that wants to own one. It is closed when
    /// the carrier is dropped, when the other end closes, and when more than [`MAX_WIRE_BYTES`] came.
    ///
    /// # Errors
    /// If the system has no socket left.
    #[cfg(unix)]
    pub fn into_socket(mut self) -> io::Result<(std::os::unix::net::UnixStream, Carrier)> {
        let (ours, theirs) = tokio::net::UnixStream::pair()?;
        let theirs = theirs.into_std()?;
        let carrying = tokio::spawn(async move {
            let mut ours = ours;
            // However it ends, the library sees its socket close.
            if let Err(error) = tokio::io::copy_bidirectional(&mut self, &mut ours).await {
                tracing::debug!(event = "wire_closed", %error);
            }
        });
        Ok((theirs, Carrier(carrying.abort_handle())))
    }
}

/// Carries bytes between a [`Wire`] and a library's socket, until it is dropped.
#[derive(Debug)]
pub struct Carrier(tokio::task::AbortHandle);

impl Drop for Carrier {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn shown(place: &WirePlace) -> String {
    Place::Wire(place).shown()
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, is_secure) = (self.place(), self.is_secure());
        f.debug_struct("Wire").field("place", &place).field("is_secure", &is_secure).finish_non_exhaustive()
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        let before = buf.filled().len();
        let read = match &mut wire.stream {
            WireStream::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            WireStream::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        };
        match read {
            Poll::Ready(Ok(())) => Poll::Ready(wire.meter.count(buf.filled().len() - before)),
            other => other,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            WireStream::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            WireStream::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            WireStream::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            WireStream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            WireStream::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            WireStream::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
