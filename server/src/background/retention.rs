//! Retention while the server runs: each run removes what is beyond the limits, for a bounded time, and measures what is
//! kept. A run that does not get done goes on in the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::driver::Outcome;
use super::retention_watch::RetentionWatch;
use crate::services::Services;
use crate::store::{self, Ledger, Limits, Pace, Retained, Store, StoreError, Sums, Swept};

/// The time between two runs.
pub(super) const PERIOD: Duration = Duration::from_secs(15);
/// How long a run removes rows of one table.
const MAX_SWEEP: Duration = Duration::from_secs(15);
/// How long a run gives space back.
const MAX_GIVE_BACK: Duration = Duration::from_secs(5);

/// How long a run removes hours of the sums of executions.
const MAX_HOURS_SWEEP: Duration = Duration::from_secs(5);
/// For how long the sums of executions by connector and hour are kept at least, also if executions are kept for less.
pub const MIN_HOURS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How often the log is told of what was removed.
const TOLD_EVERY: Duration = Duration::from_secs(60 * 60);

/// The days for which executions are kept if nobody says otherwise.
pub const DEFAULT_EXECUTION_DAYS: u16 = 30;
/// The number of executions that are kept if nobody says otherwise.
pub const DEFAULT_EXECUTION_ROWS: u64 = 10_000_000;
/// The size of the executions that are kept if nobody says otherwise, in MiB.
pub const DEFAULT_EXECUTION_MIB: u32 = 10 * 1024;
/// The days for which the audit trail is kept if nobody says otherwise: a year.
pub const DEFAULT_AUDIT_DAYS: u16 = 365;
/// The number of entries of the audit trail that are kept if nobody says otherwise: about 1 GB, at most 8 GB.
pub const DEFAULT_AUDIT_ROWS: u64 = 1_000_000;
/// The days for which runs are kept if nobody says otherwise.
pub const DEFAULT_RUN_DAYS: u16 = 90;
/// The number of runs that are kept if nobody says otherwise.
pub const DEFAULT_RUN_ROWS: u64 = 1_000_000;
/// For how long the variables of a run are kept after its end.
pub const BAG_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// The maximum number of runs whose variables are dropped at once.
const BAGS_AT_ONCE: u32 = 200;
/// How long a run of the task drops variables of runs.
const MAX_BAGS: Duration = Duration::from_secs(5);
/// The number of idempotency keys that are kept if nobody says otherwise.
pub const DEFAULT_KEY_ROWS: u64 = 10_000_000;
/// The size of the answers that are kept for idempotency keys if nobody says otherwise, in MiB.
pub const DEFAULT_KEY_MIB: u32 = 4 * 1024;

/// How much is kept of what grows with use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Recorded executions.
    pub executions: Limits,
    /// Idempotency keys and their answers. Each is kept for a day in any case.
    pub answers: Limits,
    /// The audit trail.
    pub audit: Limits,
    /// Runs that have ended, with their tasks.
    pub runs: Limits,
}

impl Retention {
    /// Returns the time whose hour is the oldest that is kept of the sums of executions: as long as executions are, and no less than
    /// [`MIN_HOURS_KEPT`].
    pub(super) fn oldest_hour(&self, now: Timestamp) -> Timestamp {
        let kept = self.executions.age.map(|age| age.max(MIN_HOURS_KEPT));
        kept.and_then(|kept| now.checked_sub(kept).ok()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl Default for Retention {
    fn default() -> Self {
        let mib = |count: u32| u64::from(count) << 20;
        Self {
            executions: Limits::new(DEFAULT_EXECUTION_DAYS, DEFAULT_EXECUTION_ROWS, mib(DEFAULT_EXECUTION_MIB)),
            answers: Limits::new(0, DEFAULT_KEY_ROWS, mib(DEFAULT_KEY_MIB)),
            audit: Limits::new(DEFAULT_AUDIT_DAYS, DEFAULT_AUDIT_ROWS, 0),
            runs: Limits::new(DEFAULT_RUN_DAYS, DEFAULT_RUN_ROWS, 0),
        }
    }
}

/// Keeps the tables within their limits.
#[derive(Debug)]
pub(super) struct Keeper {
    retention: Retention,
    watch: RetentionWatch,
    stop: CancellationToken,
    /// Made with the first run; runs do not overlap.
    ledgers: Mutex<Option<Ledgers>>,
}

#[derive(Debug)]
struct Ledgers {
    executions: Ledger,
    answers: Ledger,
    audit: Ledger,
    runs: Ledger,
    /// What the log has not been told yet, of each table.
    told: [Told; 4],
    /// Whether new idempotency keys are refused.
    is_full: bool,
}

impl Ledgers {
    fn new(store: &Store) -> Self {
        let ledger = |table| Ledger::new(store, table);
        Self {
            executions: ledger(Retained::Executions),
            answers: ledger(Retained::Answers),
            audit: ledger(Retained::Audit),
            runs: ledger(Retained::Runs),
            told: Default::default(),
            is_full: false,
        }
    }
}

impl Keeper {
    pub(super) fn new(retention: Retention, watch: RetentionWatch, stop: CancellationToken) -> Self {
        Self { retention, watch, stop, ledgers: Mutex::default() }
    }

    /// Removes what is beyond the limits, as far as there is time, and gives its space back.
    pub(super) async fn run(self: Arc<Self>, services: Services) -> Outcome {
        let failed = |what: &'static str| {
            move |error: StoreError| format!("{what} could not be kept within its limits: {error}")
        };
        let Retention { executions, answers, audit, runs } = &self.retention;
        let (store, now) = (&services.store, store::now());
        let mut ledgers = self.ledgers.lock().await;
        let ledgers = ledgers.get_or_insert_with(|| Ledgers::new(store));
        let watched = |table, kept: Swept| {
            self.watch.note(table, &kept, now);
            kept
        };
        let mut pace = self.pace(MAX_SWEEP);
        // What fails in one table keeps none of the others from being swept.
        let swept = ledgers.answers.sweep_answers(answers, now, &mut pace).await;
        let of_answers = swept.map_err(failed("the table of answers")).map(|kept| {
            // A part of the sums does not say that there is room.
            let is_full = answers.rows.is_some_and(|rows| kept.left.rows >= rows);
            let is_full = is_full || (ledgers.is_full && !kept.is_complete);
            store.idempotency().set_full(is_full);
            if is_full && !ledgers.is_full {
                tracing::warn!(
                    rows = kept.left.rows,
                    "as many idempotency keys are kept as --key-rows (FLOH_KEY_ROWS) allows; calls with new keys are refused until some expire"
                );
            }
            ledgers.is_full = is_full;
            ledgers.told[0].show(Retained::Answers, watched(Retained::Answers, kept), &pace);
        });
        let mut pace = self.pace(MAX_SWEEP);
        let swept = ledgers.audit.sweep(audit, now, &mut pace).await.map_err(failed("the audit trail"));
        let of_audit = swept.map(|kept| ledgers.told[1].show(Retained::Audit, watched(Retained::Audit, kept), &pace));
        let mut pace = self.pace(MAX_SWEEP);
        let swept = ledgers.executions.sweep(executions, now, &mut pace).await.map_err(failed("the executions"));
        let of_executions =
            swept.map(|kept| ledgers.told[2].show(Retained::Executions, watched(Retained::Executions, kept), &pace));
        let mut pace = self.pace(MAX_SWEEP);
        let swept = ledgers.runs.sweep(runs, now, &mut pace).await.map_err(failed("the runs"));
        let of_runs = swept.map(|kept| ledgers.told[3].show(Retained::Runs, watched(Retained::Runs, kept), &pace));
        let of_bags = self.drop_bags(store, now).await.map_err(failed("the variables of runs"));
        let mut pace = self.pace(MAX_HOURS_SWEEP);
        let purged = store.hours().purge(self.retention.oldest_hour(now), &mut pace).await;
        let of_hours = purged.map(drop).map_err(failed("the sums of executions"));
        let mut pace = self.pace(MAX_GIVE_BACK);
        let pages = store.give_back_space(&mut pace).await.map_err(failed("the size of the database"))?;
        let size = store.size().await.map_err(failed("the size of the database"))?;
        metrics::gauge!("floh_database_bytes").set(whole(size));
        tracing::debug!(pages, size, longest_ms = pace.longest().as_millis(), "space of the database given back");
        of_answers.and(of_audit).and(of_executions).and(of_runs).and(of_bags).and(of_hours)
    }

    /// Drops the variables of runs that ended a day ago.
    async fn drop_bags(&self, store: &Store, now: Timestamp) -> Result<(), StoreError> {
        let before = now.checked_sub(BAG_KEPT).unwrap_or(Timestamp::MIN);
        let mut pace = self.pace(MAX_BAGS);
        while pace.goes_on() {
            let began = Instant::now();
            if store.runs().drop_bags(before, BAGS_AT_ONCE).await? == 0 {
                break;
            }
            pace.pause(began.elapsed()).await;
        }
        Ok(())
    }

    fn pace(&self, time: Duration) -> Pace {
        Pace::new(time, self.stop.clone())
    }
}

/// What was removed since the log was told.
#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    removed: Sums,
    excess: u64,
}

impl Told {
    /// Shows in the metrics what is kept, and in the log, at most once an hour, what was removed.
    fn show(&mut self, table: Retained, swept: Swept, pace: &Pace) {
        let Swept { removed, excess, left, oldest, is_within, .. } = swept;
        let table = table.table();
        metrics::gauge!("floh_retained_rows", "table" => table).set(whole(left.rows));
        metrics::gauge!("floh_retained_bytes", "table" => table).set(whole(left.bytes));
        let oldest = oldest.unwrap_or(SignedDuration::ZERO).as_secs_f64().max(0.0);
        metrics::gauge!("floh_retained_oldest_seconds", "table" => table).set(oldest);
        metrics::counter!("floh_retention_removed_total", "table" => table).increment(removed.rows);
        let longest_ms = pace.longest().as_millis();
        tracing::debug!(table, rows = removed.rows, bytes = removed.bytes, is_within, longest_ms, "retention");
        self.removed += removed;
        self.excess += excess;
        if self.removed.rows == 0 || self.at.is_some_and(|at| at.elapsed() < TOLD_EVERY) {
            return;
        }
        let (rows, bytes) = (self.removed.rows, self.removed.bytes);
        if self.excess > 0 {
            let excess = self.excess;
            tracing::warn!(
                table,
                rows,
                bytes,
                excess,
                is_within,
                "rows were removed; some of them were not too old: the table has more rows or bytes than it keeps"
            );
        } else {
            tracing::info!(table, rows, bytes, is_within, "rows were removed that were too old");
        }
        *self = Self { at: Some(Instant::now()), ..Self::default() };
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; sums beyond 2^53 do not happen")]
fn whole(count: u64) -> f64 {
    count as f64
}
