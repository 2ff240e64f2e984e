//! `floh serve`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::serve::{ConnectionLimits, stop_signal};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use super::{CliError, print, runtime};
use crate::app::{App, Options};
use crate::auth::AdminStart;
use crate::config::{EnvSecrets, ServeArgs, seal_process, variable};
use crate::data_lock::DataLock;
use crate::listen::{ServiceManager, StopTimes};
use crate::mcp_settings::Settings;
use crate::public_url::PublicUrl;
use crate::seed::SeedOptions;
use crate::store::{OnLoss, START_PATIENCE, sqlite_file};
use crate::ui;
use crate::work::WorkLimits;
use crate::{listen, mcp, telemetry};

/// How often the samples of histograms are aggregated.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

pub(super) fn run(args: ServeArgs) -> Result<ExitCode, CliError> {
    telemetry::init_logs(args.log_format, &args.log).map_err(CliError::usage)?;
    let secrets = EnvSecrets::read();
    seal_process();
    listen::raise_descriptor_limit();
    runtime()?.block_on(serve(args, secrets))
}

async fn serve(args: ServeArgs, secrets: EnvSecrets) -> Result<ExitCode, CliError> {
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
    let limits = args.connections.limits();
    let served = serve_app(
        &app,
        listener,
        limits,
        args.stop.times(),
        secrets.admin_token.as_ref(),
        metrics,
        args.mcp.settings(),
    )
    .await;
    if served.is_err() {
        app.close().await;
    }
    served.map(|()| ExitCode::SUCCESS)
}

/// Serves until a stop is requested.
async fn serve_app(
    app: &App,
    listener: TcpListener,
    limits: ConnectionLimits,
    times: StopTimes,
    admin_token: Option<&Secret>,
    metrics: PrometheusHandle,
    settings: Settings,
) -> Result<(), CliError> {
    let turn = app.store.start_turn(START_PATIENCE).await.map_err(CliError::failed)?;
    let first = app.auth.ensure_admin(admin_token).await.map_err(CliError::failed)?;
    drop(turn);
    let address = listener.local_addr().map_err(CliError::failed)?;
    tokio::spawn(upkeep(metrics.clone()));
    app.scripts.sandbox.prepare();
    let router = ui::router(app, Some(metrics), mcp::router(app, settings));
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
    listen::serve(listener, router, limits, times, app, &asked, &manager).await;
    Ok(())
}

/// Aggregates the samples of histograms regularly, because otherwise they stay in memory until the metrics are read.
async fn upkeep(metrics: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP_EVERY);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
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
