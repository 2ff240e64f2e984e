//! The listening socket of a service and its end: after SIGTERM or SIGINT the service accepts no more
//! connections, waits for running calls, and exits. A second signal ends the process at once.

use std::convert::Infallible;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tower::{Layer as _, ServiceExt as _};

use super::activity::Activity;
use super::connections::{ConnectionLimits, Connections, OpenConnection};
use super::guarded_stream::{GuardedStream, Patience};
use super::{ServeError, Service, Settings};
use crate::egress::Client;
use crate::process;
use crate::registry::{DuplicateConnector, Registry};
use crate::schema::MAX_SECRET_BYTES;

/// The longest that a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the first bytes of a connection may take, and how long a client may read nothing of its answer.
const PATIENCE: Patience = Patience { first_bytes: Duration::from_secs(10), write: Duration::from_secs(30) };
/// How long a connection may have no request at work. One with HTTP/1 has no longer than [`HEAD_TIMEOUT`].
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// What a connection beyond the limits is told, as far as it listens.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// How often refused connections are reported at most.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// The longest that running calls may go on after a stop was asked for, unless a setting says otherwise.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(25);
/// Time between two pings of an HTTP/2 client.
const PING: Duration = Duration::from_secs(20);
/// The pause after a connection could not be accepted, for example because the system has no sockets left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) fn main_with(registry: Result<Registry, DuplicateConnector>) -> ExitCode {
    let served = registry.map_err(ServeError::from).and_then(|registry| {
        let settings = Settings::read()?;
        // No other thread runs yet.
        process::seal().into_iter().for_each(warn);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(run(registry, settings))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Serves a registry until a stop is asked for, then waits for running calls. Prints
/// `listening on http://...` when it is ready.
///
/// # Errors
/// If there is nothing to serve, the address cannot be bound, or signals cannot be received.
pub async fn run(registry: Registry, settings: Settings) -> Result<(), ServeError> {
    if registry.is_empty() {
        return Err(ServeError::Empty);
    }
    let Settings { listen, signing_secret, accept_v1_signatures, policy } = settings;
    if let Some(length) = signing_secret.as_ref().map(|secret| secret.expose().len()).filter(|n| *n > MAX_SECRET_BYTES)
    {
        return Err(ServeError::LongSecret(length));
    }
    let stop = stop_signal()?;
    let listener = TcpListener::bind(listen).await.map_err(|error| ServeError::Listen { address: listen, error })?;
    for warning in policy.warnings() {
        warn(warning);
    }
    if signing_secret.is_none() && !listen.ip().is_loopback() {
        warn("anyone who reaches this address may execute commands; set FLOH_SIGNING_SECRET");
    }
    let mut service = Service::new(registry).through(Client::new(policy));
    if let Some(secret) = signing_secret {
        service = service.signed_with(secret);
    }
    if accept_v1_signatures {
        service = service.accepting_v1_signatures();
    }
    let address = listener.local_addr()?;
    let types = service.types();
    drop(writeln!(io::stdout(), "listening on http://{address} for {types}"));
    serve(listener, service.router(), stop.cancelled_owned()).await;
    Ok(())
}

/// Serves a router with the usual limits of connections; see [`serve_within`].
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    serve_within(listener, router, ConnectionLimits::default(), STOP_TIMEOUT, stop).await;
}

/// Serves a router until `stop` completes, then waits for running requests, for at most `grace`. Handlers find the caller's address in the extension `Option<ConnectInfo<SocketAddr>>`.
///
/// A connection beyond `limits` is answered with 503 and closed. One that sends nothing, asks for nothing or reads nothing
/// for too long is closed without an answer. Requests that another reader might understand differently are answered with 400.
pub async fn serve_within(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    grace: Duration,
    stop: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(64 * 1024);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(PING).max_header_list_size(64 * 1024);
    let mut stop = pin!(stop);
    let (connections, mut refusals) = (Connections::new(limits), Refusals::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => match connections.open(peer.ip()) {
                Some(open) => connection(stream, peer, open, &builder, &router, &graceful),
                None => refusals.refuse(&stream, peer, limits),
            },
            Err(error) => {
                // The peer may have hung up already, and a lack of sockets is temporary: go on after a pause.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
        tracing::warn!(seconds = grace.as_secs(), "calls were still running when the time was up");
    }
}

/// The connections that were refused since the last report.
#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    reported: Option<Instant>,
}

impl Refusals {
    fn refuse(&mut self, stream: &TcpStream, peer: SocketAddr, limits: ConnectionLimits) {
        // As much as the socket takes at once; it is empty, and the client may not listen.
        let told = stream.try_write(FULL).is_ok();
        self.count += 1;
        if self.reported.is_none_or(|at| at.elapsed() >= REPORT_EVERY) {
            let ConnectionLimits { total, per_peer } = limits;
            let count = std::mem::take(&mut self.count);
            tracing::warn!(
                count,
                last = %peer,
                told,
                "connections were refused: at most {total} may be open, {per_peer} of them from one address"
            );
            self.reported = Some(Instant::now());
        }
    }
}

fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    open: OpenConnection,
    builder: &auto::Builder<TokioExecutor>,
    router: &Router,
    graceful: &GracefulShutdown,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let router = Extension(Some(ConnectInfo(peer))).layer(router.clone());
    let activity = Activity::new();
    let requests = Arc::clone(&activity);
    let service = TowerToHyperService::new(tower::service_fn(move |request| {
        let at_work = requests.begin();
        let answer = router.clone().oneshot(request);
        async move { Ok::<_, Infallible>(answer.await?.map(|body| at_work.body(body))) }
    }));
    let stream = GuardedStream::new(stream, PATIENCE, open);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            ended = connection => if let Err(error) = ended {
                tracing::debug!(error, "a connection ended early");
            },
            why = activity.end(PATIENCE.write, IDLE_TIMEOUT) => tracing::debug!(?why, "a connection was cut"),
        }
    });
}

/// Returns a token that the first SIGTERM or SIGINT cancels; the second signal ends the process at once.
///
/// # Errors
/// If signals cannot be received.
pub fn stop_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        for asked_before in [false, true] {
            let signal = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if asked_before {
                tracing::warn!(signal, "asked to stop twice: ending at once; calls that are running are lost");
                std::process::exit(1);
            }
            tracing::info!(signal, "asked to stop");
            token.cancel();
        }
    });
    Ok(stop)
}

fn warn(warning: impl std::fmt::Display) {
    drop(writeln!(io::stderr(), "warning: {warning}"));
}
