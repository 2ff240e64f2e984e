//! Opens a connection to a place: judge, look up, judge, dial, TLS.
//!
//! The HTTP engine calls it for every new connection, and so does [`wire`](super::wire) for other protocols; no other code
//! here opens a socket.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio::sync::{OnceCell, Semaphore};
use tokio_rustls::TlsConnector;
use tower_service::Service;
use url::Url;

use super::dialer::{Dial, dial_first};
use super::look_ups::{self, LookUps};
use super::policy::{Clearance, Cleared};
use super::protocol::{Place, WirePlace};
use super::proxy::{self, Proxy};
use super::resolver::{self, BoxFuture, Resolve};
use super::stream::{Opened, Secure, Stream, TlsSaid};
use super::tls::Said;
use super::url::{Target, TargetHost};
use super::{EgressError, Policy, Rule, tls, url as urls};

/// The longest that opening a connection may take, from the look-up to the end of the handshake.
pub(super) const MAX_LENGTH: Duration = Duration::from_secs(10);

/// Opens connections to destinations that the policy allows.
#[derive(Clone, Debug)]
pub(super) struct ConnectionOpener {
    parts: Arc<Parts>,
    /// What it shows to servers that ask for a certificate.
    own: Option<Arc<Shown>>,
}

/// A certificate that is shown.
#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    tls: OnceCell<Arc<ClientConfig>>,
}

#[derive(Debug)]
struct Parts {
    policy: Policy,
    look_ups: LookUps,
    dialer: Arc<dyn Dial>,
    roots: Vec<CertificateDer<'static>>,
    /// Read when the first https connection opens: plain http must work on a machine without roots.
    tls: OnceCell<Arc<ClientConfig>>,
    /// The same for what is not HTTP.
    wire_tls: OnceCell<Arc<ClientConfig>>,
}

impl ConnectionOpener {
    pub(super) fn new(
        policy: Policy,
        resolver: Arc<dyn Resolve>,
        dialer: Arc<dyn Dial>,
        roots: Vec<CertificateDer<'static>>,
    ) -> Self {
        let (tls, wire_tls) = (OnceCell::new(), OnceCell::new());
        let parts = Parts { policy, look_ups: LookUps::new(resolver), dialer, roots, tls, wire_tls };
        Self { parts: Arc::new(parts), own: None }
    }

    /// Returns an opener with the same policy, roots and look-ups that shows a certificate to every server that asks for one.
    pub(super) fn showing(&self, key: Arc<CertifiedKey>) -> Self {
        let own = Shown { key, tls: OnceCell::new() };
        Self { parts: Arc::clone(&self.parts), own: Some(Arc::new(own)) }
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.parts.policy
    }
}

impl Service<Uri> for ConnectionOpener {
    type Response = TokioIo<Stream>;
    type Error = EgressError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (parts, own, permits) = (Arc::clone(&self.parts), self.own.clone(), look_ups::current_permits());
        let opened = Opened::current();
        Box::pin(async move {
            let url = Url::parse(&uri.to_string()).map_err(|_| EgressError::url(Rule::Malformed))?;
            let connecting = tokio::time::timeout(MAX_LENGTH, parts.connect(&url, own.as_deref(), &permits));
            let stream =
                connecting.await.unwrap_or_else(|_| Err(no_connection(Place::Url(&url), "it did not answer")))?;
            opened.note(&stream);
            Ok(TokioIo::new(stream))
        })
    }
}

impl Parts {
    async fn connect(&self, url: &Url, own: Option<&Shown>, permits: &Arc<Semaphore>) -> Result<Stream, EgressError> {
        let target = Target::of(url).map_err(EgressError::url)?;
        let (tcp, proxied) = self.reach(Place::Url(url), &target, permits).await?;
        match url.scheme() {
            "https" => self.handshake(url, &target.host, own, tcp).await,
            _ => Ok(Stream::Plain { tcp, proxied }),
        }
    }

    /// Opens a connection to a judged place. Returns whether it is one to the operator's proxy.
    async fn reach(
        &self,
        place: Place<'_>,
        target: &Target,
        permits: &Arc<Semaphore>,
    ) -> Result<(TcpStream, bool), EgressError> {
        let clearance = judge_target(&self.policy, place, target)?;
        match self.policy.proxy_for(clearance) {
            Some(proxy) => Ok((self.dial_proxy(place, proxy, permits).await?, true)),
            None => {
                let cleared = self.clear(place, target, clearance, permits).await?;
                Ok((self.dial(place, &cleared, target.port).await?, false))
            }
        }
    }

    /// Returns the addresses that may be dialled for a target.
    async fn clear(
        &self,
        place: Place<'_>,
        target: &Target,
        clearance: Clearance,
        permits: &Arc<Semaphore>,
    ) -> Result<Vec<Cleared>, EgressError> {
        match &target.host {
            TargetHost::Address(address) => {
                let cleared = resolver::clear(&self.policy, &[*address], target.port, clearance);
                cleared.map_err(|rule| EgressError::refused_host(place, rule))
            }
            TargetHost::Name(name) => {
                let answer = self.look_ups.look_up(name, clearance, permits).await;
                let answer = answer.map_err(|rule| EgressError::Dns { host: name.clone(), rule })?;
                let cleared = resolver::clear(&self.policy, &answer, target.port, clearance);
                cleared.map_err(|rule| EgressError::refused_answer(place, rule))
            }
        }
    }

    async fn dial(&self, place: Place<'_>, cleared: &[Cleared], port: u16) -> Result<TcpStream, EgressError> {
        let addresses: Vec<_> = cleared.iter().map(|cleared| SocketAddr::new(cleared.address, port)).collect();
        dial_first(&*self.dialer, &addresses).await.map_err(|error| {
            // How an internal network answers must not be visible outside.
            let inner = cleared.iter().any(|cleared| cleared.clearance == Clearance::Opened);
            no_connection(place, if inner { "it did not answer" } else { explain(&error) })
        })
    }

    /// Opens a connection to the operator's proxy, for everything but http with a tunnel to the target.
    async fn dial_proxy(
        &self,
        place: Place<'_>,
        proxy: &Proxy,
        permits: &Arc<Semaphore>,
    ) -> Result<TcpStream, EgressError> {
        let unreachable = |_| no_connection(place, "the operator's proxy cannot be reached");
        let addresses = match &proxy.target.host {
            TargetHost::Address(address) => vec![*address],
            TargetHost::Name(name) => {
                let answer = self.look_ups.look_up(name, Clearance::Opened, permits).await;
                answer.map_err(|_| no_connection(place, "the operator's proxy has no address"))?
            }
        };
        let addresses: Vec<_> =
            addresses.into_iter().map(|address| SocketAddr::new(address, proxy.target.port)).collect();
        let tcp = dial_first(&*self.dialer, &addresses).await.map_err(unreachable)?;
        if matches!(place, Place::Url(url) if url.scheme() == "http") {
            return Ok(tcp);
        }
        proxy::tunnel(tcp, proxy, &place.authority()).await.map_err(|why| no_connection(place, &why))
    }

    async fn handshake(
        &self,
        url: &Url,
        host: &TargetHost,
        own: Option<&Shown>,
        tcp: TcpStream,
    ) -> Result<Stream, EgressError> {
        let fail = |said: Said| said.about(urls::display(url));
        let name = host.server_name().map_err(EgressError::url)?;
        let shared = self.shared_tls().await.map_err(fail)?;
        let config = match own {
            None => shared,
            Some(own) => own.tls.get_or_init(async || tls::showing(shared, &own.key)).await,
        };
        let connecting = TlsConnector::from(Arc::clone(config)).connect(name, tcp).await;
        let shows = own.is_some();
        let tls = connecting.map_err(|error| fail(tls::explain(&error, shows)))?;
        Ok(Stream::Tls(Box::new(Secure::new(tls, TlsSaid::new(shows)))))
    }

    async fn shared_tls(&self) -> Result<&Arc<ClientConfig>, Said> {
        self.tls.get_or_try_init(|| tls::load(self.roots.clone())).await
    }
}

impl ConnectionOpener {
    /// Opens a connection on which another protocol than HTTP is spoken.
    pub(super) async fn dial(&self, place: &WirePlace, permits: &Arc<Semaphore>) -> Result<TcpStream, EgressError> {
        let (tcp, _) = self.parts.reach(Place::Wire(place), &place.target, permits).await?;
        Ok(tcp)
    }

    /// Returns the TLS settings of connections on which another protocol than HTTP is spoken.
    pub(super) async fn wire_tls(&self) -> Result<Arc<ClientConfig>, Said> {
        let wire = self.parts.wire_tls.get_or_try_init(async || {
            let shared = self.parts.shared_tls().await?;
            Ok(tls::for_wires(shared))
        });
        wire.await.cloned()
    }
}

impl TargetHost {
    /// Returns the name that the server's certificate must hold.
    pub(super) fn server_name(&self) -> Result<ServerName<'static>, Rule> {
        match self {
            Self::Address(address) => Ok(ServerName::from(*address)),
            Self::Name(name) => ServerName::try_from(name.clone()).map_err(|_| Rule::Malformed),
        }
    }
}

/// Judges a place's name and port, or its literal address.
pub(super) fn judge_target(policy: &Policy, place: Place<'_>, target: &Target) -> Result<Clearance, EgressError> {
    policy.judge_target(place.protocol(), target).map_err(|rule| EgressError::refused_host(place, rule))
}

fn no_connection(place: Place<'_>, why: &str) -> EgressError {
    EgressError::Connect { target: place.shown(), why: why.to_owned() }
}

fn explain(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "the connection was refused",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "there is no route to it",
        io::ErrorKind::ConnectionReset => "the connection was reset",
        _ => "it did not answer",
    }
}
