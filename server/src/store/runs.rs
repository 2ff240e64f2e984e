//! Runs and their tasks as rows.
//!
//! What a server writes while it works on a run goes through the [`super::Recorder`], in the commit of the step's
//! execution ([`RunWrite`]). What callers ask for is written here.

mod control;
mod journal;
mod list;

use std::collections::BTreeMap;

use floh_client::answers::{RunAttempt, RunSummary};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::Entity;
use super::replicas::push_ownerless;
use super::sql::{Reader, Statement};
use super::{Actor, ExecutionSource, RunStatus, Store, StoreError, TaskStatus};

pub use self::control::{Cancel, Resumption};
pub(super) use self::journal::write;
pub use self::journal::{Due, Intent, NewRun, RunClaim, RunWrite, StepWrite};

const TABLE: &str = "run";
/// The condition of the index of runs that go on, literally.
const UNFINISHED: &str = "status IN ('queued', 'waiting', 'running')";
/// What lists read: neither steps nor variables.
const COLUMNS: &str = "run.id, run.status, run.definition, run.version, run.step_count, run.position, run.failure, run.resumes, run.actor_token, \
     run.actor_name, run.source, run.request_id, run.created_at, run.started_at, run.finished_at, run.due_at";

/// A step that was begun, as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRow {
    /// The index of the step.
    pub position: i64,
    /// The id of the step.
    pub step_id: String,
    /// Its state.
    pub status: TaskStatus,
    /// Why it failed, without secrets.
    pub error: Option<String>,
    /// Its calls, the first one first; errors without secrets.
    pub attempts: Vec<RunAttempt>,
    /// How many of them were made before the run was last resumed.
    pub resumed_at: usize,
    /// When it goes on.
    pub retry_at: Option<Timestamp>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// A run that may be taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRun {
    /// Its id.
    pub id: Uuid,
    /// The fence that a claim names.
    pub fence: i64,
}

/// A run as the server that works on it reads it. `Debug` omits what is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct LoadedRun {
    /// What lists show of it.
    pub summary: RunSummary,
    /// What every write of its server names.
    pub fence: i64,
    /// How often it was taken up since it last moved, this time included.
    pub claims: i64,
    /// The execution that its step has begun.
    pub in_flight: Option<Uuid>,
    /// Whether a caller wants it ended.
    pub cancelling: bool,
    /// Whether its token may only read.
    pub reads_only: bool,
    /// The connectors' types with the versions that the steps were checked against, by connector.
    pub checked: BTreeMap<String, String>,
    /// The steps, sealed for table `run_plan`, row = its id, field `sealed`; `None` once they are dropped.
    pub plan: Option<String>,
    /// The variables, sealed for table `run`, row = its id, field `bag`; `None` once they are dropped.
    pub bag: Option<String>,
    /// The task of the step at which it is.
    pub task: Option<TaskRow>,
}

impl std::fmt::Debug for LoadedRun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoadedRun").field("summary", &self.summary).field("fence", &self.fence).finish_non_exhaustive()
    }
}

/// The runs of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Runs<'s> {
    store: &'s Store,
}

impl Store {
    /// Runs and their tasks.
    pub fn runs(&self) -> Runs<'_> {
        Runs { store: self }
    }
}

impl Runs<'_> {
    /// Counts the runs that have not ended.
    ///
    /// # Errors
    /// Database errors.
    pub async fn unfinished(&self) -> Result<u64, StoreError> {
        let count = format!("SELECT COUNT(*) AS number FROM run WHERE {UNFINISHED}");
        let row = Statement::new(&count).query().fetch_one(&self.store.read).await?;
        Ok(u64::try_from(Reader::new(&row, TABLE).value::<i64>("number")?).unwrap_or_default())
    }

    /// Finds the runs to take up, those that are due first: they wait for their turn or their time, or their server is
    /// dead.
    ///
    /// # Errors
    /// Database errors.
    pub async fn due(&self, limit: usize) -> Result<Vec<DueRun>, StoreError> {
        let clock = self.store.dialect.clock();
        let mut statement = Statement::new("SELECT id, fence FROM run WHERE ");
        statement.push(UNFINISHED).push(" AND due_at <= ").push(clock).push(" AND (status <> 'running' OR ");
        push_ownerless(&mut statement, self.store.dialect, TABLE);
        statement.push(") ORDER BY due_at, id LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let due = |row: &AnyRow| {
            let row = Reader::new(row, TABLE);
            Ok(DueRun { id: row.id("id")?, fence: row.value("fence")? })
        };
        rows.iter().map(due).collect()
    }

    /// Returns in how many milliseconds the next waiting run is due; `None` if none waits.
    ///
    /// # Errors
    /// Database errors.
    pub async fn next_due(&self) -> Result<Option<i64>, StoreError> {
        let mut statement = Statement::new("SELECT due_at - ");
        statement.push(self.store.dialect.clock()).push(" AS ms FROM run WHERE ").push(UNFINISHED);
        statement.push(" AND status <> 'running' ORDER BY due_at LIMIT 1");
        let row = statement.query().fetch_optional(&self.store.read).await?;
        row.map(|row| Reader::new(&row, TABLE).value("ms")).transpose()
    }

    /// Finds a run as lists show it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn get(&self, id: Uuid) -> Result<RunSummary, StoreError> {
        let mut statement = Statement::new("SELECT ");
        statement.push(COLUMNS).push(" FROM run WHERE id = ").bind(id.to_string());
        let row = statement.query().fetch_optional(&self.store.read).await?;
        summary(&row.ok_or_else(|| not_found(id))?)
    }

    /// Reads all of a run that its server needs.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn load(&self, id: Uuid) -> Result<LoadedRun, StoreError> {
        let mut statement = Statement::new("SELECT ");
        statement.push(COLUMNS).push(
            ", run.fence, run.claims, run.in_flight, run.cancelling, run.reads_only, run.bag, plan.checked, plan.sealed, task.step_id, \
             task.status AS task_status, task.error, task.attempts, task.resumed_at, task.retry_at, task.started_at AS begun_at, task.finished_at AS ended_at \
             FROM run JOIN run_plan AS plan ON plan.run_id = run.id \
             LEFT JOIN run_task AS task ON task.run_id = run.id AND task.position = run.position WHERE run.id = ",
        );
        statement.bind(id.to_string());
        let row = statement.query().fetch_optional(&self.store.read).await?;
        let row = row.ok_or_else(|| not_found(id))?;
        let summary = summary(&row)?;
        let row = Reader::new(&row, TABLE);
        let task = match row.value::<Option<String>>("step_id")? {
            None => None,
            Some(step_id) => Some(TaskRow {
                position: summary.position,
                step_id,
                status: row.word("task_status")?,
                error: row.value("error")?,
                attempts: row.json("attempts")?,
                resumed_at: count(&row)?,
                retry_at: row.optional_time("retry_at")?,
                started_at: row.time("begun_at")?,
                finished_at: row.optional_time("ended_at")?,
            }),
        };
        Ok(LoadedRun {
            summary,
            fence: row.value("fence")?,
            claims: row.value("claims")?,
            in_flight: row.optional_id("in_flight")?,
            cancelling: row.flag("cancelling")?,
            reads_only: row.flag("reads_only")?,
            checked: row.json("checked")?,
            plan: row.value("sealed")?,
            bag: row.value("bag")?,
            task,
        })
    }

    /// Reads the steps of a run as they are shown.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn steps(&self, id: Uuid) -> Result<String, StoreError> {
        let row = sqlx::query("SELECT steps FROM run_plan WHERE run_id = $1").bind(id.to_string());
        let row = row.fetch_optional(&self.store.read).await?;
        Reader::new(&row.ok_or_else(|| not_found(id))?, "run_plan").text("steps")
    }

    /// Reads the tasks of a run, in the order of its steps.
    ///
    /// # Errors
    /// Database errors.
    pub async fn tasks(&self, id: Uuid) -> Result<Vec<TaskRow>, StoreError> {
        let rows = sqlx::query(
            "SELECT position, step_id, status, error, attempts, resumed_at, retry_at, started_at, finished_at FROM run_task WHERE run_id = $1 \
             ORDER BY position",
        );
        let rows = rows.bind(id.to_string()).fetch_all(&self.store.read).await?;
        rows.iter().map(task).collect()
    }

    /// Returns whether the steps of a run name a connector beyond a bound.
    ///
    /// # Errors
    /// Database errors.
    pub async fn is_beyond(&self, id: Uuid, bound: &super::ConnectorBound) -> Result<bool, StoreError> {
        let mut statement = Statement::new("SELECT 1 AS one FROM run_connector WHERE run_id = ");
        statement.bind(id.to_string());
        bound.push_beyond(&mut statement, "connector");
        statement.push(" LIMIT 1");
        Ok(statement.query().fetch_optional(&self.store.read).await?.is_some())
    }

    /// Returns those of some runs that a caller wants ended.
    ///
    /// # Errors
    /// Database errors.
    pub async fn cancelling(&self, held: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        if held.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = Statement::new("SELECT id FROM run WHERE cancelling = 1 AND id IN (");
        statement.list(held.iter().map(Uuid::to_string)).push(")");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter().map(|row| Reader::new(row, TABLE).id("id")).collect()
    }

    /// Drops the variables and the given steps of runs that ended before a time, of at most `limit` runs; returns of how
    /// many.
    ///
    /// # Errors
    /// Database errors.
    pub async fn drop_bags(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut select =
            Statement::new("SELECT id FROM run WHERE bag IS NOT NULL AND finished_at IS NOT NULL AND finished_at < ");
        select.bind(before.as_millisecond()).push(" ORDER BY finished_at LIMIT ").bind(i64::from(limit));
        let rows = select.query().fetch_all(&self.store.read).await?;
        let ids: Vec<String> = rows.iter().map(|row| Reader::new(row, TABLE).text("id")).collect::<Result<_, _>>()?;
        if ids.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.store.begin().await?;
        let mut drop = Statement::new("UPDATE run SET bag = NULL WHERE finished_at IS NOT NULL AND finished_at < ");
        drop.bind(before.as_millisecond()).push(" AND id IN (").list(ids.iter().map(String::as_str)).push(")");
        let dropped = drop.query().execute(&mut *transaction).await?.rows_affected();
        // A run that was resumed meanwhile keeps both.
        let mut plans = Statement::new(
            "UPDATE run_plan SET sealed = NULL WHERE run_id IN (SELECT id FROM run WHERE bag IS NULL AND id IN (",
        );
        plans.list(ids.iter().map(String::as_str)).push("))");
        plans.query().execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(dropped)
    }
}

fn not_found(id: Uuid) -> StoreError {
    StoreError::NotFound { entity: Entity::Run, key: id.to_string() }
}

fn summary(row: &AnyRow) -> Result<RunSummary, StoreError> {
    let row = Reader::new(row, TABLE);
    let status: RunStatus = row.word("status")?;
    let source: ExecutionSource = row.word("source")?;
    Ok(RunSummary {
        id: row.id("id")?,
        status,
        definition: row.value("definition")?,
        version: row.value("version")?,
        step_count: row.value("step_count")?,
        position: row.value("position")?,
        failure: row.optional_json("failure")?,
        token: Actor { token_id: row.optional_id("actor_token")?, name: row.text("actor_name")? },
        source,
        request_id: row.text("request_id")?,
        resumes: row.value("resumes")?,
        created_at: row.time("created_at")?,
        started_at: row.optional_time("started_at")?,
        finished_at: row.optional_time("finished_at")?,
        due_at: if status == RunStatus::Waiting { Some(row.time("due_at")?) } else { None },
    })
}

/// Reads how many attempts were made before the last resume.
fn count(row: &Reader<'_>) -> Result<usize, StoreError> {
    Ok(usize::try_from(row.value::<i64>("resumed_at")?).unwrap_or_default())
}

fn task(row: &AnyRow) -> Result<TaskRow, StoreError> {
    let row = Reader::new(row, "run_task");
    Ok(TaskRow {
        position: row.value("position")?,
        step_id: row.text("step_id")?,
        status: row.word("status")?,
        error: row.value("error")?,
        attempts: row.json("attempts")?,
        resumed_at: count(&row)?,
        retry_at: row.optional_time("retry_at")?,
        started_at: row.time("started_at")?,
        finished_at: row.optional_time("finished_at")?,
    })
}
