//! What the calls of each connector came to in each hour: their number, how many failed, how long they took.
//!
//! The recorder adds to it in the transaction of its rows, so that charts read a few rows instead of all executions. It counts calls
//! that have ended, by the hour in which they started. It does not count what a mock answered, what is at work or unknown, and what
//! the connector does not record. A record that is deleted stays counted.

pub(super) mod backfill;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::connection::DatabaseConnection;
use super::migrate::Dialect;
use super::sql::{Reader, Statement, Values, placeholders};
use super::{ExecutionRow, Pace, Store, StoreError};

const TABLE: &str = "execution_hour";
/// The milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// The number of buckets.
pub const BUCKETS: usize = 16;
/// The longest duration that each bucket counts, in milliseconds: evenly spaced on a logarithmic scale. The last one counts all
/// longer ones, too.
pub const BUCKET_MS: [u32; BUCKETS] =
    [1, 2, 5, 12, 29, 67, 155, 360, 835, 1_935, 4_480, 10_400, 24_100, 55_800, 129_000, 300_000];
const COLUMNS: usize = 5 + BUCKETS;
/// Statements exist only for these numbers of rows, as those of executions do.
const SIZES: [usize; 5] = [1, 4, 16, 64, 128];

/// What the calls of one connector came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HourSums {
    /// The number of calls.
    pub calls: u64,
    /// How many of them failed.
    pub failed: u64,
    /// How long all of them took, in milliseconds.
    pub total_ms: u64,
    /// The number of calls by duration, see [`BUCKET_MS`].
    pub buckets: [u64; BUCKETS],
}

impl HourSums {
    /// Adds a call.
    fn add(&mut self, is_failed: bool, duration_ms: u64) {
        self.calls += 1;
        self.failed += u64::from(is_failed);
        self.total_ms += duration_ms;
        let bucket = BUCKET_MS.partition_point(|bound| u64::from(*bound) < duration_ms).min(BUCKETS - 1);
        self.buckets[bucket] += 1;
    }

    /// Adds what others came to.
    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.failed += other.failed;
        self.total_ms += other.total_ms;
        for (own, other) in self.buckets.iter_mut().zip(other.buckets) {
            *own += other;
        }
    }

    /// Estimates the duration in milliseconds within which `percent` of the calls ended, from the bucket that it lies in; `None`
    /// without calls.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    pub fn percentile(&self, percent: u8) -> Option<u64> {
        let rank = (self.buckets.iter().sum::<u64>() as f64) * f64::from(percent.min(100)) / 100.0;
        let mut below = 0.0;
        for (index, calls) in self.buckets.iter().enumerate().filter(|(_, calls)| **calls > 0) {
            let calls = *calls as f64;
            if below + calls >= rank {
                let upper = f64::from(BUCKET_MS[index]);
                let lower = index.checked_sub(1).map_or(upper / 2.0, |index| f64::from(BUCKET_MS[index]));
                let share = ((rank - below) / calls).clamp(0.0, 1.0);
                return Some((lower * (upper / lower).powf(share)).round() as u64);
            }
            below += calls;
        }
        None
    }
}

/// What the calls of a connector came to in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorHour {
    /// When the hour begins.
    pub begins: Timestamp,
    /// What the calls came to.
    pub sums: HourSums,
}

/// The calls of a connector in one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourCalls {
    /// When the hour begins.
    pub begins: Timestamp,
    /// How many calls there were.
    pub calls: u64,
    /// How many of them failed.
    pub failed: u64,
}

/// Sums by connector and hour.
pub(super) type Hours = BTreeMap<(Uuid, i64), HourSums>;

/// The hourly sums of a [`Store`].
#[derive(Debug, Clone, Copy)]
pub struct ExecutionHours<'s> {
    store: &'s Store,
}

impl Store {
    /// What calls came to, by connector and hour.
    pub fn hours(&self) -> ExecutionHours<'_> {
        ExecutionHours { store: self }
    }
}

impl ExecutionHours<'_> {
    /// Counts the calls of some connectors from the hour of `since` on, oldest first, in one query. An hour without calls has no
    /// entry. The other sums, five times as many columns, are not read.
    ///
    /// # Errors
    /// Database errors.
    pub async fn calls_of_all(
        &self,
        connectors: &[Uuid],
        since: Timestamp,
    ) -> Result<BTreeMap<Uuid, Vec<HourCalls>>, StoreError> {
        let mut found: BTreeMap<Uuid, Vec<HourCalls>> = BTreeMap::new();
        if connectors.is_empty() {
            return Ok(found);
        }
        let mut statement = Statement::new("SELECT connector_id, hour, calls, failed FROM execution_hour");
        statement.push(" WHERE connector_id IN (").list(connectors.iter().map(Uuid::to_string));
        statement.push(") AND hour >= ").bind(hour_of(since)).push(" ORDER BY connector_id, hour");
        for row in statement.query().persistent(false).fetch_all(&self.store.read).await? {
            let row = Reader::new(&row, TABLE);
            let number = |column| Ok::<_, StoreError>(u64::try_from(row.value::<i64>(column)?).unwrap_or_default());
            let hour =
                HourCalls { begins: beginning(row.value("hour")?), calls: number("calls")?, failed: number("failed")? };
            found.entry(row.id("connector_id")?).or_default().push(hour);
        }
        Ok(found)
    }

    /// Adds up the calls of some connectors from the hour of `since` on, and those that failed. One without calls has no entry.
    ///
    /// # Errors
    /// Database errors.
    pub async fn totals(
        &self,
        connectors: &[Uuid],
        since: Timestamp,
    ) -> Result<BTreeMap<Uuid, (u64, u64)>, StoreError> {
        if connectors.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut statement = Statement::new(
            "SELECT connector_id, CAST(SUM(calls) AS BIGINT) AS calls, CAST(SUM(failed) AS BIGINT) AS failed FROM execution_hour",
        );
        statement.push(" WHERE connector_id IN (").list(connectors.iter().map(Uuid::to_string));
        statement.push(") AND hour >= ").bind(hour_of(since)).push(" GROUP BY connector_id");
        let rows = statement.query().persistent(false).fetch_all(&self.store.read).await?;
        let total = |row: &AnyRow| {
            let row = Reader::new(row, TABLE);
            let number = |column| Ok::<_, StoreError>(u64::try_from(row.value::<i64>(column)?).unwrap_or_default());
            Ok((row.id("connector_id")?, (number("calls")?, number("failed")?)))
        };
        rows.iter().map(total).collect()
    }

    /// Reads the sums of a connector, oldest first: from the hour of `since` to the last one that begins before `until`.
    ///
    /// # Errors
    /// Database errors.
    pub async fn of(
        &self,
        connector: Uuid,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<ConnectorHour>, StoreError> {
        let mut statement = select();
        statement.push(" WHERE connector_id = ").bind(connector.to_string());
        statement.push(" AND hour >= ").bind(hour_of(since));
        statement.push(" AND hour * 3600000 < ").bind(until.as_millisecond()).push(" ORDER BY hour");
        statement.query().fetch_all(&self.store.read).await?.iter().map(read).collect()
    }

    /// Removes the hours that end by a time, an hour at a time; returns how many rows that were.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub async fn purge(&self, until: Timestamp, pace: &mut Pace) -> Result<u64, StoreError> {
        let mut removed = 0;
        while pace.goes_on() {
            let oldest =
                sqlx::query("SELECT MIN(hour) AS hour FROM execution_hour").fetch_one(&self.store.read).await?;
            let Some(hour) = Reader::new(&oldest, TABLE).value::<Option<i64>>("hour")? else { break };
            if hour >= hour_of(until) {
                break;
            }
            let began = Instant::now();
            let purged = sqlx::query("DELETE FROM execution_hour WHERE hour = $1").bind(hour);
            removed += purged.execute(&self.store.write).await?.rows_affected();
            pace.pause(began.elapsed()).await;
        }
        Ok(removed)
    }
}

/// Returns whether a row counts: its call has ended, and no mock answered it.
pub(super) fn counts(row: &ExecutionRow) -> bool {
    row.status.success().is_some() && !row.mocked
}

/// Adds a call to the sums of its connector and hour.
pub(super) fn note(hours: &mut Hours, row: &ExecutionRow) {
    let Some(is_success) = row.status.success() else { return };
    let duration = row.duration_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default();
    hours.entry((row.connector_id, hour_of(row.started_at))).or_default().add(!is_success, duration);
}

/// Counts a call as a success that was counted as a failure. Its duration stays counted as it is.
pub(super) async fn redeem(connection: &mut DatabaseConnection, row: &ExecutionRow) -> Result<(), StoreError> {
    sqlx::query("UPDATE execution_hour SET failed = failed - 1 WHERE connector_id = $1 AND hour = $2 AND failed > 0")
        .bind(row.connector_id.to_string())
        .bind(hour_of(row.started_at))
        .execute(connection)
        .await?;
    Ok(())
}

/// The statements that add sums, each made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct AddTexts([OnceLock<Arc<str>>; SIZES.len()]);

/// Returns how many rows a statement has that adds some sums; `None` if it takes several.
pub(super) fn rows_at_once(hours: &Hours) -> Option<usize> {
    SIZES.into_iter().find(|size| hours.len() <= *size)
}

/// Returns the statement that adds up to `rows` sums on SQLite if the statement before it wrote as many rows as its first value
/// says; else it fails, because a sum without a connector is refused.
pub(super) fn checked_text(rows: usize) -> String {
    let given: Vec<String> = (2..=COLUMNS).map(|column| format!("column{column}")).collect();
    let given = format!("CASE WHEN changes() = ? THEN column1 END, {}", given.join(", "));
    insert(Dialect::Sqlite, rows, &given, true)
}

/// Binds sums for a statement of so many rows.
pub(super) fn bind_all(values: &mut Values, hours: &Hours, rows: usize) {
    let mut sums = hours.iter();
    (0..rows).for_each(|_| bind(values, sums.next()));
}

/// Adds sums to those that are there.
pub(super) async fn add(
    connection: &mut DatabaseConnection,
    dialect: Dialect,
    texts: &AddTexts,
    hours: &Hours,
) -> Result<(), StoreError> {
    let mut rows = hours.iter();
    loop {
        let size = SIZES.partition_point(|&size| size < rows.len()).min(SIZES.len() - 1);
        let mut values = Values::with_capacity(SIZES[size] * COLUMNS);
        let mut is_empty = true;
        for _ in 0..SIZES[size] {
            let row = rows.next();
            is_empty &= row.is_none();
            bind(&mut values, row);
        }
        if is_empty {
            return Ok(());
        }
        let text = texts.0[size].get_or_init(|| insert(dialect, SIZES[size], "*", true).into());
        values.query(text).execute(&mut *connection).await?;
    }
}

/// `given` is what is taken of the values.
fn insert(dialect: Dialect, rows: usize, given: &str, is_added: bool) -> String {
    let names: Vec<String> = columns().collect();
    let values = placeholders(dialect, rows, COLUMNS);
    let mut text = format!(
        "INSERT INTO execution_hour (connector_id, hour, {}) SELECT {given} FROM (VALUES {values}) AS given WHERE column1 IS NOT NULL",
        names.join(", ")
    );
    if is_added {
        let sums: Vec<String> =
            names.iter().map(|name| format!("{name} = execution_hour.{name} + excluded.{name}")).collect();
        text.push_str(" ON CONFLICT (connector_id, hour) DO UPDATE SET ");
        text.push_str(&sums.join(", "));
    }
    text
}

/// Binds the values of one row, or of an unused place.
fn bind(values: &mut Values, row: Option<(&(Uuid, i64), &HourSums)>) {
    let whole = |sum: u64| i64::try_from(sum).unwrap_or(i64::MAX);
    let sums = row.map(|(_, sums)| sums);
    values
        .bind(row.map(|((connector, _), _)| connector.to_string()))
        .bind(row.map(|((_, hour), _)| *hour))
        .bind(sums.map(|sums| whole(sums.calls)))
        .bind(sums.map(|sums| whole(sums.failed)))
        .bind(sums.map(|sums| whole(sums.total_ms)));
    for bucket in 0..BUCKETS {
        values.bind(sums.map(|sums| whole(sums.buckets[bucket])));
    }
}

/// The columns of sums, in the order of the table.
fn columns() -> impl Iterator<Item = String> {
    let sums = ["calls", "failed", "total_ms"].into_iter().map(str::to_owned);
    sums.chain((0..BUCKETS).map(|bucket| format!("b{bucket}")))
}

fn select() -> Statement {
    let mut statement = Statement::new("SELECT connector_id, hour, ");
    statement.push(&columns().collect::<Vec<_>>().join(", ")).push(" FROM execution_hour");
    statement
}

/// The names of the columns of buckets.
const BUCKET_COLUMNS: [&str; BUCKETS] =
    ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11", "b12", "b13", "b14", "b15"];

fn read_sums(row: &Reader<'_>) -> Result<HourSums, StoreError> {
    let sum = |column| Ok::<_, StoreError>(u64::try_from(row.value::<i64>(column)?).unwrap_or_default());
    let mut buckets = [0; BUCKETS];
    for (bucket, column) in buckets.iter_mut().zip(BUCKET_COLUMNS) {
        *bucket = sum(column)?;
    }
    Ok(HourSums { calls: sum("calls")?, failed: sum("failed")?, total_ms: sum("total_ms")?, buckets })
}

fn read(row: &AnyRow) -> Result<ConnectorHour, StoreError> {
    let row = Reader::new(row, TABLE);
    Ok(ConnectorHour { begins: beginning(row.value("hour")?), sums: read_sums(&row)? })
}

/// Returns the hour that a time is in, in hours since 1970.
pub(super) fn hour_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(HOUR_MS)
}

/// Returns when an hour begins.
pub(super) fn beginning(hour: i64) -> Timestamp {
    Timestamp::from_millisecond(hour.saturating_mul(HOUR_MS)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_spaced_evenly_from_a_millisecond_to_five_minutes() {
        let ratio = 300_000_f64.powf(1.0 / 15.0);
        for (index, bound) in BUCKET_MS.iter().enumerate() {
            let exact = ratio.powi(i32::try_from(index).unwrap());
            assert!((f64::from(*bound) - exact).abs() <= 1.0 + exact * 0.01, "{index}: {bound} {exact}");
        }
        let mut sums = HourSums::default();
        for ms in [0, 1, 2, 3, 5, 6, 300_000, 300_001, u64::from(u32::MAX)] {
            sums.add(ms == 3, ms);
        }
        assert_eq!((sums.calls, sums.failed, sums.total_ms), (9, 1, 600_018 + u64::from(u32::MAX)));
        assert_eq!((&sums.buckets[..4], sums.buckets[15]), (&[2, 1, 2, 1][..], 3));
    }

    #[test]
    fn percentiles_are_within_their_bucket() {
        assert_eq!(HourSums::default().percentile(95), None);
        for exact in [1, 7, 80, 350, 2_000, 20_000, 290_000_u64] {
            let mut sums = HourSums::default();
            // 93 quick calls, 5 that take what is asked for, 2 slow ones.
            (0..93).for_each(|_| sums.add(false, 0));
            (0..5).for_each(|_| sums.add(false, exact));
            (0..2).for_each(|_| sums.add(false, 400_000));
            let p95 = sums.percentile(95).unwrap();
            assert!(p95 * 24 / 10 >= exact && p95 <= exact * 24 / 10, "{exact}: {p95}");
        }
        let mut sums = HourSums::default();
        sums.add(false, 1_000_000);
        assert_eq!(sums.percentile(100), Some(300_000), "nothing is said beyond the last bound");
        assert_eq!(columns().skip(3).collect::<Vec<_>>(), BUCKET_COLUMNS);
    }
}
