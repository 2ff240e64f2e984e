//! `floh agent`: serves connectors of a private network over a connection that it opens itself; and `floh agent check`,
//! which checks beforehand whether it could.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use connector_runtime::registry::Registry;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::logs::{self, LogFormat};
use crate::route::{proxy_for, variables_not_read};
use crate::{
    Agent, AgentConfig, CheckResult, Finding, OwnCertificate, Pace, Route, ServerAddress, Settings, check, read_token,
    tls_config,
};
use connector_runtime::process::{self, note_secret_variable, secret_variable};

/// How long running look-ups may delay the end of the process.
const LAST_LOOKUPS: Duration = Duration::from_millis(200);

/// The command line of an agent.
#[derive(Debug, Args)]
pub struct AgentCommand {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    args: AgentArgs,
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The arguments are wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The work failed: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    fn usage(error: impl std::fmt::Display) -> Self {
        Self::Usage(error.to_string())
    }

    /// Wraps an error of the work.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Returns the exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::Failed(_) => 1,
        })
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the server, the token and every destination, and serve nothing.
    ///
    /// The agent is registered for a moment, unless one is running with the same --data-dir.
    Check {
        /// Print one JSON object a line: check, target, verdict, detail.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct AgentArgs {
    /// The server: wss://floh.example.com, or the whole address of its WebSocket.
    #[arg(long, global = true, env = "FLOH_AGENT_SERVER", value_name = "URL")]
    server: Option<String>,
    /// File with the agent's token, readable by its owner alone. Default: the variable FLOH_AGENT_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// What to serve, and where it may go.
    #[arg(long, global = true, default_value = "agent.toml", value_name = "FILE")]
    config: PathBuf,
    /// Certificates (PEM) of the private authority that signed the server's; no other is trusted then.
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of the agent's own certificate, for servers and proxies that ask for one; needs --client-key.
    #[arg(long, global = true, value_name = "FILE", requires = "client_key")]
    client_cert: Option<PathBuf>,
    /// PEM file of the key of --client-cert, readable by its owner alone.
    #[arg(long, global = true, value_name = "FILE", requires = "client_cert")]
    client_key: Option<PathBuf>,
    /// HTTP proxy that opens the connection to the server (CONNECT): http://proxy:3128 or http://user:password@proxy:3128.
    /// A password belongs into the variable. Other variables for proxies are not read.
    #[arg(long, global = true, env = "FLOH_AGENT_PROXY", value_name = "URL", hide_env_values = true)]
    proxy: Option<String>,
    /// Servers that are reached without the proxy: names, addresses, .example.com for all below a name, or *.
    #[arg(long, global = true, env = "FLOH_AGENT_NO_PROXY", value_name = "HOST", value_delimiter = ',')]
    no_proxy: Vec<String>,
    /// Folder of the journal; created if it does not exist.
    #[arg(long, global = true, env = "FLOH_DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Takes ws:// to another machine too: the token and every value travel in the clear.
    #[arg(long, global = true)]
    insecure_ws: bool,
    /// How log lines are written.
    #[arg(long, global = true, env = "FLOH_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
    /// What is logged, for example info or server=debug,info.
    #[arg(long, global = true, env = "FLOH_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

/// Runs the agent, or its check.
///
/// # Errors
/// [`CommandError::Usage`] for invalid settings, [`CommandError::Failed`] if the work failed.
pub fn run(registry: Registry, command: AgentCommand) -> Result<ExitCode, CommandError> {
    let AgentCommand { command, args } = command;
    logs::init_logs(args.log_format, &args.log).map_err(CommandError::usage)?;
    let settings = args.settings(&registry)?;
    for open in process::seal() {
        tracing::warn!("{open}");
    }
    let registry = Arc::new(registry);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(CommandError::failed)?;
    let done = match command {
        None => runtime.block_on(serve(settings, registry)),
        Some(Command::Check { json }) => {
            let mut findings = unread_proxies(&settings);
            findings.extend(runtime.block_on(check(&settings, registry)));
            show(&findings, json)
        }
    };
    runtime.shutdown_timeout(LAST_LOOKUPS);
    done
}

/// Warns of variables that say where a proxy is and are not read.
#[expect(clippy::disallowed_methods, reason = "whether they are set, for a hint to the operator")]
fn unread_proxies(settings: &Settings) -> Vec<Finding> {
    if settings.route.proxy.is_some() {
        return Vec::new();
    }
    let set = variables_not_read(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let detail = "it is set, and not read; pass --proxy, or set FLOH_AGENT_PROXY, if the server is reached only so";
    set.into_iter().map(|name| Finding::new("proxy", name, CheckResult::Warning, detail)).collect()
}

impl AgentArgs {
    /// Reads all files and settings before anything is dialled.
    fn settings(self, registry: &Registry) -> Result<Settings, CommandError> {
        let address = self.server.as_deref().ok_or_else(|| {
            CommandError::Usage("no server; pass --server wss://floh.example.com or set FLOH_AGENT_SERVER".to_owned())
        })?;
        let server = ServerAddress::parse(address, self.insecure_ws).map_err(CommandError::usage)?;
        let token = secret_variable("FLOH_AGENT_TOKEN");
        let token = read_token(self.token_file.as_deref(), token).map_err(CommandError::usage)?;
        let own = self.client_cert.zip(self.client_key);
        let own = own.map(|(certificate, key)| OwnCertificate { certificate, key });
        let tls = server.is_encrypted().then(|| tls_config(self.ca.as_deref(), own.as_ref())).transpose();
        let proxy = proxy_for(&server, self.proxy.as_deref(), &self.no_proxy).map_err(CommandError::usage)?;
        note_secret_variable("FLOH_AGENT_PROXY");
        Ok(Settings {
            route: Route { server, tls: tls.map_err(CommandError::usage)?, proxy },
            token,
            config: AgentConfig::read(&self.config, registry).map_err(CommandError::usage)?,
            data_dir: self.data_dir,
            pace: Pace::default(),
        })
    }
}

async fn serve(settings: Settings, registry: Arc<Registry>) -> Result<ExitCode, CommandError> {
    for warning in settings.config.policy.warnings() {
        tracing::warn!("{}", warning.replace("egress setting", "allow:"));
    }
    let stop = stop_signal().map_err(CommandError::failed)?;
    let agent = Agent::open(settings, registry).await.map_err(CommandError::failed)?;
    agent.run(&stop, |line| print(line)).await;
    Ok(ExitCode::SUCCESS)
}

/// Cancels at the first SIGTERM or SIGINT; the second one ends the process at once.
fn stop_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        either(&mut terminate, &mut interrupt).await;
        tracing::info!("stopping: running commands have 25 s");
        token.cancel();
        either(&mut terminate, &mut interrupt).await;
        std::process::exit(1);
    });
    Ok(stop)
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// Prints the findings: a table for people, or JSON lines.
fn show(findings: &[Finding], json: bool) -> Result<ExitCode, CommandError> {
    let width =
        |text: fn(&Finding) -> &str| findings.iter().map(|finding| text(finding).chars().count()).max().unwrap_or(0);
    let (check, target) = (width(|finding| &finding.check), width(|finding| &finding.target));
    for finding in findings {
        if json {
            print(serde_json::to_string(finding).map_err(CommandError::failed)?);
            continue;
        }
        let word = match finding.verdict {
            CheckResult::Ok => "ok",
            CheckResult::Warning => "warning",
            CheckResult::Failed => "failed",
        };
        print(format!("{word:7}  {:check$}  {:target$}  {}", finding.check, finding.target, finding.detail));
    }
    let failed = findings.iter().any(|finding| finding.verdict == CheckResult::Failed);
    Ok(if failed { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

/// Writes a line to standard output. A closed pipe is not an error.
fn print(line: impl std::fmt::Display) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
