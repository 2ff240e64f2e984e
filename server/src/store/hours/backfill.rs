//! Counts the executions of releases that did not count them, while the server runs: reading all of them in a migration could take a
//! start many minutes. An hour is counted anew from its rows and replaced, so what the recorder has added by then does no harm, and a
//! step that is killed is done again.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::sql::{Reader, Statement, Values, first_id, time_of_id};
use super::{BUCKET_MS, COLUMNS, ExecutionHours, HourSums, Hours, TABLE, beginning, bind, hour_of, insert, read_sums};
use crate::store::{Pace, StoreError};

/// The time after which the calls of an hour have ended: the longest deadline, and what its end may take.
const SETTLED: SignedDuration = SignedDuration::from_mins(15);
/// The number of rows that one statement writes.
const ROWS: usize = 64;

/// How far it has come. First the hours that had ended long before it began, from the newest to the oldest, as charts show the newest;
/// at last the two hours in which calls of the earlier release may have ended.
#[derive(Debug, Clone, Copy)]
struct Progress {
    /// The hour in which it began.
    first: i64,
    /// The hour that is next.
    next: i64,
}

impl Progress {
    /// Returns whether the next hour is one of the last two.
    fn is_last(self) -> bool {
        self.next >= self.first - 1
    }
}

impl ExecutionHours<'_> {
    /// Counts hours that were not counted when their calls ended, none from before `oldest`. Returns whether all of them are counted.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn backfill(&self, now: Timestamp, oldest: Timestamp, pace: &mut Pace) -> Result<bool, StoreError> {
        let Some(mut progress) = self.progress(now).await? else { return Ok(true) };
        while pace.goes_on() {
            if progress.next > progress.first {
                sqlx::query("DELETE FROM execution_hour_fill").execute(&self.store.write).await?;
                return Ok(true);
            }
            if !progress.is_last() {
                // Hours without executions are passed over.
                match self.newest_before(progress.next + 1).await? {
                    Some(hour) if hour >= hour_of(oldest) => progress.next = hour,
                    _ => progress.next = progress.first - 1,
                }
            }
            if now < beginning(progress.next + 1) + SETTLED {
                break;
            }
            let sums = self.count(progress.next).await?;
            let after =
                Progress { next: if progress.is_last() { progress.next + 1 } else { progress.next - 1 }, ..progress };
            let began = Instant::now();
            self.replace(progress.next, &sums, after).await?;
            progress = after;
            pace.pause(began.elapsed()).await;
        }
        Ok(false)
    }

    async fn progress(&self, now: Timestamp) -> Result<Option<Progress>, StoreError> {
        let row = sqlx::query("SELECT first_hour, next_hour FROM execution_hour_fill")
            .fetch_optional(&self.store.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let row = Reader::new(&row, "execution_hour_fill");
        let (first, next) = (row.value("first_hour")?, row.value("next_hour")?);
        if first >= 0 {
            return Ok(Some(Progress { first, next }));
        }
        let first = hour_of(now);
        if self.newest_before(first + 1).await?.is_none() {
            sqlx::query("DELETE FROM execution_hour_fill").execute(&self.store.write).await?;
            return Ok(None);
        }
        let begun = Progress { first, next: first - 2 };
        sqlx::query("UPDATE execution_hour_fill SET first_hour = $1, next_hour = $2")
            .bind(begun.first)
            .bind(begun.next)
            .execute(&self.store.write)
            .await?;
        Ok(Some(begun))
    }

    /// Returns the hour of the newest execution before an hour.
    async fn newest_before(&self, hour: i64) -> Result<Option<i64>, StoreError> {
        let row = sqlx::query("SELECT MAX(id) AS id FROM execution WHERE id < $1")
            .bind(first_id(beginning(hour)))
            .fetch_one(&self.store.read)
            .await?;
        let id: Option<Uuid> = Reader::new(&row, "execution").optional_id("id")?;
        Ok(id.map(|id| hour_of(time_of_id(id))))
    }

    /// Counts the executions of an hour. This reads, and holds no writer.
    async fn count(&self, hour: i64) -> Result<Vec<(Uuid, HourSums)>, StoreError> {
        let mut statement = Statement::new(
            "SELECT connector_id, COUNT(*) AS calls, CAST(SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS BIGINT) AS failed, \
             CAST(SUM(COALESCE(duration_ms, 0)) AS BIGINT) AS total_ms",
        );
        let mut lower = i64::MIN;
        for (index, bound) in BUCKET_MS.iter().enumerate() {
            let upper = if index + 1 == BUCKET_MS.len() { i64::MAX } else { i64::from(*bound) };
            statement.push(", CAST(SUM(CASE WHEN COALESCE(duration_ms, 0) > ").bind(lower);
            statement.push(" AND COALESCE(duration_ms, 0) <= ").bind(upper);
            statement.push(" THEN 1 ELSE 0 END) AS BIGINT) AS b").push(&index.to_string());
            lower = upper;
        }
        statement.push(" FROM execution WHERE id >= ").bind(first_id(beginning(hour)));
        statement.push(" AND id < ").bind(first_id(beginning(hour + 1)));
        statement.push(" AND mocked = 0 AND status IN ('succeeded', 'failed') AND connector_id IN (SELECT id FROM connector) GROUP BY connector_id");
        let rows = statement.query().fetch_all(&self.store.read).await?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, TABLE);
                Ok((row.id("connector_id")?, read_sums(&row)?))
            })
            .collect()
    }

    /// Replaces the sums of an hour, and says that it is done, in one transaction.
    async fn replace(&self, hour: i64, sums: &[(Uuid, HourSums)], after: Progress) -> Result<(), StoreError> {
        let hours: Hours = sums.iter().map(|(connector, sums)| ((*connector, hour), *sums)).collect();
        let hours: Vec<_> = hours.iter().collect();
        let mut transaction = self.store.begin().await?;
        sqlx::query("DELETE FROM execution_hour WHERE hour = $1").bind(hour).execute(&mut *transaction).await?;
        let text = insert(self.store.dialect, ROWS, "*", false).into();
        for rows in hours.chunks(ROWS) {
            let mut values = Values::with_capacity(ROWS * COLUMNS);
            for place in 0..ROWS {
                bind(&mut values, rows.get(place).copied());
            }
            values.query(&text).execute(&mut *transaction).await?;
        }
        sqlx::query("UPDATE execution_hour_fill SET next_hour = $1")
            .bind(after.next)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}
