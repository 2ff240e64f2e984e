//! Writes the true result of an execution whose outcome was unknown: it came after the call had ended, or after its server had
//! died.

use uuid::Uuid;

use super::{ExecutionRow, Executions, SELECT, from_row};
use crate::store::hours::{self, AddTexts, Hours};
use crate::store::idempotency::{self, HeldKey};
use crate::store::sql::Statement;
use crate::store::{ExecutionStatus, Recording, StoreError, retention};

/// The answer that takes the place of the one that an idempotency key has.
#[derive(Debug)]
pub struct LateAnswer {
    /// The key, with the answer that it has.
    pub held: HeldKey,
    /// The true answer, sealed for that key.
    pub answer: String,
}

impl Executions<'_> {
    /// Finds the execution that has one of some ids.
    ///
    /// # Errors
    /// Database errors.
    pub async fn find_any(&self, ids: &[Uuid]) -> Result<Option<ExecutionRow>, StoreError> {
        let mut statement = Statement::new(SELECT);
        statement.push(" AND id IN (").list(ids.iter().map(Uuid::to_string)).push(") ORDER BY id");
        let row = statement.query().fetch_optional(&self.store.read).await?;
        row.as_ref().map(from_row).transpose()
    }

    /// Replaces the end of an execution by the true one, with the answer of its key and the sums of its hour, in one
    /// transaction. Of an execution that its connector does not record, the row is removed. Returns whether the row was still
    /// as it is `before`: if not, nothing is written.
    ///
    /// # Errors
    /// Database errors.
    pub async fn settle_late(
        &self,
        before: &ExecutionRow,
        after: &ExecutionRow,
        answer: Option<&LateAnswer>,
    ) -> Result<bool, StoreError> {
        let is_kept = after.recorded != Recording::None;
        let mut transaction = self.store.begin().await?;
        let mut statement = if is_kept { set(after) } else { Statement::new("DELETE FROM execution") };
        statement.push(" WHERE id = ").bind(before.id.to_string());
        statement.push(" AND status = ").bind(before.status.as_str());
        match &before.result {
            Some(result) => statement.push(" AND result = ").bind(result.as_str()),
            None => statement.push(" AND result IS NULL"),
        };
        if statement.query().execute(&mut *transaction).await?.rows_affected() == 0 {
            transaction.rollback().await?;
            return Ok(false);
        }
        if is_kept {
            retention::resize_execution(&mut transaction, before, after).await?;
            // One that had ended was counted then.
            if before.status.success().is_none() && hours::counts(after) {
                let mut sums = Hours::new();
                hours::note(&mut sums, after);
                hours::add(&mut transaction, self.store.dialect, &AddTexts::default(), &sums).await?;
            } else if before.status == ExecutionStatus::Failed && after.status == ExecutionStatus::Succeeded {
                hours::redeem(&mut transaction, after).await?;
            }
        } else {
            retention::subtract_execution(&mut transaction, before).await?;
        }
        if let Some(LateAnswer { held, answer }) = answer {
            idempotency::replace(&mut transaction, held, before.id, answer).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

fn set(after: &ExecutionRow) -> Statement {
    let mut statement = Statement::new("UPDATE execution SET status = ");
    statement.bind(after.status.as_str()).push(", result = ").bind(after.result.as_deref());
    let truncated = Some(&after.truncated).filter(|parts| !parts.is_empty());
    statement.push(", truncated = ").bind(truncated.and_then(|parts| serde_json::to_string(parts).ok()));
    statement.push(", duration_ms = ").bind(after.duration_ms);
    statement
}
