//! `floh serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::serve::stop_signal;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use super::{CliError, print, runtime};
use crate::app::{App, Options};
use crate::auth::AdminStart;
use crate::config::{EnvSecrets, ServeArgs, seal_process, variable};
use crate::data_lock::DataLock;
use crate::listen::{Listening, ServiceManager};
use crate::public_url::PublicUrl;
use crate::seed::SeedOptions;
use crate::store::{OnLoss, START_PATIENCE, sqlite_file};
use crate::ui;
use crate::work::WorkLimits;
use crate::{listen, mcp, telemetry};

/// How often the samples of histograms are aggregated.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The bytes of a block that the allocator does not take from its pages of small ones.
const LARGE_BLOCK: usize = 4 << 20;

pub(super) fn run(args: ServeArgs) -> Result<ExitCode, CliError> {
    telemetry::init_logs(args.log_format, &args.log).map_err(CliError::usage)?;
    let secrets = EnvSecrets::read();
    seal_process();
    listen::raise_descriptor_limit();
    let runtime = runtime()?;
    // A start takes memory that nothing needs afterwards. It goes back to the system with the thread that had it; the main thread,
    // which waits from here on, would keep it.
    let started = thread::scope(|scope| scope.spawn(|| runtime.block_on(start(args, secrets))).join());
    let Started { app, listening, first } = started.unwrap_or_else(|panic| resume_unwind(panic))?;
    runtime.block_on(serve(&app, listening, first))
}

/// A server that is ready to be reached.
struct Started {
    app: App,
    listening: Listening,
    first: AdminStart,
}

async fn start(args: ServeArgs, secrets: EnvSecrets) -> Result<Started, CliError> {
    let policy = args.egress.policy().map_err(CliError::usage)?;
    for warning in policy.warnings() {
        tracing::warn!("{warning}");
    }
    let nats = args.nats.settings().map_err(CliError::usage)?;
    let metrics = telemetry::init_metrics().map_err(CliError::failed)?;
    let database_url = args.storage.database_url();
    let listener = match TcpListener::bind(args.listen).await {
        Ok(listener) => listener,
        Err(error) => {
            // Another server on the same data may have the address; then the error should name that server.
            let uses_key_file = secrets.master_key.is_none();
            let data_dir = args.storage.data_dir();
            DataLock::look(data_dir, uses_key_file, sqlite_file(&database_url).as_deref()).map_err(CliError::failed)?;
            let listen = args.listen;
            let text = format!("cannot listen on {listen}: {error}; choose another address with --listen");
            return Err(CliError::Failed(text));
        }
    };
    let work = WorkLimits::new(args.work.memory_budget());
    let options = Options {
        data_dir: args.storage.data_dir(),
        database_url: &database_url,
        master_key: secrets.master_key,
        policy,
        scripts: args.scripts.scripts(&work.memory, args.work.answer_limit()).map_err(CliError::failed)?,
        seed: SeedOptions {
            allow_downgrade: args.allow_downgrade,
            allow_schema_drift: args.allow_schema_drift,
            samples: true,
        },
        retention: args.retention.limits(),
        record_limit: usize::from(args.record_limit) << 10,
        run_workers: args.run_workers,
        work,
        public_url: args.public_url,
        nats,
        on_loss: if args.accept_loss { OnLoss::Accept } else { OnLoss::Refuse },
    };
    let app = App::start(options).await.map_err(CliError::failed)?;
    let ready = async {
        let turn = app.store.start_turn(START_PATIENCE).await.map_err(CliError::failed)?;
        let first = app.auth.ensure_admin(secrets.admin_token.as_ref()).await.map_err(CliError::failed)?;
        drop(turn);
        Ok(first)
    };
    match ready.await {
        Ok(first) => {
            tokio::spawn(upkeep(metrics.clone()));
            app.scripts.sandbox.prepare();
            let router = ui::router(&app, Some(metrics), mcp::router(&app, args.mcp.settings()));
            let (limits, times) = (args.connections.limits(), args.stop.times());
            Ok(Started { app, listening: Listening { listener, router, limits, times }, first })
        }
        Err(error) => {
            app.close().await;
            Err(error)
        }
    }
}

/// Serves until a stop is requested.
async fn serve(app: &App, listening: Listening, first: AdminStart) -> Result<ExitCode, CliError> {
    let served = announce_and_serve(app, listening, first).await;
    if served.is_err() {
        app.close().await;
    }
    served.map(|()| ExitCode::SUCCESS)
}

async fn announce_and_serve(app: &App, listening: Listening, first: AdminStart) -> Result<(), CliError> {
    let address = listening.listener.local_addr().map_err(CliError::failed)?;
    app.announce(address).await.map_err(CliError::failed)?;
    if let AdminStart::Created { token, is_first } = first {
        welcome(address, &token, is_first);
        let code = app.auth.login_code(&token).map_err(CliError::failed)?;
        print(format_args!("open {}/login/{}\n", seen_at(app, address), code.expose()));
    }
    if !address.ip().is_loopback() && !app.public_url().is_some_and(PublicUrl::is_https) {
        tracing::warn!(
            %address,
            "the web pages are served over plain http beyond this machine: tokens and session cookies travel unprotected. Let a \
             proxy end TLS, and name its address with --public-url (FLOH_PUBLIC_URL)"
        );
    }
    // Whoever reads the next line may send a signal at once.
    let asked = stop_signal().map_err(CliError::failed)?;
    print(format_args!("listening on http://{address}"));
    let manager = ServiceManager::at(variable("NOTIFY_SOCKET"));
    manager.ready();
    listen::serve(listening, app, &asked, &manager).await;
    Ok(())
}

/// Aggregates the samples of histograms regularly, because otherwise they stay in memory until the metrics are read; and gives freed
/// memory back.
async fn upkeep(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
        give_back();
    }
}

/// Lets the allocator give back what was freed a second ago or earlier: it looks for that only when a large block is freed, which a
/// server at rest never does. Nothing is written to the block, so it takes no memory.
fn give_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE_BLOCK)));
}

/// Returns the address to open in a browser.
fn seen_at(app: &App, address: SocketAddr) -> String {
    if let Some(public) = app.public_url() {
        return public.to_string();
    }
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

/// The message with an admin token, shown once, and a line that can be copied.
fn welcome(address: SocketAddr, token: &Secret, is_first: bool) {
    let token = token.expose();
    let why = if is_first { "First start." } else { "No admin token is valid any more." };
    print(format_args!(
        "{why} This admin token is shown once; keep it:\n\n  {token}\n\nTry it:\n\n  curl -H 'Authorization: Bearer {token}' http://{address}/api/connector-types\n"
    ));
}
