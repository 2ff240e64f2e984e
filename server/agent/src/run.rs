//! The agent's main loop: connect, serve, and when the connection ends, wait and connect again, until a stop is
//! requested.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::protocol;
use connector_runtime::protocol::frames::{Capabilities, RegisterFrame};
use connector_runtime::registry::Registry;
use tokio::time::{Instant, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::backoff::FailureCount;
use super::config::AgentConfig;
use super::connect::{self, ConnectError};
use super::journal::{Journal, JournalError};
use super::served::Served;
use super::session::{self, End};
use super::work::Work;
use super::{Pace, Route};

/// How often the journal is searched for old rows.
const PRUNING: Duration = Duration::from_secs(10 * 60);

/// The settings of an agent.
pub struct Settings {
    /// The way to the server.
    pub route: Route,
    /// The agent's token.
    pub token: Secret,
    /// Its id and what it serves.
    pub config: AgentConfig,
    /// The folder of the journal.
    pub data_dir: PathBuf,
    /// The waits between connections.
    pub pace: Pace,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { route, config, data_dir, .. } = self;
        f.debug_struct("Settings")
            .field("route", route)
            .field("agent", &config.id)
            .field("data_dir", data_dir)
            .finish_non_exhaustive()
    }
}

/// Why an agent does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// Its journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// An agent, ready to run.
#[derive(Debug)]
pub struct Agent {
    settings: Settings,
    work: Work,
}

impl Agent {
    /// Opens the journal.
    ///
    /// # Errors
    /// [`AgentError`].
    pub async fn open(settings: Settings, registry: Arc<Registry>) -> Result<Self, AgentError> {
        let journal = Journal::open(&settings.data_dir, &settings.token).await?;
        let served = Served::new(&settings.config, registry);
        let work = Work::new(&settings.config.id, served, journal, settings.config.max_concurrent);
        Ok(Self { settings, work })
    }

    /// Serves until `stop`, then finishes running commands. Calls `registered` with a line for people each time the
    /// server has accepted the agent.
    pub async fn run(self, stop: &CancellationToken, mut registered: impl FnMut(&str)) {
        let keeping = async {
            let mut ticks = interval(PRUNING);
            loop {
                ticks.tick().await;
                self.work.journal().prune();
            }
        };
        tokio::select! {
            () = self.connect_and_serve(stop, &mut registered) => {}
            () = keeping => {}
        }
        // There may or may not be a connection now; running commands are finished in both cases.
        session::drain(&self.work).await;
        self.work.journal().close().await;
    }

    async fn connect_and_serve(&self, stop: &CancellationToken, registered: &mut impl FnMut(&str)) {
        let Settings { route, token, pace, .. } = &self.settings;
        let mut failures = FailureCount::default();
        while !stop.is_cancelled() {
            let connecting = async {
                let served = self.work.served();
                served.ask_services().await;
                connect::register(route, token, self.registration(), served).await
            };
            let connected = tokio::select! {
                connected = connecting => connected,
                () = stop.cancelled() => return,
            };
            let wait = match connected {
                Ok(connection) => {
                    let since = Instant::now();
                    registered(&self.welcome(&connection));
                    let end = session::serve(connection, &self.work, stop).await;
                    if since.elapsed() >= pace.lasting {
                        failures.reset();
                    }
                    self.after(&end, &mut failures)
                }
                Err(error) => self.after_refusal(&error, &mut failures),
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    fn welcome(&self, connection: &connect::Registered) -> String {
        let refused = &connection.refused;
        for (connector, reason) in refused {
            tracing::error!(connector, reason, "the server does not take a connector from this agent");
        }
        let names: Vec<_> = self.work.served().names().filter(|name| !refused.contains_key(*name)).collect();
        let (agent, server) = (&self.settings.config.id, &self.settings.route.server);
        tracing::info!(agent, %server, session = connection.session_id, "registered");
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        format!("agent {agent} registered at {server}, serving {names}")
    }

    /// Returns how long to wait after a connection that was up.
    fn after(&self, end: &End, failures: &mut FailureCount) -> Duration {
        let pace = &self.settings.pace;
        match end {
            End::Stopped => Duration::ZERO,
            // Two processes with one id must not replace each other again and again.
            End::Replaced => {
                let seconds = pace.refused.as_secs();
                tracing::error!(agent = self.settings.config.id, seconds, "{end}; connecting again later");
                pace.refused
            }
            End::Told { code, message } => {
                let error = ConnectError::refused(code.clone(), message.clone());
                if matches!(error, ConnectError::Token(_) | ConnectError::Forbidden(_)) {
                    tracing::error!(seconds = pace.refused.as_secs(), "{end}; connecting again later");
                    return pace.refused;
                }
                self.wait(end, failures)
            }
            End::Lost(_) => self.wait(end, failures),
        }
    }

    fn after_refusal(&self, error: &ConnectError, failures: &mut FailureCount) -> Duration {
        if error.needs_people() {
            let wait = self.settings.pace.refused;
            tracing::error!(agent = self.settings.config.id, seconds = wait.as_secs(), "{error}; trying again later");
            return wait;
        }
        self.wait(error, failures)
    }

    fn wait(&self, why: &dyn fmt::Display, failures: &mut FailureCount) -> Duration {
        let wait = self.settings.pace.backoff.wait(failures.count());
        tracing::warn!(seconds = wait.as_secs_f32(), "{why}; connecting again");
        wait
    }

    fn registration(&self) -> RegisterFrame {
        registration(&self.settings.config, self.work.served())
    }
}

/// Builds the frame of the registration. The token is sent with the upgrade.
pub(super) fn registration(config: &AgentConfig, served: &Served) -> RegisterFrame {
    RegisterFrame {
        agent_id: config.id.clone(),
        agent_name: config.name.clone(),
        connector_names: served.names().map(str::to_owned).collect(),
        api_token: None,
        protocol_version: Some(protocol::VERSION.to_owned()),
        capabilities: Capabilities { config: config.place, journal: true, max_concurrent: Some(config.max_concurrent) },
        schemas: served.fingerprints(),
        agent_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
    }
}
