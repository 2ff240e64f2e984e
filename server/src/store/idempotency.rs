//! Idempotency keys: the first caller claims one and executes, later ones get its answer.
//!
//! A claim without an answer is in flight. When its server dies, it stays so; the next start reads
//! [`Idempotency::ownerless`] and decides, for the store cannot know whether the call left.

use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::replicas::push_ownerless;
use super::sql::{Reader, Statement};
use super::{Store, StoreError, now};

const TABLE: &str = "idempotency";
/// A claim that loses to one which is gone a moment later tries again; more than a few times is a fault.
const ATTEMPTS: usize = 5;

/// What an answer is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The caller's token.
    pub token_id: Uuid,
    /// The connector.
    pub connector_id: Uuid,
    /// The caller's key.
    pub key: String,
}

/// How a claim went.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    /// The key is the caller's now: execute, then complete or release it.
    New,
    /// Another request with the key has not ended.
    InFlight {
        /// The execution that holds it.
        execution_id: Uuid,
    },
    /// The key was used for another request.
    Mismatch,
    /// The answer is there.
    Replay {
        /// The execution that gave it.
        execution_id: Uuid,
        /// The answer, sealed for table `idempotency`, row = this execution's id, field `answer`.
        answer: String,
    },
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::New => f.write_str("New"),
            Self::InFlight { execution_id } => f.debug_struct("InFlight").field("execution_id", execution_id).finish(),
            Self::Mismatch => f.write_str("Mismatch"),
            Self::Replay { execution_id, .. } => {
                f.debug_struct("Replay").field("execution_id", execution_id).finish_non_exhaustive()
            }
        }
    }
}

/// A claim that has no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// What was claimed.
    pub key: IdempotencyKey,
    /// The execution that holds it.
    pub execution_id: Uuid,
    /// When it was claimed.
    pub created_at: Timestamp,
}

/// The idempotency keys of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Idempotency<'s> {
    pub(super) store: &'s Store,
}

impl Idempotency<'_> {
    /// Claims a key for an execution, unless it is taken. A key past its end is free again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim(
        &self,
        key: &IdempotencyKey,
        request_hash: &str,
        execution_id: Uuid,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Claim, StoreError> {
        for _ in 0..ATTEMPTS {
            let claimed = sqlx::query(
                "INSERT INTO idempotency (token_id, connector_id, key, request_hash, execution_id, created_at, expires_at, owner) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (token_id, connector_id, key) DO UPDATE SET \
                 request_hash = excluded.request_hash, execution_id = excluded.execution_id, answer = NULL, settled = 0, owner = excluded.owner, \
                 created_at = excluded.created_at, expires_at = excluded.expires_at WHERE idempotency.expires_at <= excluded.created_at",
            )
            .bind(key.token_id.to_string())
            .bind(key.connector_id.to_string())
            .bind(key.key.as_str())
            .bind(request_hash)
            .bind(execution_id.to_string())
            .bind(now.as_millisecond())
            .bind(expires_at.as_millisecond())
            .bind(self.store.id.to_string())
            .execute(&self.store.write)
            .await?;
            if claimed.rows_affected() == 1 {
                return Ok(Claim::New);
            }
            let found = sqlx::query(
                "SELECT request_hash, execution_id, answer FROM idempotency WHERE token_id = $1 AND connector_id = $2 AND key = $3",
            )
            .bind(key.token_id.to_string())
            .bind(key.connector_id.to_string())
            .bind(key.key.as_str())
            .fetch_optional(&self.store.read)
            .await?;
            let Some(found) = found else { continue };
            let found = Reader::new(&found, TABLE);
            let execution_id = found.id("execution_id")?;
            return Ok(if found.text("request_hash")? != request_hash {
                Claim::Mismatch
            } else {
                match found.value("answer")? {
                    Some(answer) => Claim::Replay { execution_id, answer },
                    None => Claim::InFlight { execution_id },
                }
            });
        }
        Err(StoreError::Contended)
    }

    /// Keeps the answer, if the key is still held by this execution; returns whether it was. An answer that
    /// [`Idempotency::settle`] has written gives way: this is the true one. Where an execution
    /// row is written too, [`super::Recorder::finish_with_answer`] does both at once.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn complete(&self, key: &IdempotencyKey, execution_id: Uuid, answer: &str) -> Result<bool, StoreError> {
        let mut connection = self.store.write.acquire().await?;
        complete(&mut connection, key, execution_id, answer).await
    }

    /// Keeps an answer that says that the outcome is not known, if the key is still held by this execution and has
    /// none; returns whether it was. The same execution may still bring the true answer.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settle(&self, key: &IdempotencyKey, execution_id: Uuid, answer: &str) -> Result<bool, StoreError> {
        let settled = sqlx::query(
            "UPDATE idempotency SET answer = $1, settled = 1 \
             WHERE token_id = $2 AND connector_id = $3 AND key = $4 AND execution_id = $5 AND answer IS NULL",
        )
        .bind(answer)
        .bind(key.token_id.to_string())
        .bind(key.connector_id.to_string())
        .bind(key.key.as_str())
        .bind(execution_id.to_string())
        .execute(&self.store.write)
        .await?;
        Ok(settled.rows_affected() == 1)
    }

    /// Gives a key back that has no answer, if it is still held by this execution; returns whether it was.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn release(&self, key: &IdempotencyKey, execution_id: Uuid) -> Result<bool, StoreError> {
        let released = sqlx::query(
            "DELETE FROM idempotency WHERE token_id = $1 AND connector_id = $2 AND key = $3 AND execution_id = $4 AND answer IS NULL",
        )
        .bind(key.token_id.to_string())
        .bind(key.connector_id.to_string())
        .bind(key.key.as_str())
        .bind(execution_id.to_string())
        .execute(&self.store.write)
        .await?;
        Ok(released.rows_affected() == 1)
    }

    /// Reads the claims without an answer whose server has no live lease, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn ownerless(&self) -> Result<Vec<InFlight>, StoreError> {
        let mut statement = Statement::new(
            "SELECT token_id, connector_id, key, execution_id, created_at FROM idempotency WHERE answer IS NULL AND ",
        );
        push_ownerless(&mut statement, self.store.dialect, TABLE);
        statement.push(" ORDER BY created_at, key");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, TABLE);
                let key = IdempotencyKey {
                    token_id: row.id("token_id")?,
                    connector_id: row.id("connector_id")?,
                    key: row.text("key")?,
                };
                Ok(InFlight { key, execution_id: row.id("execution_id")?, created_at: row.time("created_at")? })
            })
            .collect()
    }

    /// Deletes what is past its end, and tells how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn purge_expired(&self) -> Result<u64, StoreError> {
        let purged = sqlx::query("DELETE FROM idempotency WHERE expires_at <= $1")
            .bind(now().as_millisecond())
            .execute(&self.store.write)
            .await?;
        Ok(purged.rows_affected())
    }
}

pub(super) async fn complete(
    connection: &mut AnyConnection,
    key: &IdempotencyKey,
    execution_id: Uuid,
    answer: &str,
) -> Result<bool, StoreError> {
    let completed = sqlx::query(
        "UPDATE idempotency SET answer = $1, settled = 0 \
         WHERE token_id = $2 AND connector_id = $3 AND key = $4 AND execution_id = $5 AND (answer IS NULL OR settled = 1)",
    )
    .bind(answer)
    .bind(key.token_id.to_string())
    .bind(key.connector_id.to_string())
    .bind(key.key.as_str())
    .bind(execution_id.to_string())
    .execute(connection)
    .await?;
    Ok(completed.rows_affected() == 1)
}
