//! Settings: flags of `floh serve` and environment variables. The only file that reads the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use connector_runtime::Secret;
use connector_runtime::egress::memory::MemoryBudget;
use connector_runtime::egress::{Policy, PolicyError};

use crate::script::{Limits, Pool, PoolSettings, Scripts};
use crate::store::sqlite_url;
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

/// How much scripts may take of this machine.
#[derive(Debug, Clone, Args)]
pub struct ScriptArgs {
    /// Worker processes that scripts run in, in all. Each may take the memory of one script and a few MiB.
    #[arg(long, env = "FLOH_SCRIPT_WORKERS", default_value_t = 32, value_name = "COUNT",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub script_workers: u16,
    /// Memory that one script may take, in MiB.
    #[arg(long, env = "FLOH_SCRIPT_MEMORY", default_value_t = 64, value_name = "MIB",
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub script_memory: u16,
}

impl ScriptArgs {
    /// Creates the sandbox, whose large frames count against a budget. No worker is started before `prepare` or the first call.
    ///
    /// # Errors
    /// If the operating system cannot spawn a thread.
    pub fn scripts(&self, memory: &MemoryBudget) -> std::io::Result<Scripts> {
        let workers = usize::from(self.script_workers);
        let usual = PoolSettings::default();
        // The spare workers are part of the total.
        let spares = usual.spares.min(workers / 2);
        let per_connector = usual.per_connector.min(workers);
        let pool = Pool::new(PoolSettings { workers, spares, per_connector, memory: memory.clone(), ..usual })?;
        let limits = Limits { memory: usize::from(self.script_memory) << 20, ..Limits::default() };
        Ok(Scripts { sandbox: Arc::new(pool), limits })
    }
}

/// How much memory work may take.
#[derive(Debug, Clone, Default, Args)]
pub struct WorkArgs {
    /// Memory that all bodies, frames and answers at work may take, in MiB; more is answered with 503. Default: a
    /// quarter of the machine's memory.
    #[arg(long, env = "FLOH_MEMORY_BUDGET", value_name = "MIB", value_parser = clap::value_parser!(u32).range(64..))]
    pub memory_budget: Option<u32>,
}

impl WorkArgs {
    /// Returns the budget in bytes.
    pub fn memory_budget(&self) -> usize {
        let given = self.memory_budget.and_then(|mib| usize::try_from(u64::from(mib) << 20).ok());
        given.unwrap_or_else(quarter_of_memory)
    }
}

/// Settings of `floh serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, env = "FLOH_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
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
    /// How much scripts may take.
    #[command(flatten)]
    pub scripts: ScriptArgs,
    /// How much memory work may take.
    #[command(flatten)]
    pub work: WorkArgs,
    /// Starts with connector types older than those that the database was seeded with.
    #[arg(long)]
    pub allow_downgrade: bool,
    /// Starts with connector types whose schema differs from the one seeded under the same version.
    #[arg(long)]
    pub allow_schema_drift: bool,
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
        Self {
            master_key: variable("FLOH_MASTER_KEY").map(Secret::from),
            admin_token: variable("FLOH_ADMIN_TOKEN").map(Secret::from),
        }
    }
}

/// Reads a variable; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
