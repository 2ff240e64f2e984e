//! The use case of the status: how the servers, the database, the queues and the recurring work are.
//!
//! It is asked when something is wrong, so it costs little and waits for nothing for long: what this server knows itself
//! comes from memory, and what the database does not say in time is named as a problem. No table is counted.

mod connections;
mod problems;
#[cfg(test)]
mod tests;

use std::time::Duration;

use floh_client::answers::{
    AtWork, ConnectionUse, DatabaseKind, DatabaseStatus, MemoryUse, QueuesStatus, RecurringTask, ReleaseRange,
    RetentionStatus, RunsStatus, ServerView, StatusView, Waiting,
};
use jiff::{SignedDuration, Timestamp};

pub use self::connections::nats;
use crate::auth::{OpContext, Scope};
use crate::error::Error;
use crate::run_queue::MAX_UNFINISHED;
use crate::services::{MAX_CALLS, Services};
use crate::store::{self, LiveReplica, Reading, newest_migration, release_order};

/// How long the database may take to say how it is. With the time that the identity of the caller may take, the answer
/// comes within a second.
pub const PATIENCE: Duration = Duration::from_millis(600);
const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// What a server knows of itself, whatever the database says; it is handed in by what runs the server.
#[derive(Debug, Clone)]
pub struct OwnState {
    /// Where it listens, as the other servers see it.
    pub address: Option<String>,
    /// When it started, by its own clock.
    pub started_at: Timestamp,
    /// How long its lease lasts unless it is renewed.
    pub lease_remaining: Duration,
    /// Whether it is stopping.
    pub is_stopping: bool,
    /// Its recurring work.
    pub tasks: Vec<RecurringTask>,
    /// How much it keeps, and what it removed.
    pub retention: Vec<RetentionStatus>,
}

/// Returns how everything is.
///
/// The right is that of the metrics: both are for those who look after the servers, who need not be able to read what
/// calls brought (`audit:read`) nor to change anything (`admin`), and both show the whole and not a part, so that a token that
/// is bound to connectors has neither.
///
/// # Errors
/// Denied. A database that does not answer is no error.
pub async fn read_status(ctx: &OpContext, services: &Services, own: OwnState) -> Result<StatusView, Error> {
    ctx.authorize(Scope::MetricsRead)?;
    ctx.authorize_unbounded("the status is that of the whole server, so reading it")?;
    let reading = services.vitals.read(PATIENCE).await;
    let log_bytes = services.store.log_bytes().await;
    Ok(compose(services, own, &reading, log_bytes))
}

fn compose(services: &Services, own: OwnState, reading: &Reading, log_bytes: Option<u64>) -> StatusView {
    let at = store::now();
    let servers = servers(services, &own, reading, at);
    let known = reading.servers.is_ok().then_some(servers.len());
    let mut view = StatusView {
        at,
        problems: Vec::new(),
        releases: releases(&servers),
        agents: connections::agents(services, known),
        nats: nats(services),
        database: database(services, reading, log_bytes),
        queues: queues(services),
        retention: own.retention,
        tasks: own.tasks,
        servers,
    };
    view.problems = problems::of(services, &view, reading, own.is_stopping);
    view
}

/// The servers that the database tells of, and this one in any case.
fn servers(services: &Services, own: &OwnState, reading: &Reading, at: Timestamp) -> Vec<ServerView> {
    let id = services.store.id();
    let told = reading.servers.as_deref().unwrap_or_default();
    let mut servers: Vec<ServerView> =
        told.iter().map(|(server, key)| server_view(server, key.clone(), server.id == id)).collect();
    if !servers.iter().any(|server| server.answers) {
        let remaining = if reading.servers.is_ok() { Duration::ZERO } else { own.lease_remaining };
        servers.push(ServerView {
            id,
            answers: true,
            release: RELEASE.to_owned(),
            address: own.address.clone(),
            started_at: own.started_at,
            lease_until: SignedDuration::try_from(remaining).map_or(at, |remaining| at + remaining),
            lease_remaining_ms: milliseconds(remaining),
            sealing_key: Some(services.vault.primary_id()),
        });
    }
    servers
}

fn server_view(server: &LiveReplica, sealing_key: Option<String>, answers: bool) -> ServerView {
    ServerView {
        id: server.id,
        answers,
        release: server.release.clone(),
        address: server.address.clone(),
        started_at: server.started_at,
        lease_until: server.lease_until,
        lease_remaining_ms: milliseconds(server.remaining()),
        sealing_key,
    }
}

fn releases(servers: &[ServerView]) -> ReleaseRange {
    let mut all: Vec<&str> = servers.iter().map(|server| server.release.as_str()).collect();
    all.sort_unstable_by(|one, other| release_order(one, other));
    let of = |release: Option<&&str>| release.copied().unwrap_or(RELEASE).to_owned();
    ReleaseRange { oldest: of(all.first()), newest: of(all.last()) }
}

fn database(services: &Services, reading: &Reading, log_bytes: Option<u64>) -> DatabaseStatus {
    let connections = services.store.database_connections();
    DatabaseStatus {
        kind: if services.store.is_sqlite() { DatabaseKind::Sqlite } else { DatabaseKind::Postgresql },
        bytes: reading.bytes.ok(),
        log_bytes,
        connections: ConnectionUse {
            open: connections.open.into(),
            in_use: connections.in_use.into(),
            max: connections.max.into(),
        },
        migration: reading.migration.ok(),
        known_migration: newest_migration(),
    }
}

fn queues(services: &Services) -> QueuesStatus {
    let (recorder, runs, memory) = (&services.recorder, &services.run_queue, &services.work.memory);
    QueuesStatus {
        recorder: Waiting { waiting: recorder.waiting() as u64, max: recorder.max_waiting() as u64 },
        postponed: Waiting { waiting: recorder.postponed() as u64, max: recorder.max_postponed() as u64 },
        calls: AtWork {
            at_work: MAX_CALLS.saturating_sub(services.permits.available_permits()) as u64,
            max: MAX_CALLS as u64,
        },
        runs: RunsStatus {
            unfinished: runs.unfinished(),
            max: MAX_UNFINISHED,
            at_work: runs.held().len() as u64,
            workers: runs.workers() as u64,
        },
        memory: MemoryUse {
            reserved_bytes: memory.bytes().saturating_sub(memory.free()) as u64,
            max_bytes: memory.bytes() as u64,
        },
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
