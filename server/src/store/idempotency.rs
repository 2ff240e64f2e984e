//! Idempotency keys: the first caller claims a key and executes, later callers get its answer.
//!
//! A claim without an answer is in flight. If its server dies, the claim remains; the next server to start reads
//! [`Idempotency::ownerless`] and decides, because the store cannot know whether the call was sent.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use uuid::Uuid;

use super::connection::DatabaseConnection;
use super::replicas::push_ownerless;
use super::sql::{Reader, Statement};
use super::{Pace, Store, StoreError};

/// How long an answer is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

const TABLE: &str = "idempotency";
/// The maximum number of bytes of answers that one statement deletes, unless one answer has more.
const MAX_PURGED_BYTES: i64 = 4 << 20;
/// How often a claim tries again if it loses to one that disappears a moment later; more attempts mean a fault.
const ATTEMPTS: usize = 5;

/// The key under which an answer is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The caller's token.
    pub token_id: Uuid,
    /// The connector.
    pub connector_id: Uuid,
    /// The caller's key.
    pub key: String,
}

/// The result of a claim.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    /// The caller holds the key now: execute, then complete or release it.
    New,
    /// Another request with the key is still running.
    InFlight {
        /// The execution that holds it.
        execution_id: Uuid,
    },
    /// The key was used for another request.
    Mismatch,
    /// The call was executed, and its answer is not kept any more, because all answers were too large.
    Gone {
        /// The execution that gave it.
        execution_id: Uuid,
    },
    /// The key is new, and as many keys are kept as there may be.
    Full,
    /// There is an answer.
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
            Self::Gone { execution_id } => f.debug_struct("Gone").field("execution_id", execution_id).finish(),
            Self::Full => f.write_str("Full"),
            Self::Replay { execution_id, .. } => {
                f.debug_struct("Replay").field("execution_id", execution_id).finish_non_exhaustive()
            }
        }
    }
}

/// A claim that has no answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// The claimed key.
    pub key: IdempotencyKey,
    /// The execution that holds it.
    pub execution_id: Uuid,
    /// When it was claimed.
    pub created_at: Timestamp,
}

/// A key that an execution holds, with its answer.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldKey {
    /// The key.
    pub key: IdempotencyKey,
    /// The answer, sealed as that of [`Claim::Replay`]; `None` if there is none yet, empty if it is not kept any more.
    pub answer: Option<String>,
    /// Whether the answer was written because the execution's server had died ([`Idempotency::settle`]).
    pub is_settled: bool,
}

impl std::fmt::Debug for HeldKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeldKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// The idempotency keys of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct Idempotency<'s> {
    pub(super) store: &'s Store,
}

impl Idempotency<'_> {
    /// Claims a key for an execution, unless it is taken. An expired key is free again.
    ///
    /// # Errors
    /// Database errors.
    pub async fn claim(
        &self,
        key: &IdempotencyKey,
        request_hash: &str,
        execution_id: Uuid,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Claim, StoreError> {
        let is_full = self.store.keys_full.load(Ordering::Relaxed);
        for _ in 0..ATTEMPTS {
            if !is_full && self.insert(key, request_hash, execution_id, now, expires_at).await? {
                return Ok(Claim::New);
            }
            let found = sqlx::query(
                "SELECT request_hash, execution_id, answer FROM idempotency WHERE token_id = $1 AND connector_id = $2 AND key = $3 \
                 AND expires_at > $4",
            )
            .bind(key.token_id.to_string())
            .bind(key.connector_id.to_string())
            .bind(key.key.as_str())
            .bind(now.as_millisecond())
            .fetch_optional(&self.store.read)
            .await?;
            let Some(found) = found else {
                if is_full {
                    return Ok(Claim::Full);
                }
                continue;
            };
            let found = Reader::new(&found, TABLE);
            let execution_id = found.id("execution_id")?;
            return Ok(if found.text("request_hash")? != request_hash {
                Claim::Mismatch
            } else {
                match found.value::<Option<String>>("answer")? {
                    Some(answer) if answer.is_empty() => Claim::Gone { execution_id },
                    Some(answer) => Claim::Replay { execution_id, answer },
                    None => Claim::InFlight { execution_id },
                }
            });
        }
        Err(StoreError::Contended)
    }

    /// Writes a claim, unless the key is taken; returns whether it was written.
    async fn insert(
        &self,
        key: &IdempotencyKey,
        request_hash: &str,
        execution_id: Uuid,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
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
        Ok(claimed.rows_affected() == 1)
    }

    /// Keeps the answer, if the key is still held by this execution; returns whether it was. It replaces an answer that
    /// [`Idempotency::settle`] has written, because this is the true one. If an execution row is written too,
    /// [`super::Recorder::finish_with_answer`] does both in one transaction.
    ///
    /// # Errors
    /// Database errors.
    pub async fn complete(&self, key: &IdempotencyKey, execution_id: Uuid, answer: &str) -> Result<bool, StoreError> {
        let mut connection = self.store.write.acquire().await?;
        complete(&mut connection, key, execution_id, answer).await
    }

    /// Keeps an answer that says that the outcome is unknown, if the key is still held by this execution and has no
    /// answer; returns whether it was. The same execution may still complete it with the true answer.
    ///
    /// # Errors
    /// Database errors.
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

    /// Releases a key that has no answer, if it is still held by this execution; returns whether it was.
    ///
    /// # Errors
    /// Database errors.
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

    /// Finds the key that an execution of a token holds.
    ///
    /// # Errors
    /// Database errors.
    pub async fn held_by(
        &self,
        token_id: Uuid,
        connector_id: Uuid,
        execution_id: Uuid,
    ) -> Result<Option<HeldKey>, StoreError> {
        let found = sqlx::query(
            "SELECT key, answer, settled FROM idempotency WHERE token_id = $1 AND connector_id = $2 AND execution_id = $3",
        )
        .bind(token_id.to_string())
        .bind(connector_id.to_string())
        .bind(execution_id.to_string())
        .fetch_optional(&self.store.read)
        .await?;
        let Some(found) = found else { return Ok(None) };
        let found = Reader::new(&found, TABLE);
        let key = IdempotencyKey { token_id, connector_id, key: found.text("key")? };
        Ok(Some(HeldKey { key, answer: found.value("answer")?, is_settled: found.flag("settled")? }))
    }

    /// Reads the claims without an answer whose server has no live lease, oldest first.
    ///
    /// # Errors
    /// Database errors.
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

    /// Deletes the keys that have expired, a batch at a time, and returns how many.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn purge_expired(&self, now: Timestamp, pace: &mut Pace) -> Result<u64, StoreError> {
        let mut purged = 0;
        while pace.goes_on() {
            let sizes = sqlx::query(
                "SELECT CAST(COALESCE(octet_length(answer), 0) AS BIGINT) AS bytes FROM idempotency WHERE expires_at <= $1 \
                 ORDER BY expires_at LIMIT $2",
            );
            let sizes = sizes.bind(now.as_millisecond()).bind(i64::from(pace.rows()));
            let (mut rows, mut bytes) = (0_i64, 0);
            for row in &sizes.fetch_all(&self.store.read).await? {
                bytes += Reader::new(row, TABLE).value::<i64>("bytes")?;
                if rows > 0 && bytes > MAX_PURGED_BYTES {
                    break;
                }
                rows += 1;
            }
            if rows == 0 {
                break;
            }
            let mut writer = self.store.write.acquire().await?;
            let began = Instant::now();
            // The time stands outside too: a key that is claimed anew meanwhile keeps its row on PostgreSQL.
            let gone = sqlx::query(
                "DELETE FROM idempotency WHERE (token_id, connector_id, key) IN (SELECT token_id, connector_id, key \
                 FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2) AND expires_at <= $1",
            );
            purged += gone.bind(now.as_millisecond()).bind(rows).execute(&mut writer).await?.rows_affected();
            drop(writer);
            pace.pause(began.elapsed()).await;
        }
        Ok(purged)
    }

    /// Returns whether calls with new keys are refused.
    pub fn is_full(&self) -> bool {
        self.store.keys_full.load(Ordering::Relaxed)
    }

    /// Says whether new keys are refused, because as many are kept as there may be.
    pub fn set_full(&self, is_full: bool) {
        self.store.keys_full.store(is_full, Ordering::Relaxed);
    }
}

/// Keeps the true answer of an execution in place of the one that was there, unless that has changed.
pub(super) async fn replace(
    connection: &mut DatabaseConnection,
    held: &HeldKey,
    execution_id: Uuid,
    answer: &str,
) -> Result<bool, StoreError> {
    let mut statement = Statement::new("UPDATE idempotency SET settled = 0, answer = ");
    statement.bind(answer).push(" WHERE token_id = ").bind(held.key.token_id.to_string());
    statement.push(" AND connector_id = ").bind(held.key.connector_id.to_string());
    statement.push(" AND key = ").bind(held.key.key.as_str());
    statement.push(" AND execution_id = ").bind(execution_id.to_string());
    match &held.answer {
        Some(before) => statement.push(" AND answer = ").bind(before.as_str()),
        // Meanwhile another server may have written that the outcome is unknown.
        None => statement.push(" AND (answer IS NULL OR (settled = 1 AND answer <> ''))"),
    };
    Ok(statement.query().execute(connection).await?.rows_affected() == 1)
}

pub(super) async fn complete(
    connection: &mut DatabaseConnection,
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
