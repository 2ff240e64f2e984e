//! The answers that are kept for idempotency keys: each leaves after its day, and before that its text, if all of them
//! are too large.
//!
//! A key itself is never removed before its day is over, because its call would be executed again. So if there are too
//! many keys, new ones are refused.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::super::sql::{Reader, Statement};
use super::super::{IdempotencyKey, StoreError};
use super::ledger::{Ledger, Sums, count, slot_of, subtract};
use super::sweep::{MAX_BATCH_BYTES, Swept};
use super::{Limits, Pace, Retained};

/// An answer whose text is to be removed.
struct Kept {
    key: IdempotencyKey,
    expires_at: i64,
    bytes: u64,
}

impl Ledger {
    /// Removes the keys whose day is over, and the texts of the oldest answers beyond the limit of bytes. The keys stay:
    /// if there are more of them than the limit, the result says that the table is not within it.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn sweep_answers(
        &mut self,
        limits: &Limits,
        now: Timestamp,
        pace: &mut Pace,
    ) -> Result<Swept, StoreError> {
        let expired = self.store.idempotency().purge_expired(now, pace).await?;
        sqlx::query("DELETE FROM retained WHERE name = $1 AND slot < $2")
            .bind(Retained::Answers.table())
            .bind(slot_of(now.as_millisecond()))
            .execute(&self.store.write)
            .await?;
        // What a key takes beside its answer cannot be removed before its day is over, so only the texts count.
        let texts =
            |sums: Sums| sums.bytes.saturating_sub(sums.rows * u64::try_from(super::ROW_BYTES).unwrap_or_default());
        let too_large = |sums: Sums| limits.bytes.is_some_and(|most| texts(sums) > most);
        let is_beyond = |sums: Sums| too_large(sums) || limits.rows.is_some_and(|most| sums.rows > most);
        let mut counted = self.count(now, pace).await?;
        // Keys leave with their connectors too.
        if is_beyond(counted.total())
            && let Some(again) = self.recount(now, pace).await?
        {
            counted = again;
        }
        let mut swept = Swept { left: counted.total(), ..Swept::default() };
        swept.removed.rows = expired;
        for (slot, sums) in counted.slots.iter().filter(|(_, sums)| texts(**sums) > 0) {
            let mut left = texts(*sums);
            while left > 0 && too_large(swept.left) && pace.goes_on() {
                let answers = self.texts_of(*slot, pace.rows()).await?;
                if answers.is_empty() {
                    break;
                }
                let (bytes, held) = self.remove_texts(*slot, &answers).await?;
                left = left.saturating_sub(bytes);
                let removed = Sums { rows: 0, bytes };
                swept.removed += removed;
                swept.left = swept.left.without(removed);
                pace.pause(held).await;
            }
        }
        swept.is_complete = counted.is_complete;
        swept.is_within = counted.is_complete && !is_beyond(swept.left);
        swept.oldest = self.oldest_answer(now).await?;
        Ok(swept)
    }

    /// Reads the oldest answers of a slot that still have their text.
    async fn texts_of(&self, slot: i64, rows: u32) -> Result<Vec<Kept>, StoreError> {
        let mut statement = Statement::new(
            "SELECT token_id, connector_id, key, expires_at, CAST(octet_length(answer) AS BIGINT) AS bytes \
             FROM idempotency WHERE answer <> '' AND expires_at >= ",
        );
        statement.bind(slot).push(" AND expires_at < ").bind(slot + super::ledger::SLOT_MS);
        statement.push(" ORDER BY expires_at LIMIT ").bind(i64::from(rows));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        let mut answers: Vec<Kept> = Vec::with_capacity(rows.len());
        let mut bytes = 0;
        for row in &rows {
            let row = Reader::new(row, "idempotency");
            let key = IdempotencyKey {
                token_id: row.id("token_id")?,
                connector_id: row.id("connector_id")?,
                key: row.text("key")?,
            };
            let answer = Kept { key, expires_at: row.value("expires_at")?, bytes: count(row.value("bytes")?) };
            bytes += answer.bytes;
            if !answers.is_empty() && bytes > MAX_BATCH_BYTES {
                break;
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    async fn remove_texts(&mut self, slot: i64, answers: &[Kept]) -> Result<(u64, Duration), StoreError> {
        let mut transaction = self.store.begin().await?;
        let began = Instant::now();
        let mut bytes = 0;
        for Kept { key, expires_at, bytes: size } in answers {
            let removed = sqlx::query(
                "UPDATE idempotency SET answer = '' WHERE token_id = $1 AND connector_id = $2 AND key = $3 AND expires_at = $4",
            )
            .bind(key.token_id.to_string())
            .bind(key.connector_id.to_string())
            .bind(key.key.as_str())
            .bind(*expires_at)
            .execute(&mut *transaction)
            .await?;
            bytes += if removed.rows_affected() == 1 { *size } else { 0 };
        }
        let sums = Sums { rows: 0, bytes };
        subtract(&mut transaction, Retained::Answers, slot, sums).await?;
        transaction.commit().await?;
        self.subtract_open(slot, sums);
        Ok((bytes, began.elapsed()))
    }

    async fn oldest_answer(&self, now: Timestamp) -> Result<Option<SignedDuration>, StoreError> {
        let row = sqlx::query("SELECT MIN(expires_at) AS first FROM idempotency").fetch_one(&self.store.read).await?;
        let first: Option<i64> = Reader::new(&row, "idempotency").value("first")?;
        Ok(first.map(|first| SignedDuration::from_millis(Retained::Answers.key_time(now).saturating_sub(first))))
    }
}
