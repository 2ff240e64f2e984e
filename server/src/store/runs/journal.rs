//! What a server writes while it works on a run. Every write names the fence of its claim; if another server has taken
//! the run up since, or a caller has ended it, the write is refused.

use std::collections::BTreeMap;

use floh_client::answers::RunFailure;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::actor::token_text;
use super::super::migrate::Dialect;
use super::super::sql::{Statement, json};
use super::super::{Actor, ExecutionSource, RunStatus, StoreError, replicas};
use super::TaskRow;
use crate::store::connection::DatabaseConnection;

/// A write of a run that shares the commit of an execution's row, or of others.
#[derive(Clone, PartialEq, Eq)]
pub enum RunWrite {
    /// A run is accepted.
    Create(Box<NewRun>),
    /// This server takes a run up.
    Claim(RunClaim),
    /// A step begins to call a command that does not only read.
    Intent(Intent),
    /// A step has moved its run.
    Step(Box<StepWrite>),
}

impl std::fmt::Debug for RunWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Create(_) => "Create",
            Self::Claim(_) => "Claim",
            Self::Intent(_) => "Intent",
            Self::Step(_) => "Step",
        };
        f.debug_struct(name).field("run", &self.run()).finish_non_exhaustive()
    }
}

impl RunWrite {
    /// Returns the id of the run.
    pub fn run(&self) -> Uuid {
        match self {
            Self::Create(new) => new.id,
            Self::Claim(claim) => claim.run,
            Self::Intent(intent) => intent.run,
            Self::Step(step) => step.run,
        }
    }
}

/// A run that is accepted.
#[derive(Clone, PartialEq, Eq)]
pub struct NewRun {
    /// Its id ([`crate::store::new_id`]).
    pub id: Uuid,
    /// The definition that it is started from, and its version.
    pub definition: Option<(String, i64)>,
    /// How many steps it has.
    pub step_count: i64,
    /// The steps as they are shown, as JSON text.
    pub steps: String,
    /// The steps as they were given, sealed.
    pub plan: String,
    /// The variables, sealed.
    pub bag: String,
    /// The connectors' types with the versions that the steps were checked against, by connector.
    pub checked: BTreeMap<String, String>,
    /// Whether its token may only read.
    pub reads_only: bool,
    /// Who starts it.
    pub actor: Actor,
    /// The door of the request.
    pub source: ExecutionSource,
    /// The id of the request.
    pub request_id: String,
    /// When it is accepted.
    pub created_at: Timestamp,
}

impl std::fmt::Debug for NewRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewRun").field("run", &self.id).finish_non_exhaustive()
    }
}

/// Takes a run up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunClaim {
    /// The run.
    pub run: Uuid,
    /// The fence that was read; the claim raises it by one.
    pub fence: i64,
    /// The time.
    pub now: Timestamp,
}

/// Says which execution a step begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// The run.
    pub run: Uuid,
    /// The fence of the claim.
    pub fence: i64,
    /// The execution.
    pub execution: Uuid,
}

/// When a run may be taken up again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It does not change.
    AsBefore,
    /// In so many milliseconds, by the database's clock.
    In(i64),
    /// At a time.
    At(Timestamp),
}

/// What a step has done with its run.
#[derive(Clone, PartialEq, Eq)]
pub struct StepWrite {
    /// The run.
    pub run: Uuid,
    /// The fence of the claim.
    pub fence: i64,
    /// The run's state now.
    pub status: RunStatus,
    /// The index of the step that is next, or goes on.
    pub position: i64,
    /// When the run goes on.
    pub due: Due,
    /// Why it failed.
    pub failure: Option<RunFailure>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The variables, sealed; `None` if they did not change.
    pub bag: Option<String>,
    /// The steps that were begun, skipped or ended.
    pub tasks: Vec<TaskRow>,
}

impl std::fmt::Debug for StepWrite {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StepWrite").field("run", &self.run).finish_non_exhaustive()
    }
}

/// Writes; returns whether the run still belongs to the writer.
pub(in crate::store) async fn write(
    connection: &mut DatabaseConnection,
    dialect: Dialect,
    owner: &str,
    write: &RunWrite,
) -> Result<bool, StoreError> {
    match write {
        RunWrite::Create(new) => create(connection, dialect, new).await.map(|()| true),
        RunWrite::Claim(claim) => take_up(connection, dialect, owner, *claim).await,
        RunWrite::Intent(intent) => {
            let marked = sqlx::query(
                "UPDATE run SET in_flight = $1 WHERE id = $2 AND fence = $3 AND status = 'running' AND cancelling = 0",
            );
            let marked = marked.bind(intent.execution.to_string()).bind(intent.run.to_string()).bind(intent.fence);
            Ok(marked.execute(connection).await?.rows_affected() == 1)
        }
        RunWrite::Step(step) => {
            if !move_run(connection, dialect, step).await? {
                return Ok(false);
            }
            for task in &step.tasks {
                write_task(connection, step.run, task).await?;
            }
            Ok(true)
        }
    }
}

async fn create(connection: &mut DatabaseConnection, dialect: Dialect, new: &NewRun) -> Result<(), StoreError> {
    let id = new.id.to_string();
    let mut run = Statement::new(
        "INSERT INTO run (id, status, definition, version, step_count, position, fence, due_at, reads_only, actor_token, actor_name, source, \
         request_id, created_at, bag) VALUES (",
    );
    run.list([id.as_str(), "queued"]).push(", ").bind(new.definition.as_ref().map(|(name, _)| name.as_str()));
    run.push(", ").bind(new.definition.as_ref().map(|(_, version)| *version));
    run.push(", ").bind(new.step_count).push(", 0, 0, ").push(dialect.clock());
    run.push(", ").bind(i64::from(new.reads_only)).push(", ").bind(token_text(&new.actor));
    run.push(", ").list([new.actor.name.as_str(), new.source.as_str(), new.request_id.as_str()]);
    run.push(", ").bind(new.created_at.as_millisecond()).push(", ").bind(new.bag.as_str()).push(")");
    run.query().execute(&mut *connection).await?;
    let mut plan = Statement::new("INSERT INTO run_plan (run_id, steps, checked, sealed) VALUES (");
    plan.list([id.as_str(), new.steps.as_str(), json(&new.checked).as_str(), new.plan.as_str()]).push(")");
    plan.query().execute(&mut *connection).await?;
    if !new.checked.is_empty() {
        let mut connectors = Statement::new("INSERT INTO run_connector (connector, run_id) VALUES ");
        connectors.rows(new.checked.keys(), |columns, name| {
            columns.bind(name.as_str()).bind(id.as_str());
        });
        connectors.query().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Takes a run up that waits for its turn or its time, or whose server is dead.
async fn take_up(
    connection: &mut DatabaseConnection,
    dialect: Dialect,
    owner: &str,
    claim: RunClaim,
) -> Result<bool, StoreError> {
    let mut statement =
        Statement::new("UPDATE run SET status = 'running', fence = fence + 1, claims = claims + 1, owner = ");
    statement.bind(owner).push(", started_at = COALESCE(started_at, ").bind(claim.now.as_millisecond());
    statement.push(") WHERE id = ").bind(claim.run.to_string()).push(" AND fence = ").bind(claim.fence);
    statement.push(" AND (status IN ('queued', 'waiting') OR status = 'running' AND (owner = ").bind(owner);
    statement.push(" OR ");
    replicas::push_ownerless(&mut statement, dialect, super::TABLE);
    statement.push("))");
    Ok(statement.query().execute(connection).await?.rows_affected() == 1)
}

async fn move_run(connection: &mut DatabaseConnection, dialect: Dialect, step: &StepWrite) -> Result<bool, StoreError> {
    let mut statement = Statement::new("UPDATE run SET in_flight = NULL, claims = 0, status = ");
    statement.bind(step.status.as_str()).push(", position = ").bind(step.position);
    // Whoever wants it ended does not wait for its time.
    match step.due {
        Due::AsBefore => {}
        Due::In(ms) => {
            statement.push(", due_at = CASE WHEN cancelling = 1 THEN 0 ELSE ").push(dialect.clock());
            statement.push(" + ").bind(ms).push(" END");
        }
        Due::At(at) => {
            statement.push(", due_at = CASE WHEN cancelling = 1 THEN 0 ELSE ").bind(at.as_millisecond()).push(" END");
        }
    }
    if let Some(bag) = &step.bag {
        statement.push(", bag = ").bind(bag.as_str());
    }
    if step.failure.is_some() || step.finished_at.is_some() {
        // Who wants it ended is written already.
        let kept = if step.status == RunStatus::Cancelled { "failure, " } else { "" };
        statement.push(", failure = COALESCE(").push(kept).bind(step.failure.as_ref().map(json)).push(", NULL)");
        statement.push(", finished_at = ").bind(step.finished_at.map(Timestamp::as_millisecond));
    }
    statement.push(" WHERE id = ").bind(step.run.to_string()).push(" AND fence = ").bind(step.fence);
    statement.push(" AND status = 'running'");
    Ok(statement.query().execute(connection).await?.rows_affected() == 1)
}

/// Writes a task, or its next state.
pub(super) async fn write_task(
    connection: &mut DatabaseConnection,
    run: Uuid,
    task: &TaskRow,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO run_task (run_id, position, step_id, status, error, attempts, retry_at, started_at, finished_at, resumed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (run_id, position) DO UPDATE SET status = excluded.status, \
         error = excluded.error, attempts = excluded.attempts, resumed_at = excluded.resumed_at, retry_at = excluded.retry_at, started_at = excluded.started_at, \
         finished_at = excluded.finished_at",
    )
    .bind(run.to_string())
    .bind(task.position)
    .bind(task.step_id.as_str())
    .bind(task.status.as_str())
    .bind(task.error.as_deref())
    .bind(json(&task.attempts))
    .bind(task.retry_at.map(Timestamp::as_millisecond))
    .bind(task.started_at.as_millisecond())
    .bind(task.finished_at.map(Timestamp::as_millisecond))
    .bind(i64::try_from(task.resumed_at).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(())
}
