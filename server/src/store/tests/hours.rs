//! Hourly sums: added once for each call that has ended, filled for earlier releases, kept as long as they are wanted.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::store::hours::{beginning, hour_of};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const EPOCH: Timestamp = Timestamp::UNIX_EPOCH;

on_both!(
    a_call_is_counted_once_when_it_has_ended,
    what_is_no_call_of_the_real_system_is_not_counted,
    many_connectors_at_once_are_counted,
    executions_of_an_earlier_release_are_counted,
    a_fill_that_was_interrupted_goes_on,
    a_fill_of_nothing_is_done_at_once,
    old_hours_leave,
);

async fn of(db: &TestDb, connector: Uuid) -> Vec<ConnectorHour> {
    db.store.hours().of(connector, EPOCH, Timestamp::MAX).await.unwrap()
}

async fn total(db: &TestDb, connector: Uuid) -> (u64, u64, u64) {
    let mut total = HourSums::default();
    of(db, connector).await.iter().for_each(|hour| total.merge(&hour.sums));
    assert_eq!(total.buckets.iter().sum::<u64>(), total.calls);
    (total.calls, total.failed, total.total_ms)
}

/// A call that took a time and failed or not.
fn ended(connector: &ConnectorRow, ms: i64, is_failed: bool) -> ExecutionRow {
    let status = if is_failed { ExecutionStatus::Failed } else { ExecutionStatus::Succeeded };
    ExecutionRow { status, duration_ms: Some(ms), ..succeeded(started(connector)) }
}

async fn a_call_is_counted_once_when_it_has_ended(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let row = started(&widget);
    recorder.start(row.clone()).await.unwrap();
    assert_eq!(of(&db, widget.id).await, [], "it has not ended");
    let end = ExecutionRow { duration_ms: Some(7), ..succeeded(row) };
    // The answer of a commit may be lost, and the row is written again.
    for _ in 0..3 {
        recorder.finish(end.clone()).await.unwrap();
    }
    recorder.finish(ended(&widget, 400, true)).await.unwrap();
    assert_eq!(total(&db, widget.id).await, (2, 1, 407));
    let [hour] = &of(&db, widget.id).await[..] else { panic!("one hour, unless it has just turned") };
    assert_eq!(hour.begins, beginning(hour_of(end.started_at)));
    assert_eq!((hour.sums.buckets[3], hour.sums.buckets[8]), (1, 1));
    // Whose server died is unknown, and counted when its end is known after all.
    let row = started(&widget);
    recorder.start(row.clone()).await.unwrap();
    db.execute("UPDATE execution SET status = 'unknown' WHERE status = 'started'").await;
    assert_eq!(total(&db, widget.id).await.0, 2);
    recorder.finish(succeeded(row)).await.unwrap();
    assert_eq!(total(&db, widget.id).await.0, 3);
    // A bad row fails alone, and counts alone.
    let bad = ExecutionRow { params: "\0".to_owned(), ..ended(&widget, 1, false) };
    let rows = [ended(&widget, 1, false), bad, ended(&widget, 1, false)];
    let outcomes = join_all(rows.into_iter().map(|row| recorder.finish(row))).await;
    let written = outcomes.iter().filter(|outcome| outcome.is_ok()).count() as u64;
    assert_eq!(total(&db, widget.id).await.0, 3 + written);
    recorder.close().await;
}

async fn what_is_no_call_of_the_real_system_is_not_counted(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    recorder.finish(ExecutionRow { mocked: true, ..ended(&widget, 5, false) }).await.unwrap();
    let quiet = started(&widget);
    recorder.start(quiet.clone()).await.unwrap();
    recorder.remove(quiet.id).await.unwrap();
    assert_eq!(of(&db, widget.id).await, []);
    let key = IdempotencyKey { token_id: new_id(), connector_id: widget.id, key: "k".to_owned() };
    let row = ended(&widget, 5, false);
    let (at, until) = (now(), now() + HOUR);
    db.store.idempotency().claim(&key, "hash", row.id, at, until).await.unwrap();
    recorder.finish_with_answer(row, key, "sealed".to_owned()).await.unwrap();
    assert_eq!(total(&db, widget.id).await.0, 1);
    db.store.connectors().delete(widget.id, None).await.unwrap();
    assert_eq!(of(&db, widget.id).await, []);
    recorder.close().await;
}

async fn many_connectors_at_once_are_counted(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let ids: Vec<Uuid> = (0..300).map(|_| new_id()).collect();
    let rows = ids.iter().flat_map(|id| {
        let row = |ms| ExecutionRow { connector_id: *id, ..ended(&widget, ms, ms > 100) };
        [row(10), row(200)]
    });
    for outcome in join_all(rows.map(|row| recorder.finish(row))).await {
        outcome.unwrap();
    }
    for id in &ids {
        assert_eq!(total(&db, *id).await, (2, 1, 210));
    }
    let found = db.store.hours().calls_of_all(&ids[..50], now() - HOUR).await.unwrap();
    assert_eq!(found.len(), 50);
    for hours in found.values() {
        let sums = hours.iter().fold((0, 0), |(calls, failed), hour| (calls + hour.calls, failed + hour.failed));
        assert_eq!(sums, (2, 1));
    }
    assert_eq!(db.store.hours().calls_of_all(&ids[..50], now() + HOUR).await.unwrap().len(), 0);
    assert_eq!(db.store.hours().calls_of_all(&[], EPOCH).await.unwrap().len(), 0);
    recorder.close().await;
}

/// Writes executions of an hour as an earlier release did.
async fn before(db: &TestDb, connector: &ConnectorRow, at: Timestamp, count: u32) {
    fill(db, at, count).await;
    let id = connector.id.to_string();
    db.run(
        "UPDATE execution SET connector_id = $1 WHERE connector_id LIKE '%00000000000c' AND duration_ms = $2",
        &id,
        1,
    )
    .await;
}

async fn executions_of_an_earlier_release_are_counted(db: TestDb) {
    let (widget, gone) = (widget(&db.store, "widget").await, super::widget(&db.store, "gone").await);
    let now = beginning(hour_of(now())) + SignedDuration::from_mins(10);
    let begun = now - HOUR * 100;
    for hours in [0, 1, 2, 30, 31, 900] {
        before(&db, &widget, begun - HOUR * hours, 3).await;
    }
    before(&db, &gone, begun - HOUR * 3, 5).await;
    db.execute("UPDATE execution SET mocked = 1 WHERE id LIKE '%1'").await;
    db.execute("UPDATE execution SET status = 'failed', duration_ms = 70 WHERE id LIKE '%2'").await;
    db.store.connectors().delete(gone.id, None).await.unwrap();
    let hours = db.store.hours();
    let oldest = begun - HOUR * 720;
    // The hours in which calls of the earlier release may not have ended wait.
    assert!(!hours.backfill(begun, oldest, &mut pace()).await.unwrap());
    assert_eq!(total(&db, widget.id).await, (6, 3, 3 * 71));
    // What the recorder adds meanwhile is not counted twice, whichever comes first.
    let recorder = Recorder::spawn(&db.store);
    let late =
        ExecutionRow { id: id_at(begun.as_millisecond() as u64), started_at: begun, ..ended(&widget, 100, false) };
    recorder.finish(late).await.unwrap();
    assert!(!hours.backfill(begun + HOUR, oldest, &mut pace()).await.unwrap());
    assert!(hours.backfill(begun + HOUR * 2, oldest, &mut pace()).await.unwrap());
    assert_eq!(total(&db, widget.id).await, (11, 5, 5 * 71 + 100));
    let late = ExecutionRow { id: id_at(begun.as_millisecond() as u64), started_at: begun, ..ended(&widget, 1, false) };
    recorder.finish(late).await.unwrap();
    assert!(hours.backfill(begun + HOUR * 3, oldest, &mut pace()).await.unwrap());
    assert_eq!(total(&db, widget.id).await.0, 12);
    assert_eq!(of(&db, gone.id).await, [], "sums go with their connector");
    let newest = of(&db, widget.id).await.pop().unwrap();
    assert_eq!((newest.begins, newest.sums.calls, newest.sums.failed), (beginning(hour_of(begun)), 4, 1));
    assert_eq!((newest.sums.buckets[0], newest.sums.buckets[6]), (2, 2), "{newest:?}");
    recorder.close().await;
}

async fn a_fill_that_was_interrupted_goes_on(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let begun = now() - HOUR * 100;
    for hours in 0..20 {
        before(&db, &widget, begun - HOUR * hours, 2).await;
    }
    let mut steps = 0;
    let mut is_done = false;
    while !is_done {
        // Time for one hour or none; each step is of a new process.
        let store = Store::open(&db.url).await.unwrap();
        let mut short = Pace::new(std::time::Duration::from_millis(2), tokio_util::sync::CancellationToken::new());
        is_done = store.hours().backfill(begun + HOUR * 2 * i32::from(steps > 0), EPOCH, &mut short).await.unwrap();
        store.close().await;
        steps += 1;
        assert!(steps < 1000);
    }
    assert_eq!(total(&db, widget.id).await.0, 40);
    assert_eq!(of(&db, widget.id).await.len(), 20);
}

async fn a_fill_of_nothing_is_done_at_once(db: TestDb) {
    assert!(db.store.hours().backfill(now(), EPOCH, &mut pace()).await.unwrap());
    assert_eq!(count(&db.store, "execution_hour_fill").await, 0);
    assert!(db.store.hours().backfill(now(), EPOCH, &mut pace()).await.unwrap());
}

async fn old_hours_leave(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let now = now();
    for hours in [0, 1, 700, 721, 2000] {
        let at = now - HOUR * hours;
        let row = ended(&widget, 1, false);
        recorder.finish(ExecutionRow { id: id_at(at.as_millisecond() as u64), started_at: at, ..row }).await.unwrap();
    }
    assert_eq!(db.store.hours().purge(now - HOUR * 720, &mut pace()).await.unwrap(), 2);
    assert_eq!(db.store.hours().purge(now - HOUR * 720, &mut pace()).await.unwrap(), 0);
    assert_eq!(total(&db, widget.id).await.0, 3);
    recorder.close().await;
}
