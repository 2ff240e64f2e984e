//! Retention: what is too old, too much or too large leaves, the rest stays, and the sums are right whatever happens.

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::*;

on_both!(
    each_limit_removes_the_oldest_and_nothing_else,
    unfinished_executions_stay,
    sums_follow_what_is_written_and_removed,
    a_clock_that_was_wrong_breaks_nothing,
    rows_of_an_earlier_release_count_too,
    answers_lose_their_texts_and_not_their_keys,
    work_that_is_stopped_goes_on_later,
);

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// The bytes of a row of [`fill`].
const ROW: u64 = 512 + 2 + 16 + 2;

fn limits(age: Option<SignedDuration>, rows: Option<u64>, bytes: Option<u64>) -> Limits {
    Limits { age, rows, bytes }
}

/// Counts all rows, as nobody but a test may.
async fn truth(db: &TestDb) -> Sums {
    use sqlx::Row as _;
    let sql = "SELECT COUNT(*) AS n, CAST(COALESCE(SUM(octet_length(params) + COALESCE(octet_length(result), 0) \
               + octet_length(logs) + 512), 0) AS BIGINT) AS b FROM execution";
    let row = sqlx::query(sql).fetch_one(&db.store.read).await.unwrap();
    let number = |name: &str| u64::try_from(row.get::<i64, _>(name)).unwrap();
    Sums { rows: number("n"), bytes: number("b") }
}

async fn sweep(db: &TestDb, limits: Limits) -> Swept {
    Ledger::new(&db.store, Retained::Executions).sweep(&limits, now(), &mut pace()).await.unwrap()
}

async fn each_limit_removes_the_oldest_and_nothing_else(db: TestDb) {
    let start = now() - 40 * DAY;
    for day in 0..40 {
        fill(&db, start + day * DAY, 100).await;
    }
    let nothing = sweep(&db, Limits::default()).await;
    assert_eq!((nothing.removed, nothing.left.rows, nothing.is_within), (Sums::default(), 4_000, true));
    assert!(nothing.oldest.unwrap() >= 40 * DAY, "{nothing:?}");
    let aged = sweep(&db, limits(Some(30 * DAY), None, None)).await;
    assert_eq!((aged.removed.rows, aged.excess, aged.left.rows, aged.is_within), (1_100, 0, 2_900, true));
    assert_eq!(sweep(&db, limits(Some(30 * DAY), None, None)).await.removed.rows, 0);
    let many = sweep(&db, limits(None, Some(1_234), None)).await;
    assert_eq!((many.removed.rows, many.excess, many.left.rows), (1_666, 1_666, 1_234));
    let large = sweep(&db, limits(None, None, Some(1_000 * ROW + 1))).await;
    assert_eq!((large.left, large.is_within), (Sums { rows: 1_000, bytes: 1_000 * ROW }, true));
    assert_eq!(truth(&db).await, large.left);
    // The newest are there.
    let newest = db.store.executions().list(&ExecutionFilter::default(), &page(500, None)).await.unwrap().items;
    assert!(newest.iter().all(|item| time_of_id(item.id) > now() - 11 * DAY));
    let none = sweep(&db, limits(Some(SignedDuration::ZERO), None, None)).await;
    assert_eq!((none.left, none.oldest), (Sums::default(), None));
    assert!(count(&db.store, "retained").await <= 1, "little is kept of what is gone");
}

async fn unfinished_executions_stay(db: TestDb) {
    let old = now() - 100 * DAY;
    fill(&db, old, 1_200).await;
    db.execute("UPDATE execution SET status = 'started' WHERE id LIKE '%007'").await;
    db.execute("UPDATE execution SET status = 'accepted' WHERE id LIKE '%0009'").await;
    db.execute("UPDATE execution SET status = 'unknown' WHERE id LIKE '%0000003'").await;
    let swept = sweep(&db, limits(Some(DAY), Some(1), Some(1))).await;
    assert_eq!((swept.left.rows, swept.removed.rows), (3, 1_197));
    assert_eq!(truth(&db).await.rows, 3);
    // When they have ended, they leave.
    db.store.executions().abandon_ownerless().await.unwrap();
    assert_eq!(sweep(&db, limits(Some(DAY), None, None)).await.removed.rows, 3);
    assert_eq!(truth(&db).await.rows, 0);
}

async fn sums_follow_what_is_written_and_removed(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let mut ledger = Ledger::new(&db.store, Retained::Executions);
    let mut sums = async |limits: Limits| ledger.sweep(&limits, now(), &mut pace()).await.unwrap().left;
    fill(&db, now() - DAY, 500).await;
    for number in 0..40 {
        let text = "ä".repeat(number * 100);
        recorder
            .finish(ExecutionRow { result: Some(format!("\"{text}\"")), ..succeeded(started(&widget)) })
            .await
            .unwrap();
    }
    assert_eq!(sums(Limits::default()).await, truth(&db).await);
    for _ in 0..10 {
        recorder.finish(succeeded(started(&widget))).await.unwrap();
    }
    assert_eq!(sums(Limits::default()).await, truth(&db).await);
    // Rows of the open slots are removed too, and what REST deletes is subtracted from those that were counted.
    let before = ExecutionFilter { until: Some(now() - DAY / 2), ..Default::default() };
    let old = db.store.executions().list(&before, &page(1, None)).await.unwrap();
    db.store.executions().delete(old.items[0].id).await.unwrap();
    assert_eq!(sums(Limits::default()).await, truth(&db).await);
    assert_eq!(sums(limits(None, Some(30), None)).await.rows, 30);
    assert_eq!(truth(&db).await.rows, 30);
    recorder.close().await;
    // Another process finds the same.
    assert_eq!(sweep(&db, Limits::default()).await.left, truth(&db).await);
}

async fn a_clock_that_was_wrong_breaks_nothing(db: TestDb) {
    let mut ledger = Ledger::new(&db.store, Retained::Executions);
    let mut sums = async |at: Timestamp, limits: Limits| ledger.sweep(&limits, at, &mut pace()).await.unwrap();
    // The clock was a year ahead; calls were counted then.
    fill(&db, now() + 365 * DAY, 300).await;
    assert_eq!(sums(now() + 366 * DAY, Limits::default()).await.left.rows, 300);
    // It is right again: what comes now has smaller ids, and is counted too.
    fill(&db, now() - DAY, 200).await;
    assert_eq!(sums(now(), Limits::default()).await.left.rows, 500);
    fill(&db, now(), 100).await;
    assert_eq!(sums(now(), Limits::default()).await.left.rows, 600);
    assert_eq!(sweep(&db, Limits::default()).await.left.rows, 600, "and by another process");
    // Then it goes back by a month, and rows come before those that were counted.
    fill(&db, now() - 30 * DAY, 50).await;
    let swept = sums(now() - 30 * DAY, limits(Some(10 * DAY), None, None)).await;
    assert_eq!(swept.removed.rows, 0, "nothing is too old by that clock");
    let swept = sums(now(), limits(Some(DAY / 2), Some(350), None)).await;
    assert!(swept.removed.rows >= 250 && truth(&db).await.rows <= 400, "{swept:?} {:?}", truth(&db).await);
    let swept = sums(now() + 400 * DAY, limits(Some(DAY), None, None)).await;
    assert_eq!((truth(&db).await.rows, swept.left.rows), (0, 0));
}

/// Rows of a release without sums and other columns are counted, listed and removed like all others.
async fn rows_of_an_earlier_release_count_too(db: TestDb) {
    fill(&db, now() - 50 * DAY, 900).await;
    fill(&db, now() - 2 * DAY, 100).await;
    // As release 0.1 left it: what later migrations do is undone.
    for sql in [
        "UPDATE execution SET owner = NULL, actor_name = NULL, result = NULL, status = 'failed' WHERE id LIKE '%5'",
        "DROP TABLE agent_session",
        "DROP TABLE agent_directory",
        "DROP TABLE change_log",
        "DROP TABLE run_definition_connector",
        "DROP TABLE run_definition_version",
        "DROP TABLE run_definition",
        "DROP TABLE run_task",
        "DROP TABLE run_connector",
        "DROP TABLE run_plan",
        "DROP TABLE run",
        "DROP TABLE retained",
        "DROP INDEX execution_by_token",
        "DROP INDEX execution_unsuccessful",
        "CREATE INDEX execution_failed ON execution (id) WHERE status = 'failed'",
        "ALTER TABLE execution DROP COLUMN recorded",
        "ALTER TABLE connector DROP COLUMN record",
        "ALTER TABLE connector DROP COLUMN updated_by_token",
        "ALTER TABLE connector DROP COLUMN updated_by_name",
        "CREATE TABLE connector_former (name TEXT NOT NULL, connector_id TEXT NOT NULL, PRIMARY KEY (name, connector_id))",
        "DROP TABLE wal_mark",
        "DROP TABLE execution_hour",
        "DROP TABLE execution_hour_fill",
        "DROP TABLE session",
        "DROP TABLE ui_draft",
        "DROP TABLE type_command",
        "DROP TABLE type_line",
        "DROP INDEX connector_type_revision",
        "DROP INDEX execution_deprecated",
        "ALTER TABLE replica DROP COLUMN sealing_key",
        "ALTER TABLE replica DROP COLUMN environment_token",
        "ALTER TABLE token DROP COLUMN environment",
        "DELETE FROM _sqlx_migrations WHERE version >= 12",
    ] {
        db.execute(sql).await;
    }
    db.store.close().await;
    let db = TestDb { store: Store::open(&db.url).await.unwrap(), ..db };
    let failed = ExecutionFilter { success: Some(false), ..Default::default() };
    let found = db.store.executions().list(&failed, &page(500, None)).await.unwrap().items;
    assert_eq!(found.len(), 100);
    assert_eq!(db.store.executions().get(found[0].id).await.unwrap().recorded, Recording::Full);
    assert_eq!(widget(&db.store, "new").await.fields.record, Recording::Full);
    assert_eq!(sweep(&db, Limits::default()).await.left, truth(&db).await);
    let swept = sweep(&db, limits(Some(30 * DAY), None, None)).await;
    assert_eq!((swept.removed.rows, swept.left), (900, truth(&db).await));
    db.store.close().await;
}

async fn answers_lose_their_texts_and_not_their_keys(db: TestDb) {
    let keys = db.store.idempotency();
    let connector_id = new_id();
    let key = |number: usize| IdempotencyKey { token_id: Uuid::nil(), connector_id, key: number.to_string() };
    for number in 0..40 {
        let at = now() - SignedDuration::from_mins(60 * 10 - i64::try_from(number).unwrap() * 14);
        let id = new_id();
        assert_eq!(keys.claim(&key(number), "h", id, at, at + KEPT_FOR).await.unwrap(), Claim::New);
        if number != 20 {
            assert!(keys.complete(&key(number), id, &"x".repeat(1_000)).await.unwrap());
        }
    }
    let mut ledger = Ledger::new(&db.store, Retained::Answers);
    let swept = ledger.sweep_answers(&Limits::default(), now(), &mut pace()).await.unwrap();
    assert_eq!((swept.left, swept.is_within), (Sums { rows: 40, bytes: 40 * 512 + 39 * 1_000 }, true));
    let limit = limits(None, None, Some(25_500));
    let swept = ledger.sweep_answers(&limit, now(), &mut pace()).await.unwrap();
    assert!(swept.is_within && swept.left.rows == 40 && swept.left.bytes <= 40 * 512 + 25_500, "{swept:?}");
    let ask = async |number| keys.claim(&key(number), "h", new_id(), now(), now() + KEPT_FOR).await.unwrap();
    assert!(matches!(ask(0).await, Claim::Gone { .. }), "the call is not executed again");
    assert!(matches!(ask(20).await, Claim::InFlight { .. }));
    assert!(matches!(ask(39).await, Claim::Replay { .. }));
    // Too many keys: new ones are refused, known ones are answered.
    keys.set_full(true);
    assert_eq!(ask(100).await, Claim::Full);
    assert!(matches!(ask(39).await, Claim::Replay { .. }));
    keys.set_full(false);
    assert_eq!(ask(100).await, Claim::New);
    // What leaves with its connector is not counted for ever.
    db.execute("DELETE FROM idempotency WHERE key <> '39'").await;
    let swept = ledger.sweep_answers(&limits(None, Some(5), None), now() + DAY / 12, &mut pace()).await.unwrap();
    assert_eq!((swept.left.rows, swept.is_within), (1, true));
    let swept = ledger.sweep_answers(&Limits::default(), now() + DAY, &mut pace()).await.unwrap();
    assert_eq!((swept.removed.rows, swept.left.rows, count(&db.store, "idempotency").await), (1, 0, 0));
}

async fn work_that_is_stopped_goes_on_later(db: TestDb) {
    for day in 1..=20 {
        fill(&db, now() - day * DAY, 200).await;
    }
    let stop = CancellationToken::new();
    stop.cancel();
    let mut stopped = Pace::new(std::time::Duration::from_secs(60), stop);
    let mut ledger = Ledger::new(&db.store, Retained::Executions);
    let limit = limits(Some(5 * DAY), Some(300), None);
    let swept = ledger.sweep(&limit, now(), &mut stopped).await.unwrap();
    assert_eq!((swept.removed, swept.is_within), (Sums::default(), false));
    let swept = ledger.sweep(&limit, now(), &mut pace()).await.unwrap();
    assert_eq!((swept.left.rows, swept.is_within, truth(&db).await.rows), (300, true, 300));
}

/// A process that is killed after any commit leaves sums that fit the rows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_two_batches_loses_nothing() {
    let db = TestDb::sqlite().await;
    for day in 1..=10 {
        fill(&db, now() - day * DAY, 300).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let removing = {
        let store = db.store.clone();
        tokio::spawn(async move {
            let limits = limits(None, Some(100), None);
            Ledger::new(&store, Retained::Executions).sweep(&limits, now(), &mut pace()).await.unwrap()
        })
    };
    for copy in 0..8 {
        let path = folder.path().join(format!("{copy}.db"));
        copy_as_killed(&db.store, &path).await;
        let store = Store::open(&sqlite_url(&path)).await.unwrap();
        let killed = TestDb { url: sqlite_url(&path), store, _folder: None };
        assert_eq!(sweep(&killed, Limits::default()).await.left, truth(&killed).await, "copy {copy}");
        let swept = sweep(&killed, limits(None, Some(100), None)).await;
        assert_eq!((swept.left.rows, truth(&killed).await.rows), (100, 100));
        killed.store.close().await;
    }
    assert_eq!(removing.await.unwrap().left.rows, 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn space_is_given_back() {
    let db = TestDb::sqlite().await;
    fill(&db, now() - DAY, 20_000).await;
    let full = db.store.size().await.unwrap();
    sweep(&db, limits(None, Some(1_000), None)).await;
    assert!(db.store.size().await.unwrap() >= full, "free pages are used again until they are given back");
    assert!(db.store.give_back_space(&mut pace()).await.unwrap() > 0);
    let left = db.store.size().await.unwrap();
    // The least that stays free, and the rows that are left.
    assert!(left < full / 2, "{left} of {full} bytes");
    assert_eq!(truth(&db).await.rows, 1_000);
    assert_eq!(db.store.give_back_space(&mut pace()).await.unwrap(), 0);
}

/// A file of an earlier release can give space back after its first start, if it is small.
#[tokio::test]
async fn a_file_of_an_earlier_release_is_rewritten() {
    let db = TestDb::sqlite().await;
    fill(&db, now(), 5_000).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    // A copy without auto_vacuum, as releases before this one made it.
    db.execute("PRAGMA auto_vacuum = NONE").await;
    copy_as_killed(&db.store, &path).await;
    let auto_vacuum = |path: &std::path::Path| std::fs::read(path).unwrap()[52..56].to_vec();
    assert_eq!(auto_vacuum(&path), [0; 4]);
    let store = Store::open(&sqlite_url(&path)).await.unwrap();
    let old = TestDb { url: sqlite_url(&path), store, _folder: None };
    assert_eq!(truth(&old).await.rows, 5_000);
    assert_eq!(sweep(&old, limits(None, Some(100), None)).await.left.rows, 100);
    assert!(old.store.give_back_space(&mut pace()).await.unwrap() > 0);
    old.store.close().await;
    assert_ne!(auto_vacuum(&path), [0; 4]);
}
