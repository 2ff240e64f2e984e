//! Removes what is too old, and the oldest of what is too much, a batch at a time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::StoreError;
use super::super::sql::{Reader, Statement, time_of, time_of_id};
use super::ledger::{Ledger, Sums, count, slot_of, subtract};
use super::{Limits, Pace};

/// The maximum number of bytes that a batch removes, unless a single row has more.
pub(super) const MAX_BATCH_BYTES: u64 = 4 << 20;

/// What a table had and has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// The rows that were removed.
    pub removed: Sums,
    /// How many of them were not too old, but too many.
    pub excess: u64,
    /// What is left.
    pub left: Sums,
    /// The age of the oldest row.
    pub oldest: Option<SignedDuration>,
    /// Whether the table is within its limits. If not, there was no time for more.
    pub is_within: bool,
    /// Whether all rows are in `left`. If not, there are more.
    pub is_complete: bool,
}

/// A row to be removed.
struct Candidate {
    id: Uuid,
    bytes: u64,
}

impl Ledger {
    /// Removes the rows beyond the limits, the oldest first. Calls that have not ended keep their rows.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn sweep(&mut self, limits: &Limits, now: Timestamp, pace: &mut Pace) -> Result<Swept, StoreError> {
        let mut counted = self.count(now, pace).await?;
        if counted.is_complete && !limits.excess(counted.total()).is_zero() {
            // Rows of the newest slots that others removed are still in the sums, and nothing may go for their sake.
            counted = self.count_anew(now, pace).await?;
        }
        let mut swept = Swept { left: counted.total(), ..Swept::default() };
        let first_kept = limits.first_kept(now);
        let mut after = Uuid::nil();
        loop {
            let excess = if counted.is_complete { limits.excess(swept.left) } else { Sums::default() };
            let candidates = self.oldest(after, pace.rows()).await?;
            let batch = batch(candidates, first_kept.as_deref(), excess);
            let Some(last) = batch.last().map(|row| row.id) else {
                swept.is_within = counted.is_complete;
                swept.is_complete = counted.is_complete;
                break;
            };
            if !pace.goes_on() {
                break;
            }
            after = last;
            let old = batch.iter().filter(|row| is_old(row.id, first_kept.as_deref())).count() as u64;
            let (removed, held) = self.remove(&batch).await?;
            swept.removed += removed;
            swept.excess += removed.rows.saturating_sub(old);
            swept.left = swept.left.without(removed);
            pace.pause(held).await;
        }
        swept.oldest = self.oldest(Uuid::nil(), 1).await?.first().map(|row| now.duration_since(time_of_id(row.id)));
        Ok(swept)
    }

    /// Reads the oldest rows that may be removed, after an id.
    async fn oldest(&self, after: Uuid, rows: u32) -> Result<Vec<Candidate>, StoreError> {
        let mut statement = Statement::new("SELECT id, CAST(");
        statement.push(self.table.size()).push(" AS BIGINT) AS bytes FROM ").push(self.table.table());
        statement.push(" WHERE id > ").bind(after.to_string()).push(" AND ").push(self.table.removable());
        statement.push(" ORDER BY id LIMIT ").bind(i64::from(rows));
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, self.table.table());
                Ok(Candidate { id: row.id("id")?, bytes: count(row.value("bytes")?) })
            })
            .collect()
    }

    /// Removes a batch and its share of the sums, in one transaction; returns for how long it held the writer.
    async fn remove(&mut self, batch: &[Candidate]) -> Result<(Sums, Duration), StoreError> {
        let [first, .., last] = batch else {
            let [only] = batch else { return Ok((Sums::default(), Duration::ZERO)) };
            return self.remove_between(only.id, only.id, batch).await;
        };
        self.remove_between(first.id, last.id, batch).await
    }

    async fn remove_between(
        &mut self,
        first: Uuid,
        last: Uuid,
        batch: &[Candidate],
    ) -> Result<(Sums, Duration), StoreError> {
        let mut slots: BTreeMap<i64, Sums> = BTreeMap::new();
        let mut removed = Sums::default();
        for row in batch {
            let sums = Sums { rows: 1, bytes: row.bytes };
            *slots.entry(slot_of(time_of(row.id))).or_default() += sums;
            removed += sums;
        }
        let table = self.table;
        let mut transaction = self.store.begin().await?;
        let began = Instant::now();
        let mut statement = Statement::new("DELETE FROM ");
        statement.push(table.table()).push(" WHERE id >= ").bind(first.to_string()).push(" AND id <= ");
        statement.bind(last.to_string()).push(" AND ").push(table.removable());
        statement.query().execute(&mut *transaction).await?;
        for (slot, sums) in &slots {
            subtract(&mut transaction, table, *slot, *sums).await?;
        }
        // Slots before the oldest row have nothing more to count.
        sqlx::query("DELETE FROM retained WHERE name = $1 AND slot < $2")
            .bind(table.table())
            .bind(slot_of(time_of(last)))
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let held = began.elapsed();
        for (slot, sums) in slots {
            self.subtract_open(slot, sums);
        }
        Ok((removed, held))
    }
}

fn is_old(id: Uuid, first_kept: Option<&str>) -> bool {
    first_kept.is_some_and(|first| id.to_string().as_str() < first)
}

/// Takes the rows that are too old, and of the others as many as are too much, up to the size of a batch.
fn batch(mut candidates: Vec<Candidate>, first_kept: Option<&str>, excess: Sums) -> Vec<Candidate> {
    let mut so_far = Sums::default();
    let end = candidates.iter().position(|row| {
        let is_beyond = so_far.rows < excess.rows || so_far.bytes < excess.bytes;
        let is_full = so_far.rows > 0 && so_far.bytes + row.bytes > MAX_BATCH_BYTES;
        so_far += Sums { rows: 1, bytes: row.bytes };
        is_full || !(is_beyond || is_old(row.id, first_kept))
    });
    candidates.truncate(end.unwrap_or(candidates.len()));
    candidates
}
