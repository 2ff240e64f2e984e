//! Settings: flags of `floh serve` and environment variables. The only file that reads the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use connector_runtime::Secret;
use connector_runtime::egress::memory::MemoryBudget;
use connector_runtime::egress::{Policy, PolicyError};
use connector_runtime::process::{note_secret_variable, seal, secret_variable};
use connector_runtime::serve::ConnectionLimits;

use crate::background::{
    DEFAULT_AUDIT_DAYS, DEFAULT_AUDIT_ROWS, DEFAULT_EXECUTION_DAYS, DEFAULT_EXECUTION_MIB, DEFAULT_EXECUTION_ROWS,
    DEFAULT_KEY_MIB, DEFAULT_KEY_ROWS, DEFAULT_RUN_DAYS, DEFAULT_RUN_ROWS, Retention,
};
use crate::listen::StopTimes;
use crate::mcp_settings::{Confirm, Secrets, Settings, Tools};
use crate::nats::{DEFAULT_PREFIX, NatsSettings, NatsSettingsError};
use crate::public_url::PublicUrl;
use crate::run_queue::{DEFAULT_RUN_WORKERS, MAX_RUN_WORKERS};
use crate::script::{Limits as ScriptLimits, Pool, PoolSettings, Scripts};
use crate::store::{Limits, sqlite_url};
use crate::telemetry::LogFormat;
use crate::work::quarter_of_memory;

/// Where the database and the key file are.
#[derive(Debug, Clone, Args)]
pub struct StorageArgs {
    /// Folder of the database file and the key file; created if it does not exist. One server at a time uses it; `floh
    /// token` works while a server is running.
    #[arg(long, global = true, env = "FLOH_DATA_DIR", default_value = "./data", value_name = "FOLDER")]
    pub data_dir: PathBuf,
    /// Database: sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE. Default: floh.db in the data folder.
    #[arg(long, global = true, env = "FLOH_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

impl StorageArgs {
    /// Returns the database's URL.
    pub fn database_url(&self) -> String {
        self.database_url.clone().unwrap_or_else(|| sqlite_url(&self.data_dir.join("floh.db")))
    }

    /// Returns the data folder.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }
}

/// Where requests of connectors may go beyond the public internet.
#[derive(Debug, Clone, Default, Args)]
pub struct EgressArgs {
    /// Opens destinations that are refused otherwise: CIDR, host or host:port. Loopback, link-local and
    /// metadata addresses open only one by one.
    #[arg(long, env = "FLOH_EGRESS_ALLOW", value_name = "DESTINATION", value_delimiter = ',')]
    pub egress_allow: Vec<String>,
    /// Refuses destinations that are open otherwise; wins over --egress-allow.
    #[arg(long, env = "FLOH_EGRESS_DENY", value_name = "DESTINATION", value_delimiter = ',')]
    pub egress_deny: Vec<String>,
    /// Sends requests through this HTTP proxy. The usual proxy variables are not read.
    #[arg(long, env = "FLOH_EGRESS_PROXY", value_name = "URL", hide_env_values = true)]
    pub egress_proxy: Option<String>,
}

impl EgressArgs {
    /// Builds the policy.
    ///
    /// # Errors
    /// Names the invalid value and the reason.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        let policy = Policy::parse(&self.egress_allow, &self.egress_deny)?;
        match &self.egress_proxy {
            Some(proxy) => policy.with_proxy(proxy),
            None => Ok(policy),
        }
    }
}

/// The NATS by which servers that share a PostgreSQL reach each other's agents.
#[derive(Debug, Clone, Default, Args)]
pub struct NatsArgs {
    /// NATS, by which several servers on one PostgreSQL bring commands to each other's agents: tls://HOST:PORT, or nats://HOST:PORT on
    /// this machine; several with commas.
    #[arg(long, env = "FLOH_NATS_URL", value_name = "URL", value_delimiter = ',', hide_env_values = true)]
    pub nats_url: Vec<String>,
    /// File with what this server shows NATS: credentials as NATS's tools write them, the seed of a key, or USER:PASSWORD.
    #[arg(long, env = "FLOH_NATS_CREDENTIALS", value_name = "FILE", requires = "nats_url")]
    pub nats_credentials: Option<PathBuf>,
    /// PEM file with the authorities that NATS's certificate may come from, beside those of this machine.
    #[arg(long, env = "FLOH_NATS_CA", value_name = "FILE", requires = "nats_url")]
    pub nats_ca: Option<PathBuf>,
    /// PEM file with a certificate that this server shows NATS.
    #[arg(long, env = "FLOH_NATS_CERTIFICATE", value_name = "FILE", requires = "nats_url")]
    pub nats_certificate: Option<PathBuf>,
    /// PEM file with the key of that certificate.
    #[arg(long, env = "FLOH_NATS_KEY", value_name = "FILE", requires = "nats_url")]
    pub nats_key: Option<PathBuf>,
    /// First part of the subjects that are used; several installations on one NATS take different ones.
    #[arg(long, env = "FLOH_NATS_PREFIX", default_value = DEFAULT_PREFIX, value_name = "WORD")]
    pub nats_prefix: String,
}

impl NatsArgs {
    /// Checks and reads the settings; `None` without an address.
    ///
    /// # Errors
    /// Names the wrong setting, and how to mend it.
    pub fn settings(&self) -> Result<Option<NatsSettings>, NatsSettingsError> {
        let urls: Vec<String> = self.nats_url.iter().filter(|url| !url.trim().is_empty()).cloned().collect();
        if urls.is_empty() {
            return Ok(None);
        }
        let mut settings = NatsSettings::new(&urls, &self.nats_prefix)?;
        if let Some(file) = &self.nats_credentials {
            settings = settings.with_credentials(file)?;
        }
        if let Some(file) = &self.nats_ca {
            settings = settings.with_ca(file)?;
        }
        settings.with_certificate(self.nats_certificate.as_deref(), self.nats_key.as_deref()).map(Some)
    }
}

/// How much scripts may take of this machine.
#[derive(Debug, Clone, Args)]
pub struct ScriptArgs {
    /// Worker processes that scripts run in, in all; as many again may wait for HTTP. Each may take the memory of one
    /// script and a few MiB.
    #[arg(long, env = "FLOH_SCRIPT_WORKERS", default_value_t = 32, value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub script_workers: u16,
    /// Memory that one script may take for its own work, in MiB; it gets more to hold large answers.
    #[arg(long, env = "FLOH_SCRIPT_MEMORY", default_value_t = 64, value_name = "MIB",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub script_memory: u16,
}

impl ScriptArgs {
    /// Creates the sandbox, whose large frames count against a budget. No worker is started before `prepare` or the first call.
    ///
    /// # Errors
    /// If the operating system cannot spawn a thread.
    pub fn scripts(&self, memory: &MemoryBudget, answer: usize) -> std::io::Result<Scripts> {
        let workers = usize::from(self.script_workers);
        let usual = PoolSettings::default();
        // The spare workers are part of the total.
        let spares = usual.spares.min(workers / 2);
        let per_connector = usual.per_connector.min(workers);
        let limits = ScriptLimits::of(usize::from(self.script_memory) << 20, answer);
        let pool = Pool::new(PoolSettings {
            workers,
            spares,
            per_connector,
            memory: memory.clone(),
            room: limits.room(),
            ..usual
        })?;
        Ok(Scripts { sandbox: Arc::new(pool), limits })
    }
}

/// The maximum number of days for which something is kept: ten years. 0 keeps it for ever.
pub const MAX_DAYS: u16 = 3653;

/// How much is kept of what grows with use.
#[derive(Debug, Clone, Args)]
pub struct RetentionArgs {
    /// Days for which executions are kept; 0 keeps them for ever.
    #[arg(long, env = "FLOH_EXECUTION_DAYS", default_value_t = DEFAULT_EXECUTION_DAYS, value_name = "DAYS",
        value_parser = clap::value_parser!(u16).range(0..=i64::from(MAX_DAYS)))]
    pub execution_days: u16,
    /// Executions that are kept; beyond it the oldest are removed. 0 is no limit.
    #[arg(long, env = "FLOH_EXECUTION_ROWS", default_value_t = DEFAULT_EXECUTION_ROWS, value_name = "COUNT")]
    pub execution_rows: u64,
    /// Size of the executions that are kept, in MiB; beyond it the oldest are removed. 0 is no limit.
    #[arg(long, env = "FLOH_EXECUTION_MIB", default_value_t = DEFAULT_EXECUTION_MIB, value_name = "MIB")]
    pub execution_mib: u32,
    /// Days for which runs that have ended are kept; 0 keeps them for ever.
    #[arg(long, env = "FLOH_RUN_DAYS", default_value_t = DEFAULT_RUN_DAYS, value_name = "DAYS",
        value_parser = clap::value_parser!(u16).range(0..=i64::from(MAX_DAYS)))]
    pub run_days: u16,
    /// Runs that are kept; beyond it the oldest that have ended are removed. 0 is no limit.
    #[arg(long, env = "FLOH_RUN_ROWS", default_value_t = DEFAULT_RUN_ROWS, value_name = "COUNT")]
    pub run_rows: u64,
    /// Days for which the audit trail is kept; 0 keeps it for ever.
    #[arg(long, env = "FLOH_AUDIT_DAYS", default_value_t = DEFAULT_AUDIT_DAYS, value_name = "DAYS",
        value_parser = clap::value_parser!(u16).range(0..=i64::from(MAX_DAYS)))]
    pub audit_days: u16,
    /// Entries of the audit trail that are kept; beyond it the oldest are removed. 0 is no limit.
    #[arg(long, env = "FLOH_AUDIT_ROWS", default_value_t = DEFAULT_AUDIT_ROWS, value_name = "COUNT")]
    pub audit_rows: u64,
    /// Size of the audit trail that is kept, in MiB; beyond it the oldest entries are removed. 0 is no limit.
    #[arg(long, env = "FLOH_AUDIT_MIB", default_value_t = 0, value_name = "MIB")]
    pub audit_mib: u32,
    /// Idempotency keys that are kept, each for 24 hours; beyond it new ones are refused. 0 is no limit.
    #[arg(long, env = "FLOH_KEY_ROWS", default_value_t = DEFAULT_KEY_ROWS, value_name = "COUNT")]
    pub key_rows: u64,
    /// Size of the answers that are kept for idempotency keys, in MiB; beyond it the oldest are removed, and their keys are
    /// refused until their day is over. 0 is no limit.
    #[arg(long, env = "FLOH_KEY_MIB", default_value_t = DEFAULT_KEY_MIB, value_name = "MIB")]
    pub key_mib: u32,
}

impl RetentionArgs {
    /// Returns the limits.
    pub fn limits(&self) -> Retention {
        let limits = |days, rows, mib| Limits::new(days, rows, u64::from(mib) << 20);
        Retention {
            executions: limits(self.execution_days, self.execution_rows, self.execution_mib),
            answers: limits(0, self.key_rows, self.key_mib),
            audit: limits(self.audit_days, self.audit_rows, self.audit_mib),
            runs: limits(self.run_days, self.run_rows, 0),
        }
    }
}

/// How many connections may be open.
#[derive(Debug, Clone, Default, Args)]
pub struct ConnectionArgs {
    /// Connections that may be open in all. Default: half of the files that the process may open, at most 10,000.
    #[arg(long, env = "FLOH_MAX_CONNECTIONS", value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: Option<u32>,
    /// Connections that may be open from one address, or one /64 network of IPv6. Default: half of all. Behind a proxy all
    /// connections come from its address.
    #[arg(long, env = "FLOH_MAX_CONNECTIONS_PER_PEER", value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections_per_peer: Option<u32>,
}

impl ConnectionArgs {
    /// Returns the limits. More connections than the process may open files are never accepted.
    pub fn limits(&self) -> ConnectionLimits {
        let usual = ConnectionLimits::default();
        let count = |given: Option<u32>| given.and_then(|count| usize::try_from(count).ok());
        let total = count(self.max_connections).map_or(usual.total, |total| total.min(ConnectionLimits::possible()));
        let per_peer = count(self.max_connections_per_peer).unwrap_or((total / 2).max(1)).min(total);
        ConnectionLimits { total, per_peer }
    }
}

/// How much memory work may take.
#[derive(Debug, Clone, Default, Args)]
pub struct WorkArgs {
    /// Memory that all bodies, frames and answers at work may take, in MiB; more is answered with 503. Default: a
    /// quarter of the machine's memory.
    #[arg(long, env = "FLOH_MEMORY_BUDGET", value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..))]
    pub memory_budget: Option<u32>,
    /// The size of an answer, in MiB: what a command may receive from a service at a time, and what a script may answer.
    /// Other limits follow from it: four times as much for all answers of a script.
    #[arg(long, env = "FLOH_ANSWER_LIMIT", default_value_t = 10, value_name = "MIB",
        value_parser = clap::value_parser!(u16).range(1..=32))]
    pub answer_limit: u16,
}

impl WorkArgs {
    /// Returns the size of an answer in bytes.
    pub fn answer_limit(&self) -> usize {
        usize::from(self.answer_limit) << 20
    }

    /// Returns the budget in bytes.
    pub fn memory_budget(&self) -> usize {
        let given = self.memory_budget.and_then(|mib| usize::try_from(u64::from(mib) << 20).ok());
        given.unwrap_or_else(quarter_of_memory)
    }
}

/// How long a stop takes.
#[derive(Debug, Clone, Args)]
pub struct StopArgs {
    /// Seconds for which the socket stays open after a stop was requested, while /readyz already answers 503, so that
    /// load balancers see it.
    #[arg(long, env = "FLOH_DRAIN", default_value_t = 0, value_name = "SECONDS",
        value_parser = clap::value_parser!(u16).range(0..=300))]
    pub drain: u16,
    /// Seconds that running calls then have to end. What still runs is cut; its callers get a failure.
    #[arg(long, env = "FLOH_GRACE", default_value_t = 25, value_name = "SECONDS",
        value_parser = clap::value_parser!(u16).range(0..=3600))]
    pub grace: u16,
}

impl StopArgs {
    /// Returns the times.
    pub fn times(&self) -> StopTimes {
        StopTimes { drain: Duration::from_secs(self.drain.into()), grace: Duration::from_secs(self.grace.into()) }
    }
}

/// How MCP clients are served.
#[derive(Debug, Clone, Args)]
pub struct McpArgs {
    /// Command tools that a client is shown at most; if there are more, it is shown none and finds them by search.
    #[arg(long, env = "FLOH_MCP_MAX_TOOLS", default_value_t = 100, value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(0..=10_000))]
    pub mcp_max_tools: u16,
    /// Which command tools are shown: auto goes by their number.
    #[arg(long, env = "FLOH_MCP_TOOLS", value_enum, default_value_t, value_name = "MODE")]
    pub mcp_tools: Tools,
    /// The most characters of a tool's name; clients put a prefix of their own before it.
    #[arg(long, env = "FLOH_MCP_NAME_LENGTH", default_value_t = 52, value_name = "CHARACTERS",
        value_parser = clap::value_parser!(u8).range(32..=64))]
    pub mcp_name_length: u8,
    /// The size of a result, in KiB, beyond which its payload is left out of the answer and read in parts.
    #[arg(long, env = "FLOH_MCP_RESULT_LIMIT", default_value_t = 64, value_name = "KIB",
        value_parser = clap::value_parser!(u16).range(4..=10_240))]
    pub mcp_result_limit: u16,
    /// Whether the user is asked before a command that deletes.
    #[arg(long, env = "FLOH_MCP_CONFIRM", value_enum, default_value_t, value_name = "MODE")]
    pub mcp_confirm: Confirm,
    /// Whether secrets are taken from a model.
    #[arg(long, env = "FLOH_MCP_SECRETS", value_enum, default_value_t, value_name = "MODE")]
    pub mcp_secrets: Secrets,
    /// Calls that one token may make in a minute.
    #[arg(long, env = "FLOH_MCP_RATE", default_value_t = 120, value_name = "COUNT",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub mcp_rate: u32,
    /// Calls of one token that may run at a time.
    #[arg(long, env = "FLOH_MCP_CONCURRENCY", default_value_t = 8, value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub mcp_concurrency: u16,
}

impl McpArgs {
    /// Returns the settings.
    pub fn settings(&self) -> Settings {
        Settings {
            tools: self.mcp_tools,
            max_tools: self.mcp_max_tools.into(),
            name_length: self.mcp_name_length.into(),
            result_limit: usize::from(self.mcp_result_limit) << 10,
            confirm: self.mcp_confirm,
            secrets: self.mcp_secrets,
            rate: self.mcp_rate,
            concurrency: self.mcp_concurrency.into(),
        }
    }
}

/// Settings of `floh serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "FLOH_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// The address under which browsers reach this server, if that is not the one above: that of the proxy before it, for example
    /// `https://floh.example.com`. With https, session cookies are sent over TLS alone.
    #[arg(long, env = "FLOH_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<PublicUrl>,
    /// Where the database and the key file are.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// How log lines are written.
    #[arg(long, env = "FLOH_LOG_FORMAT", value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// What is logged, for example info or server=debug,info.
    #[arg(long, env = "FLOH_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// Where requests of connectors may go.
    #[command(flatten)]
    pub egress: EgressArgs,
    /// How servers on one database reach each other.
    #[command(flatten)]
    pub nats: NatsArgs,
    /// How much scripts may take.
    #[command(flatten)]
    pub scripts: ScriptArgs,
    /// How much is kept.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// How long a stop takes.
    #[command(flatten)]
    pub stop: StopArgs,
    /// How many connections may be open.
    #[command(flatten)]
    pub connections: ConnectionArgs,
    /// How many steps of runs are at work at once.
    #[arg(long, env = "FLOH_RUN_WORKERS", default_value_t = DEFAULT_RUN_WORKERS, value_name = "STEPS",
        value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_RUN_WORKERS)))]
    pub run_workers: u16,
    /// How much of the params, the result and the diagnostics of an execution is recorded, each, in KiB.
    #[arg(long, env = "FLOH_RECORD_LIMIT", default_value_t = 256, value_name = "KIB",
        value_parser = clap::value_parser!(u16).range(1..=16_384))]
    pub record_limit: u16,
    /// How much memory work may take.
    #[command(flatten)]
    pub work: WorkArgs,
    /// How MCP clients are served.
    #[command(flatten)]
    pub mcp: McpArgs,
    /// Starts with connector types older than those that the database was seeded with.
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Starts with connector types whose schema differs from the one seeded under the same version.
    #[arg(long)]
    pub allow_schema_drift: bool,
    /// Starts although the database, or what was written to it last, is missing: with what is there, as a new server if
    /// nothing is. For one start, after a refused one; what is lost stays lost.
    #[arg(long)]
    pub accept_loss: bool,
}

/// Secrets that are read only from the environment, so that they never appear in a process list.
#[derive(Debug, Default)]
pub struct EnvSecrets {
    /// `FLOH_MASTER_KEY`: seals the secrets in the database.
    pub master_key: Option<Secret>,
    /// `FLOH_ADMIN_TOKEN`: the first admin token.
    pub admin_token: Option<Secret>,
}

impl EnvSecrets {
    /// Reads the secrets.
    pub fn read() -> Self {
        Self { master_key: secret_variable("FLOH_MASTER_KEY"), admin_token: secret_variable("FLOH_ADMIN_TOKEN") }
    }
}

/// The variables that the command line reads by itself and that may hold a password.
const WITH_PASSWORDS: [&str; 3] = ["FLOH_DATABASE_URL", "FLOH_EGRESS_PROXY", "FLOH_NATS_URL"];

/// Wipes the secrets of the environment and closes the process to others, once all settings were read; logs what could
/// not be done. No other thread may run yet.
pub fn seal_process() {
    WITH_PASSWORDS.into_iter().for_each(note_secret_variable);
    for open in seal() {
        tracing::warn!("{open}");
    }
}

/// Reads a variable; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
