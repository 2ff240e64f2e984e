//! `floh status`: how the servers, the database and the queues are, as a running server says.

use std::process::ExitCode;

use clap::Args;
use floh_client::answers::{
    DatabaseKind, DatabaseStatus, NatsStatus, RecurringTask, RetentionStatus, ServerView, StatusView,
};

use super::export::unreachable;
use super::server::ServerArgs;
use super::{CliError, print, runtime};
use crate::config::seal_process;
use crate::plain_text::plain;

/// The maximum number of characters of a text of the server.
const MAX_TEXT: usize = 600;
/// What the token has to have.
const SCOPES: &str = "metrics:read`";

#[derive(Debug, Args)]
#[command(
    after_help = "Example: for a script that watches; the exit code is 1 if the server tells of a problem, or is not there.
  floh status --json

The server that answers is marked with *. The token needs the scope metrics:read."
)]
pub(super) struct StatusArgs {
    /// Print one JSON object: the answer of GET /api/status.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(args: &StatusArgs) -> Result<ExitCode, CliError> {
    let server = args.server.client_for(SCOPES)?;
    seal_process();
    let status = runtime()?.block_on(server.status()).map_err(|error| unreachable(&error))?;
    if args.json {
        print(serde_json::to_string(&status).map_err(CliError::failed)?);
    } else {
        lines(&status).iter().for_each(print);
    }
    Ok(if status.problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Writes a status for people: the problems first, then the parts.
fn lines(status: &StatusView) -> Vec<String> {
    let mut lines: Vec<String> = status
        .problems
        .iter()
        .map(|problem| format!("PROBLEM    {}: {}", problem.part, plain(&problem.reason, MAX_TEXT)))
        .collect();
    lines.extend(servers(&status.servers));
    lines.push(format!("database   {}", database(&status.database)));
    lines.push(format!("agents     {}", agents(status)));
    lines.push(format!("nats       {}", nats(&status.nats)));
    lines.extend(queues(status));
    lines.extend(status.retention.iter().map(retention));
    lines.extend(tasks(&status.tasks));
    lines
}

fn servers(servers: &[ServerView]) -> Vec<String> {
    let address = |server: &ServerView| plain(server.address.as_deref().unwrap_or("-"), MAX_TEXT);
    let widest = |text: &dyn Fn(&ServerView) -> String, least: usize| {
        servers.iter().map(|server| text(server).chars().count()).max().unwrap_or_default().max(least)
    };
    let place = widest(&address, "address".len());
    let version = widest(&|server| server.release.clone(), "release".len());
    let mut lines =
        vec![format!("  {:36}  {:place$}  {:version$}  {:20}  lease", "server", "address", "release", "started")];
    lines.extend(servers.iter().map(|server| {
        let mark = if server.answers { '*' } else { ' ' };
        let lease = match server.lease_remaining_ms {
            0 => "over".to_owned(),
            ms => format!("{} s", ms / 1000),
        };
        let release = plain(&server.release, MAX_TEXT);
        format!(
            "{mark} {}  {:place$}  {release:version$}  {:.0}  {lease}",
            server.id,
            address(server),
            server.started_at
        )
    }));
    lines
}

fn database(database: &DatabaseStatus) -> String {
    let kind = match database.kind {
        DatabaseKind::Sqlite => "SQLite",
        DatabaseKind::Postgresql => "PostgreSQL",
    };
    let size = database.bytes.map_or_else(|| "size not read".to_owned(), mib);
    let log = database.log_bytes.map(|log| format!(" (write-ahead log {})", mib(log))).unwrap_or_default();
    let migration = match database.migration {
        None => "migration not read".to_owned(),
        Some(newest) if newest == database.known_migration => format!("migration {newest}"),
        Some(newest) => format!("migration {newest}, this release knows {}", database.known_migration),
    };
    let connections = database.connections;
    format!("{kind}, {size}{log}, {migration}, {} of {} connections at work", connections.in_use, connections.max)
}

fn agents(status: &StatusView) -> String {
    let everywhere = status.agents.everywhere.map_or("not known".to_owned(), |count| count.to_string());
    format!("{} connected here, {everywhere} in all", status.agents.here)
}

fn nats(nats: &NatsStatus) -> String {
    match nats {
        NatsStatus::NotConfigured => "not configured".to_owned(),
        NatsStatus::Connected { server, since } => format!("connected to {} since {since:.0}", plain(server, MAX_TEXT)),
        NatsStatus::Away { since, reason } => format!("away since {since:.0}: {}", plain(reason, MAX_TEXT)),
    }
}

fn queues(status: &StatusView) -> [String; 5] {
    let queues = &status.queues;
    let (calls, recorder, postponed) = (queues.calls, queues.recorder, queues.postponed);
    let (runs, memory) = (queues.runs, queues.memory);
    [
        format!("calls      {} at work, at most {}", calls.at_work, calls.max),
        format!("recorder   {} rows wait, at most {}", recorder.waiting, recorder.max),
        format!("postponed  {} ends of calls wait for the database, at most {}", postponed.waiting, postponed.max),
        format!(
            "runs       {} have not ended, at most {}; {} at work here, at most {}",
            runs.unfinished, runs.max, runs.at_work, runs.workers
        ),
        format!("memory     {} reserved, at most {}", mib(memory.reserved_bytes), mib(memory.max_bytes)),
    ]
}

fn retention(table: &RetentionStatus) -> String {
    let days = table.days.map(|days| format!("{days} days"));
    let rows = table.max_rows.map(|rows| format!("{rows} rows"));
    let limits: Vec<String> = [days, rows, table.max_bytes.map(mib)].into_iter().flatten().collect();
    let limits = if limits.is_empty() { "no limit".to_owned() } else { limits.join(", ") };
    let kept = match &table.kept {
        None => "not counted yet".to_owned(),
        Some(kept) if kept.is_within => format!("has {} rows, {}", kept.rows, mib(kept.bytes)),
        Some(kept) => format!("has {} rows, {}, more to be removed", kept.rows, mib(kept.bytes)),
    };
    let removed = match &table.removed {
        None => "nothing removed".to_owned(),
        Some(removed) => format!("removed {} rows at {:.0}", removed.rows, removed.at),
    };
    format!("retention  {}: keeps {limits}; {kept}; {removed}", table.table)
}

/// What failed first; what has succeeded is one line.
fn tasks(tasks: &[RecurringTask]) -> Vec<String> {
    let failed = tasks.iter().filter_map(|task| Some((task, task.failure()?, task.last.as_ref()?)));
    let mut lines: Vec<String> = failed
        .map(|(task, error, run)| {
            format!("task       {} failed at {:.0}: {}", plain(&task.name, MAX_TEXT), run.at, plain(error, MAX_TEXT))
        })
        .collect();
    let well = tasks.iter().filter(|task| task.last.is_some() && task.failure().is_none()).count();
    let waiting = tasks.iter().filter(|task| task.last.is_none()).count();
    lines.push(format!("tasks      {well} succeeded last, {waiting} not yet run"));
    lines
}

fn mib(bytes: u64) -> String {
    let tenths = u128::from(bytes) * 10 / (1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn status(more: &Value) -> StatusView {
        let mut status = json!({
            "at": "2026-01-01T00:00:00Z", "problems": [],
            "servers": [
                { "id": "01900000-0000-7000-8000-000000000001", "answers": false, "release": "1.2.0", "address": null,
                  "startedAt": "2026-01-01T00:00:00Z", "leaseUntil": "2026-01-01T00:00:15Z", "leaseRemainingMs": 0, "sealingKey": null },
                { "id": "01900000-0000-7000-8000-000000000002", "answers": true, "release": "1.10.0", "address": "floh-2:8080",
                  "startedAt": "2026-01-01T00:00:00Z", "leaseUntil": "2026-01-01T00:00:15Z", "leaseRemainingMs": 14_200, "sealingKey": "k1" },
            ],
            "releases": { "oldest": "1.2.0", "newest": "1.10.0" },
            "agents": { "here": 2, "everywhere": null },
            "nats": { "state": "not_configured" },
            "database": { "kind": "postgresql", "bytes": 1_572_864, "migration": 24, "knownMigration": 23,
                "connections": { "open": 3, "inUse": 1, "max": 16 } },
            "queues": { "recorder": { "waiting": 0, "max": 4096 }, "postponed": { "waiting": 3, "max": 4096 }, "calls": { "atWork": 1, "max": 4096 },
                "runs": { "unfinished": 5, "max": 100_000, "atWork": 2, "workers": 32 },
                "memory": { "reservedBytes": 1024, "maxBytes": 1_073_741_824 } },
            "retention": [
                { "table": "executions", "days": 30, "maxRows": 10, "maxBytes": null,
                  "kept": { "at": "2026-01-01T00:00:00Z", "rows": 11, "bytes": 2_097_152, "isWithin": false },
                  "removed": { "at": "2026-01-01T00:00:00Z", "rows": 3, "bytes": 1 } },
                { "table": "keys", "days": null, "maxRows": null, "maxBytes": null, "kept": null, "removed": null },
            ],
            "tasks": [
                { "name": "lease", "periodMs": 3000, "last": { "at": "2026-01-01T00:00:00Z", "tookMs": 1, "error": null } },
                { "name": "retention", "periodMs": 15_000,
                  "last": { "at": "2026-01-01T00:00:00Z", "tookMs": 1, "error": "no\u{1b}[2J luck" } },
                { "name": "hours", "periodMs": 15_000, "last": null },
            ],
        });
        status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(status).unwrap()
    }

    #[test]
    fn a_status_is_lines_for_people() {
        let problems = json!([{ "part": "tasks", "reason": "retention: no\u{1b}[2J luck" }]);
        let text = lines(&status(&json!({ "problems": problems })));
        assert_eq!(
            text,
            [
                "PROBLEM    tasks: retention: no[2J luck",
                "  server                                address      release  started               lease",
                "  01900000-0000-7000-8000-000000000001  -            1.2.0    2026-01-01T00:00:00Z  over",
                "* 01900000-0000-7000-8000-000000000002  floh-2:8080  1.10.0   2026-01-01T00:00:00Z  14 s",
                "database   PostgreSQL, 1.5 MiB, migration 24, this release knows 23, 1 of 16 connections at work",
                "agents     2 connected here, not known in all",
                "nats       not configured",
                "calls      1 at work, at most 4096",
                "recorder   0 rows wait, at most 4096",
                "postponed  3 ends of calls wait for the database, at most 4096",
                "runs       5 have not ended, at most 100000; 2 at work here, at most 32",
                "memory     0.0 MiB reserved, at most 1024.0 MiB",
                "retention  executions: keeps 30 days, 10 rows; has 11 rows, 2.0 MiB, more to be removed; removed 3 rows at 2026-01-01T00:00:00Z",
                "retention  keys: keeps no limit; not counted yet; nothing removed",
                "task       retention failed at 2026-01-01T00:00:00Z: no[2J luck",
                "tasks      1 succeeded last, 1 not yet run",
            ]
        );
    }

    #[test]
    fn what_was_not_read_and_a_lost_nats_are_told() {
        let database = json!({ "kind": "sqlite", "bytes": null, "logBytes": 1_048_576, "migration": null, "knownMigration": 23,
            "connections": { "open": 1, "inUse": 0, "max": 5 } });
        let nats = json!({ "state": "away", "since": "2026-01-01T00:00:00Z", "reason": "refused" });
        let text = lines(&status(&json!({ "database": database, "nats": nats })));
        let wanted = "SQLite, size not read (write-ahead log 1.0 MiB), migration not read, 0 of 5 connections at work";
        assert!(text.iter().any(|line| line.ends_with(wanted)), "{text:#?}");
        assert!(text.iter().any(|line| line == "nats       away since 2026-01-01T00:00:00Z: refused"), "{text:#?}");
    }
}
