//! The listening socket and how it ends: readiness turns off, accepting stops, what is at work gets
//! its time, then the process goes.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

use crate::api::PeerAddress;
use crate::app::App;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long work may go on after a stop was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(25);
/// How long to wait when the system has no socket left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves a router until a stop is asked for, then waits for what is at work.
///
/// # Errors
/// Where signals cannot be received.
pub async fn serve(listener: TcpListener, router: Router, app: &App) -> io::Result<()> {
    let stop = stop_signal()?;
    let graceful = GracefulShutdown::new();
    accept(listener, router, &graceful, &stop).await;
    app.begin_stop();
    tracing::info!("stopping: no new connections; waiting for what is at work");
    app.calls.close();
    let at_work = async {
        graceful.shutdown().await;
        app.calls.wait().await;
    };
    if tokio::time::timeout(STOP_TIMEOUT, at_work).await.is_err() {
        tracing::warn!(seconds = STOP_TIMEOUT.as_secs(), "calls were still at work when the time was up");
    }
    app.close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Cancels at the first SIGTERM or SIGINT; the second one ends the process at once.
fn stop_signal() -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        for asked_before in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if asked_before {
                tracing::warn!("asked to stop twice: ending at once");
                std::process::exit(1);
            }
            token.cancel();
        }
    });
    Ok(stop)
}

async fn accept(listener: TcpListener, router: Router, graceful: &GracefulShutdown, stop: &CancellationToken) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_header_list_size(64 * 1024);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => connection(stream, &builder, &router, graceful),
            Err(error) => {
                // A peer that went away again is its own matter; a lack of sockets passes.
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn connection(stream: TcpStream, builder: &auto::Builder<TokioExecutor>, router: &Router, graceful: &GracefulShutdown) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    // Without one the peer has gone already, and the connection ends by itself.
    let peer = Extension(stream.peer_addr().ok().map(PeerAddress));
    let service = TowerToHyperService::new(peer.layer(router.clone()));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = pin!(connection).await {
            tracing::debug!(error, "a connection ended early");
        }
    });
}
