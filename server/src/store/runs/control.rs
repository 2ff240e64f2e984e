//! Ending runs, letting them go on, letting them rest.

use std::collections::BTreeMap;

use floh_client::answers::RunFailure;
use jiff::Timestamp;
use uuid::Uuid;

use super::super::sql::{Statement, json};
use super::super::{RunStatus, StoreError};
use super::{Runs, TaskRow, journal};

/// How often a wish to end a run is tried that keeps changing meanwhile; more attempts mean a fault.
const ATTEMPTS: usize = 5;

/// What a caller's wish to end a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancel {
    /// It has ended.
    Done,
    /// A server works on it and has been told.
    Asked,
    /// It had ended before, in this state.
    Ended(RunStatus),
}

/// How a run that ended goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resumption {
    /// What the caller has read: nobody has resumed it since.
    pub fence: i64,
    /// The index of the step to go on with.
    pub position: i64,
    /// The task that is passed over or begun anew.
    pub task: Option<TaskRow>,
    /// The versions that the steps were checked against now.
    pub checked: BTreeMap<String, String>,
    /// The variables, sealed, if they change.
    pub bag: Option<String>,
}

impl Runs<'_> {
    /// Ends a run that no server works on, or tells the server that works on it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Contended`] if it kept changing.
    pub async fn cancel(&self, id: Uuid, failure: &RunFailure, now: Timestamp) -> Result<Cancel, StoreError> {
        for _ in 0..ATTEMPTS {
            if self.end_idle(id, failure, now).await? {
                return Ok(Cancel::Done);
            }
            // One that rests in a call which may have left is taken up once more, to say so.
            let mut ask = Statement::new(
                "UPDATE run SET cancelling = 1, due_at = CASE WHEN status = 'running' THEN due_at ELSE 0 END, failure = ",
            );
            ask.bind(json(failure))
                .push(" WHERE id = ")
                .bind(id.to_string())
                .push(" AND (status = 'running' OR status IN ('queued', 'waiting') AND in_flight IS NOT NULL)");
            if ask.query().execute(&self.store.write).await?.rows_affected() == 1 {
                return Ok(Cancel::Asked);
            }
            // Between the two its server may have let it wait, or taken it up.
            let status = self.get(id).await?.status;
            if status.is_ended() {
                return Ok(Cancel::Ended(status));
            }
        }
        Err(StoreError::Contended)
    }

    async fn end_idle(&self, id: Uuid, failure: &RunFailure, now: Timestamp) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let mut end = Statement::new("UPDATE run SET status = 'cancelled', fence = fence + 1, failure = ");
        end.bind(json(failure)).push(", finished_at = ").bind(now.as_millisecond());
        end.push(" WHERE id = ")
            .bind(id.to_string())
            .push(" AND status IN ('queued', 'waiting') AND in_flight IS NULL");
        if end.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query(
            "UPDATE run_task SET status = 'cancelled', retry_at = NULL, finished_at = $1 WHERE run_id = $2 AND status IN ('started', 'waiting')",
        )
        .bind(now.as_millisecond())
        .bind(id.to_string())
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Lets a run that ended without success go on; returns false if it was resumed meanwhile, or its bag is gone.
    ///
    /// # Errors
    /// Database errors.
    pub async fn resume(&self, id: Uuid, how: &Resumption) -> Result<bool, StoreError> {
        let mut transaction = self.store.begin().await?;
        let mut resume = Statement::new(
            "UPDATE run SET status = 'queued', claims = 0, cancelling = 0, failure = NULL, finished_at = NULL, in_flight = NULL, \
             owner = NULL, fence = fence + 1, resumes = resumes + 1, position = ",
        );
        resume.bind(how.position).push(", due_at = ").push(self.store.dialect.clock()).push(", bag = COALESCE(");
        resume.bind(how.bag.as_deref()).push(", bag) WHERE id = ").bind(id.to_string());
        resume.push(" AND fence = ").bind(how.fence).push(" AND status IN ('failed', 'cancelled') AND bag IS NOT NULL");
        if resume.query().execute(&mut *transaction).await?.rows_affected() != 1 {
            return Ok(false);
        }
        if let Some(task) = &how.task {
            journal::write_task(&mut transaction, id, task).await?;
        }
        sqlx::query("UPDATE run_plan SET checked = $1 WHERE run_id = $2")
            .bind(json(&how.checked))
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Lets a run that this server works on wait for some milliseconds, because the work on it keeps failing.
    ///
    /// # Errors
    /// Database errors.
    pub async fn rest(&self, id: Uuid, ms: i64) -> Result<(), StoreError> {
        let mut rest = Statement::new("UPDATE run SET status = 'waiting', claims = 0, due_at = ");
        rest.push(self.store.dialect.clock()).push(" + ").bind(ms).push(" WHERE id = ").bind(id.to_string());
        rest.push(" AND status = 'running' AND owner = ").bind(self.store.id.to_string());
        rest.query().execute(&self.store.write).await?;
        Ok(())
    }
}

#[cfg(test)]
impl Runs<'_> {
    /// Makes the time of every wait come.
    pub(crate) async fn expire_waits(&self) -> Result<(), StoreError> {
        sqlx::query("UPDATE run SET due_at = 0 WHERE status = 'waiting'").execute(&self.store.write).await?;
        Ok(())
    }

    /// Makes a run look as a server left it that died while a step called a command.
    pub(crate) async fn leave_dead(
        &self,
        id: Uuid,
        position: i64,
        in_flight: Option<Uuid>,
        claims: i64,
    ) -> Result<(), StoreError> {
        let mut dead = Statement::new("UPDATE run SET status = 'running', owner = 'dead', due_at = 0, position = ");
        dead.bind(position).push(", claims = ").bind(claims).push(", in_flight = ");
        dead.bind(in_flight.map(|id| id.to_string())).push(" WHERE id = ").bind(id.to_string());
        dead.query().execute(&self.store.write).await?;
        Ok(())
    }

    /// Makes a run look as one that rests, because the work on it kept failing.
    pub(crate) async fn leave_resting(&self, id: Uuid, position: i64, in_flight: Uuid) -> Result<(), StoreError> {
        let mut rests = Statement::new("UPDATE run SET status = 'waiting', position = ");
        rests
            .bind(position)
            .push(", in_flight = ")
            .bind(in_flight.to_string())
            .push(" WHERE id = ")
            .bind(id.to_string());
        rests.query().execute(&self.store.write).await?;
        Ok(())
    }
}
