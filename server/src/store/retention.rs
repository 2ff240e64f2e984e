//! Retention: the limits of the tables that grow with use, and the removal of what is beyond them.
//!
//! [`ledger`] knows how many rows and bytes a table has. [`sweep`] removes the oldest rows in small batches, each of which
//! holds the only writer of SQLite for a few milliseconds. [`space`] gives the pages that become free back to the system.
//! docs/decisions/retention.md says why it is built so.

mod answers;
mod ledger;
mod pace;
mod space;
mod sweep;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use ledger::{Ledger, Sums};
pub use pace::Pace;
pub use space::MAX_START_VACUUM;
pub use sweep::Swept;

use super::connection::DatabaseConnection;
use super::sql::{Statement, first_id, time_of};
use super::{ExecutionRow, StoreError};

/// The bytes that a row is counted with beside its texts: its other columns and its entries in indexes.
const ROW_BYTES: i64 = 512;

/// A table with retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retained {
    /// Recorded executions.
    Executions,
    /// The answers of idempotency keys.
    Answers,
    /// The audit trail.
    Audit,
    /// Runs with their tasks.
    Runs,
}

/// How much is kept. `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// For how long.
    pub age: Option<SignedDuration>,
    /// The maximum number of rows.
    pub rows: Option<u64>,
    /// The maximum number of bytes.
    pub bytes: Option<u64>,
}

impl Limits {
    /// Builds limits from numbers of which 0 is no limit.
    pub fn new(days: u16, rows: u64, bytes: u64) -> Self {
        let limit = |number: u64| (number > 0).then_some(number);
        let age = (days > 0).then(|| SignedDuration::from_hours(24 * i64::from(days)));
        Self { age, rows: limit(rows), bytes: limit(bytes) }
    }

    /// Returns how much of what is there is too much.
    fn excess(&self, sums: Sums) -> Sums {
        let over = |sum: u64, limit: Option<u64>| limit.map_or(0, |limit| sum.saturating_sub(limit));
        Sums { rows: over(sums.rows, self.rows), bytes: over(sums.bytes, self.bytes) }
    }

    /// Returns the smallest id that is young enough.
    fn first_kept(&self, now: Timestamp) -> Option<String> {
        self.age.map(|age| first_id(now.checked_sub(age).unwrap_or(Timestamp::MIN)))
    }
}

/// The time after which a row does not change any more: the longest deadline, and what its end may take.
const SETTLED: SignedDuration = SignedDuration::from_mins(10);

impl Retained {
    /// Every table with retention.
    pub const ALL: [Self; 4] = [Self::Executions, Self::Answers, Self::Audit, Self::Runs];

    /// The name of the table.
    pub const fn table(self) -> &'static str {
        match self {
            Self::Executions => "execution",
            Self::Answers => "idempotency",
            Self::Audit => "audit",
            Self::Runs => "run",
        }
    }

    /// The column that orders the rows by time: an id that begins with the time, or milliseconds.
    const fn key(self) -> &'static str {
        match self {
            Self::Executions | Self::Audit | Self::Runs => "id",
            Self::Answers => "expires_at",
        }
    }

    /// The expression for the bytes of the row. It reads only the lengths of its texts.
    const fn size(self) -> &'static str {
        match self {
            Self::Executions => "octet_length(params) + COALESCE(octet_length(result), 0) + octet_length(logs) + 512",
            Self::Answers => "COALESCE(octet_length(answer), 0) + 512",
            Self::Audit => "COALESCE(octet_length(before_json), 0) + COALESCE(octet_length(after_json), 0) + 512",
            // What a run holds changes until its variables are dropped, so that its steps stand for it.
            Self::Runs => "step_count * 512 + 512",
        }
    }

    /// The condition for rows that may be removed: those of calls that have not ended say whether they took effect.
    const fn removable(self) -> &'static str {
        match self {
            Self::Executions => "status NOT IN ('accepted', 'started')",
            Self::Runs => "status IN ('succeeded', 'failed', 'cancelled')",
            Self::Answers | Self::Audit => "1 = 1",
        }
    }

    /// Returns the time in the keys of rows that are written at `now`.
    fn key_time(self, now: Timestamp) -> i64 {
        let ahead = if self == Self::Answers { super::idempotency::KEPT_FOR } else { Duration::ZERO };
        now.as_millisecond().saturating_add(i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX))
    }

    /// Binds the first key of a millisecond.
    fn bind_time(self, statement: &mut Statement, ms: i64) {
        match self {
            Self::Executions | Self::Audit | Self::Runs => {
                statement.bind(first_id(Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)))
            }
            Self::Answers => statement.bind(ms),
        };
    }
}

/// Subtracts an execution from the stored sums, in the transaction that removes it.
pub(super) async fn subtract_execution(
    connection: &mut DatabaseConnection,
    row: &ExecutionRow,
) -> Result<(), StoreError> {
    let texts = row.params.len() + row.result.as_ref().map_or(0, String::len) + row.logs.len();
    let bytes = texts as u64 + ledger::count(ROW_BYTES);
    ledger::subtract(connection, Retained::Executions, ledger::slot_of(time_of(row.id)), Sums { rows: 1, bytes }).await
}

/// Changes the stored bytes of an execution, in the transaction that writes another result into its row. Sums of slots that are
/// not stored yet are counted from the rows.
pub(super) async fn resize_execution(
    connection: &mut DatabaseConnection,
    before: &ExecutionRow,
    after: &ExecutionRow,
) -> Result<(), StoreError> {
    let bytes = |row: &ExecutionRow| {
        let texts = row.params.len() + row.result.as_ref().map_or(0, String::len) + row.logs.len();
        i64::try_from(texts).unwrap_or(i64::MAX)
    };
    sqlx::query("UPDATE retained SET byte_count = byte_count + $1 WHERE name = $2 AND slot = $3")
        .bind(bytes(after).saturating_sub(bytes(before)))
        .bind(Retained::Executions.table())
        .bind(ledger::slot_of(time_of(before.id)))
        .execute(connection)
        .await?;
    Ok(())
}

const _: () = assert!(ROW_BYTES == 512, "the expressions in `size` have the same number");
