//! Serving and stopping: readiness turns off, accepting stops, running calls get time to end, then the process ends.
//! The socket itself is served like that of every connector service.

use std::sync::OnceLock;

use axum::Router;
use connector_runtime::serve::{self, ConnectionLimits, STOP_TIMEOUT};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// Serves a router until a stop is requested (`asked`), then waits for running calls.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    app: &App,
    asked: &CancellationToken,
) {
    let end = OnceLock::new();
    let stop = async {
        asked.cancelled().await;
        end.get_or_init(|| Instant::now() + STOP_TIMEOUT);
        app.begin_stop();
        app.calls.close();
        tracing::info!("stopping: no new connections; waiting for running calls");
    };
    serve::serve_within(listener, router, limits, stop).await;
    // Calls go on even if their callers have disconnected.
    let end = *end.get_or_init(Instant::now);
    if timeout_at(end, app.calls.wait()).await.is_err() {
        tracing::warn!(seconds = STOP_TIMEOUT.as_secs(), "calls were still running when the time was up");
    }
    app.close().await;
    tracing::info!("stopped");
}

/// Raises the number of descriptors that this process may open to what the system allows it. Many systems start a
/// process with 1,024, which one client's connections would use up.
pub fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        tracing::warn!(%error, "the limit of descriptors could not be raised; fewer connections are accepted");
    }
}
