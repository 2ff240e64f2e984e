//! How many rows and bytes a table has, without counting all of it.
//!
//! Time is cut into slots. A slot whose rows do not change any more is counted once, by its range of keys, and its sums are
//! stored; what removes rows subtracts them in the same transaction. The newest slots are counted in memory, only the rows
//! that have come since the last time. If sums are wrong, because a clock was wrong, they are gone when the slot is removed.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::sql::{Reader, Statement, time_of};
use super::super::{Store, StoreError};
use super::{Pace, Retained, SETTLED};
use crate::store::connection::DatabaseConnection;

/// The length of a slot, in milliseconds.
pub(super) const SLOT_MS: i64 = 10 * 60 * 1000;
/// The number of counted slots that one statement stores.
const STORED_AT_ONCE: usize = 64;

const TABLE: &str = "retained";

/// Rows and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    /// The number of rows.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

impl Sums {
    /// Returns what is left without `other`; clocks that were wrong leave nothing below zero.
    pub(super) fn without(self, other: Self) -> Self {
        Self { rows: self.rows.saturating_sub(other.rows), bytes: self.bytes.saturating_sub(other.bytes) }
    }

    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Counts one table.
#[derive(Debug)]
pub struct Ledger {
    pub(super) store: Store,
    pub(super) table: Retained,
    /// The slots whose rows may still change.
    open: BTreeMap<i64, OpenSlot>,
    /// When the sums were made anew.
    recounted_at: Option<Timestamp>,
}

/// A slot that is counted as its rows come. One that comes late, before the last, is counted when the slot is settled.
#[derive(Debug, Clone, Default)]
struct OpenSlot {
    sums: Sums,
    /// The last row that was counted.
    last: Option<Last>,
}

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Last {
    Id(String),
    Time(i64),
}

/// The sums of a table by slot, as of one count.
#[derive(Debug, Default)]
pub(super) struct Counted {
    pub(super) slots: BTreeMap<i64, Sums>,
    /// Whether all rows are in them. If not, there are more.
    pub(super) is_complete: bool,
}

impl Counted {
    pub(super) fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.slots.values().for_each(|sums| total += *sums);
        total
    }
}

/// Returns the slot of a time.
pub(super) fn slot_of(ms: i64) -> i64 {
    ms.div_euclid(SLOT_MS) * SLOT_MS
}

impl Ledger {
    /// Begins to count a table.
    pub fn new(store: &Store, table: Retained) -> Self {
        Self { store: store.clone(), table, open: BTreeMap::new(), recounted_at: None }
    }

    /// Counts what was not counted yet, as far as there is time.
    ///
    /// # Errors
    /// Database errors; the next call goes on.
    pub(super) async fn count(&mut self, now: Timestamp, pace: &Pace) -> Result<Counted, StoreError> {
        let settled = slot_of(self.table.key_time(now.checked_sub(SETTLED).unwrap_or(Timestamp::MIN)));
        let mut slots = self.stored().await?;
        if !slots.split_off(&settled).is_empty() {
            // The clock was ahead when they were counted, and rows are still written into them.
            self.forget_from(settled).await?;
        }
        let mut new = Vec::new();
        let mut from = slots.last_key_value().map_or(i64::MIN, |(slot, _)| slot + SLOT_MS);
        let mut is_complete = false;
        while pace.goes_on() {
            match self.slot_from(from).await? {
                Some(slot) if slot < settled => {
                    let (sums, _) = self.sum(slot, None).await?;
                    slots.insert(slot, sums);
                    new.push((slot, sums));
                    from = slot + SLOT_MS;
                    if new.len() == STORED_AT_ONCE {
                        self.keep(&std::mem::take(&mut new)).await?;
                    }
                }
                _ => {
                    is_complete = true;
                    break;
                }
            }
        }
        self.keep(&new).await?;
        if is_complete {
            self.count_open(settled).await?;
            slots.extend(self.open.iter().map(|(slot, open)| (*slot, open.sums)));
        }
        Ok(Counted { slots, is_complete })
    }

    /// Forgets all sums, at most once an hour, and counts again: what others removed was not subtracted. Returns `None` if it
    /// is too early.
    pub(super) async fn recount(&mut self, now: Timestamp, pace: &Pace) -> Result<Option<Counted>, StoreError> {
        const EVERY: SignedDuration = SignedDuration::from_hours(1);
        if self.recounted_at.is_some_and(|at| now.duration_since(at).abs() < EVERY) {
            return Ok(None);
        }
        self.recounted_at = Some(now);
        self.forget_from(i64::MIN).await?;
        self.open.clear();
        self.count(now, pace).await.map(Some)
    }

    /// Counts the newest slots from their beginning.
    pub(super) async fn count_anew(&mut self, now: Timestamp, pace: &Pace) -> Result<Counted, StoreError> {
        self.open.clear();
        self.count(now, pace).await
    }

    /// Counts the rows that have come into each slot since the last time.
    async fn count_open(&mut self, settled: i64) -> Result<(), StoreError> {
        self.open = self.open.split_off(&settled);
        let mut from = settled;
        while let Some(slot) = self.slot_from(from).await? {
            let counted = self.open.get(&slot).cloned().unwrap_or_default();
            let (new, last) = self.sum(slot, counted.last.as_ref()).await?;
            let mut sums = counted.sums;
            sums += new;
            self.open.insert(slot, OpenSlot { sums, last: last.or(counted.last) });
            from = slot + SLOT_MS;
        }
        Ok(())
    }

    /// Subtracts rows that were removed from slots that are counted in memory.
    pub(super) fn subtract_open(&mut self, slot: i64, sums: Sums) {
        if let Some(open) = self.open.get_mut(&slot) {
            open.sums = open.sums.without(sums);
        }
    }

    /// Reads the stored sums.
    async fn stored(&self) -> Result<BTreeMap<i64, Sums>, StoreError> {
        let rows = sqlx::query("SELECT slot, row_count, byte_count FROM retained WHERE name = $1")
            .bind(self.table.table())
            .fetch_all(&self.store.read)
            .await?;
        rows.iter()
            .map(|row| {
                let row = Reader::new(row, TABLE);
                Ok((
                    row.value("slot")?,
                    Sums { rows: count(row.value("row_count")?), bytes: count(row.value("byte_count")?) },
                ))
            })
            .collect()
    }

    async fn forget_from(&self, slot: i64) -> Result<(), StoreError> {
        let forgotten = sqlx::query("DELETE FROM retained WHERE name = $1 AND slot >= $2").bind(self.table.table());
        forgotten.bind(slot).execute(&self.store.write).await?;
        Ok(())
    }

    /// Stores the sums of slots.
    async fn keep(&self, slots: &[(i64, Sums)]) -> Result<(), StoreError> {
        if slots.is_empty() {
            return Ok(());
        }
        let mut statement = Statement::new("INSERT INTO retained (name, slot, row_count, byte_count) VALUES ");
        statement.rows(slots, |columns, (slot, sums)| {
            columns.bind(self.table.table()).bind(*slot).bind(number(sums.rows)).bind(number(sums.bytes));
        });
        statement.push(
            " ON CONFLICT (name, slot) DO UPDATE SET row_count = excluded.row_count, byte_count = excluded.byte_count",
        );
        statement.query().persistent(false).execute(&self.store.write).await?;
        Ok(())
    }

    /// Returns the slot of the first row from the beginning of a slot on.
    async fn slot_from(&self, slot: i64) -> Result<Option<i64>, StoreError> {
        let (table, key) = (self.table, self.table.key());
        let mut statement = Statement::new("SELECT MIN(");
        statement.push(key).push(") AS first FROM ").push(table.table());
        if slot > i64::MIN {
            statement.push(" WHERE ").push(key).push(" >= ");
            table.bind_time(&mut statement, slot);
        }
        let row = statement.query().fetch_one(&self.store.read).await?;
        Ok(self.last(&Reader::new(&row, table.table()), "first")?.map(|first| slot_of(first.time())))
    }

    /// Sums the rows of a slot, those after `after` alone, and returns the last of them.
    async fn sum(&self, slot: i64, after: Option<&Last>) -> Result<(Sums, Option<Last>), StoreError> {
        let (table, key) = (self.table, self.table.key());
        let mut statement = Statement::new("SELECT COUNT(*) AS row_count, CAST(COALESCE(SUM(");
        statement.push(table.size()).push("), 0) AS BIGINT) AS byte_count, MAX(").push(key).push(") AS last FROM ");
        statement.push(table.table()).push(" WHERE ").push(key).push(" < ");
        table.bind_time(&mut statement, slot + SLOT_MS);
        statement.push(" AND ").push(key);
        match after {
            Some(last) => {
                statement.push(" > ");
                last.bind(&mut statement);
            }
            None => {
                statement.push(" >= ");
                table.bind_time(&mut statement, slot);
            }
        }
        let row = statement.query().fetch_one(&self.store.read).await?;
        let row = Reader::new(&row, table.table());
        let sums = Sums { rows: count(row.value("row_count")?), bytes: count(row.value("byte_count")?) };
        Ok((sums, self.last(&row, "last")?))
    }

    fn last(&self, row: &Reader<'_>, column: &'static str) -> Result<Option<Last>, StoreError> {
        Ok(match self.table {
            Retained::Executions | Retained::Audit | Retained::Runs => {
                row.value::<Option<String>>(column)?.map(Last::Id)
            }
            Retained::Answers => row.value::<Option<i64>>(column)?.map(Last::Time),
        })
    }
}

impl Last {
    /// The time in the key, in milliseconds.
    fn time(&self) -> i64 {
        match self {
            Self::Id(id) => Uuid::try_parse(id).map(time_of).unwrap_or_default(),
            Self::Time(ms) => *ms,
        }
    }

    fn bind(&self, statement: &mut Statement) {
        match self {
            Self::Id(id) => statement.bind(id.as_str()),
            Self::Time(ms) => statement.bind(*ms),
        };
    }
}

/// Subtracts rows from the stored sums of a slot, in the transaction that removes them.
pub(in crate::store) async fn subtract(
    connection: &mut DatabaseConnection,
    table: Retained,
    slot: i64,
    sums: Sums,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE retained SET row_count = row_count - $1, byte_count = byte_count - $2 WHERE name = $3 AND slot = $4",
    )
    .bind(number(sums.rows))
    .bind(number(sums.bytes))
    .bind(table.table())
    .bind(slot)
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Reads a sum; one below zero comes of a clock that was wrong.
pub(super) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
