//! Serving and stopping: readiness turns off, accepting stops, running calls get time to end and are cut after it, then
//! the process ends. The socket itself is served like that of every connector service.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use connector_runtime::serve::{self, ConnectionLimits};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::app::App;

/// How long calls that are cut may take to be recorded and answered.
const CUT_TIME: Duration = Duration::from_secs(3);

/// How long the steps of a stop take at most.
#[derive(Debug, Clone, Copy)]
pub struct StopTimes {
    /// How long the socket stays open while `/readyz` already says that the server is stopping.
    pub drain: Duration,
    /// How long running calls may go on after that.
    pub grace: Duration,
}

/// What is served, where, and within which limits.
#[derive(Debug)]
pub struct Listening {
    /// The socket.
    pub listener: TcpListener,
    /// The routes.
    pub router: Router,
    /// How many connections there may be.
    pub limits: ConnectionLimits,
    /// How long a stop takes.
    pub times: StopTimes,
}

/// Serves until a stop is requested (`asked`), then waits for running calls.
pub async fn serve(listening: Listening, app: &App, asked: &CancellationToken, manager: &ServiceManager) {
    let Listening { listener, router, limits, times: StopTimes { drain, grace } } = listening;
    let end = OnceLock::new();
    let stop = async {
        asked.cancelled().await;
        app.begin_stop();
        manager.stopping();
        if !drain.is_zero() {
            tracing::info!(seconds = drain.as_secs(), "not ready any more; the socket stays open for a while");
            sleep(drain).await;
        }
        app.calls.close();
        tracing::info!(seconds = grace.as_secs(), "stopping: no new connections; waiting for running calls");
        let end = *end.get_or_init(|| Instant::now() + grace);
        let app = app.clone();
        tokio::spawn(async move {
            sleep_until(end).await;
            if !app.calls.is_empty() {
                tracing::warn!(calls = app.calls.len(), "calls are cut, because the time to end is up");
            }
            app.cut.cancel();
        });
    };
    serve::serve_within(listener, router, limits, grace + CUT_TIME, stop).await;
    // Calls go on even if their callers have disconnected.
    let end = *end.get_or_init(Instant::now) + CUT_TIME;
    if timeout_at(end, app.calls.wait()).await.is_err() {
        tracing::warn!(calls = app.calls.len(), "calls were still running when the time was up");
    }
    app.close().await;
    tracing::info!("stopped");
}

/// The service manager that started this process, if it wants to be told how the process is (sd_notify(3)).
#[derive(Debug, Clone)]
pub struct ServiceManager(Option<String>);

impl ServiceManager {
    /// Takes the value of the variable `NOTIFY_SOCKET`: a path, or `@` and an abstract name.
    pub fn at(socket: Option<String>) -> Self {
        Self(socket)
    }

    /// Says that the server is ready.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// Says that the server is stopping.
    fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, state: &str) {
        let Some(path) = &self.0 else { return };
        let told = UnixDatagram::unbound().and_then(|socket| match path.strip_prefix('@') {
            Some(name) => socket.send_to_addr(state.as_bytes(), &SocketAddr::from_abstract_name(name)?),
            None => socket.send_to(state.as_bytes(), path),
        });
        if let Err(error) = told {
            tracing::warn!(%error, "the service manager could not be told: {state}");
        }
    }
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
