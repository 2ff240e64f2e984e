//! The recorder: rows are committed before the answer, in groups; bad rows fail alone; none is lost at the end.

use std::collections::HashSet;

use futures_util::future::join_all;
use jiff::SignedDuration;

use super::*;
use crate::store::migrate::Dialect;
use crate::store::sql::Reader;

on_both!(
    a_row_is_there_when_the_future_resolves,
    every_size_of_batch_is_written,
    rows_of_one_id_end_with_the_last,
    batches_beside_each_other_lose_nothing,
    an_answer_without_a_row_is_kept,
    a_finished_row_stays,
    a_bad_row_fails_alone,
    large_rows_are_cut_into_statements,
    closing_writes_what_waits,
    dropping_it_writes_what_waits,
    a_full_queue_refuses_starts_and_keeps_finishes,
    a_database_that_is_away_is_told_at_once,
    row_and_answer_are_written_together,
);

async fn a_row_is_there_when_the_future_resolves(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let row = started(&widget);
    recorder.start(row.clone()).await.unwrap();
    assert_eq!(db.store.executions().get(row.id).await.unwrap(), row);
    let row = succeeded(row);
    recorder.finish(row.clone()).await.unwrap();
    assert_eq!(db.store.executions().get(row.id).await.unwrap(), row);
    recorder.close().await;
    assert_eq!(count(&db.store, "execution").await, 1);
}

async fn every_size_of_batch_is_written(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let mut expected = 0;
    for size in (1..20).chain([31, 33, 47, 49, 63, 65, 95, 97, 127, 128, 129, 257, 1000]) {
        let rows: Vec<ExecutionRow> = (0..size).map(|_| succeeded(started(&widget))).collect();
        for outcome in join_all(rows.into_iter().map(|row| recorder.finish(row))).await {
            outcome.unwrap();
        }
        expected += size;
    }
    assert_eq!(count(&db.store, "execution").await, expected);
    recorder.close().await;
}

async fn rows_of_one_id_end_with_the_last(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let rows: Vec<ExecutionRow> = (0..40).map(|_| started(&widget)).collect();
    let starts = join_all(rows.iter().map(|row| recorder.start(row.clone())));
    let ends = join_all(rows.iter().map(|row| recorder.finish(succeeded(row.clone()))));
    let (starts, ends) = tokio::join!(starts, ends);
    assert!(starts.iter().chain(&ends).all(Result::is_ok));
    for row in rows {
        assert_eq!(db.store.executions().get(row.id).await.unwrap(), succeeded(row));
    }
    recorder.close().await;
}

/// Callers that come at their own times, so that batches of all sizes are under way beside each other, all of them adding to the
/// sums of the same hour.
async fn batches_beside_each_other_lose_nothing(db: TestDb) {
    const CALLERS: usize = 40;
    const CALLS: usize = 25;
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let callers = (0..CALLERS).map(|_| {
        let (recorder, widget) = (recorder.clone(), widget.clone());
        tokio::spawn(async move {
            for _ in 0..CALLS {
                let row = started(&widget);
                // Nobody waits for the start: its end may be sent while it is under way.
                let start = recorder.start(row.clone());
                let finish = recorder.finish(succeeded(row));
                let (started, finished) = tokio::join!(start, finish);
                started.unwrap();
                finished.unwrap();
            }
        })
    });
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    assert_eq!(count(&db.store, "execution").await, i64::try_from(CALLERS * CALLS).unwrap());
    let open = "SELECT COUNT(*) AS number FROM execution WHERE status <> 'succeeded'";
    let open = sqlx::query(open).fetch_one(&db.store.read).await.unwrap();
    assert_eq!(Reader::new(&open, "execution").value::<i64>("number").unwrap(), 0, "no start overtook its end");
    let hours = db.store.hours().calls_of_all(&[widget.id], jiff::Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(hours[&widget.id].iter().map(|hour| hour.calls).sum::<u64>(), (CALLERS * CALLS) as u64);
    recorder.close().await;
}

async fn an_answer_without_a_row_is_kept(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let key = IdempotencyKey { token_id: new_id(), connector_id: widget.id, key: "key".to_owned() };
    let (id, expires_at) = (new_id(), now() + SignedDuration::from_hours(24));
    let claim = async |id| db.store.idempotency().claim(&key, "hash", id, now(), expires_at).await.unwrap();
    assert_eq!(claim(id).await, Claim::New);
    recorder.keep_answer(id, key.clone(), "fl1.answer".to_owned()).await.unwrap();
    assert_eq!(claim(new_id()).await, Claim::Replay { execution_id: id, answer: "fl1.answer".to_owned() });
    assert_eq!(count(&db.store, "execution").await, 0);
    recorder.close().await;
}

async fn a_finished_row_stays(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let row = succeeded(started(&widget));
    recorder.finish(row.clone()).await.unwrap();
    recorder.finish(ExecutionRow { status: ExecutionStatus::Failed, result: None, ..row.clone() }).await.unwrap();
    recorder.start(ExecutionRow { status: ExecutionStatus::Started, ..row.clone() }).await.unwrap();
    assert_eq!(db.store.executions().get(row.id).await.unwrap(), row);
    recorder.close().await;
}

async fn a_bad_row_fails_alone(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    // PostgreSQL refuses a NUL in a text; SQLite needs a constraint to refuse it.
    if db.store.dialect == Dialect::Sqlite {
        let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON execution WHEN instr(new.step_id, char(0)) > 0 \
                      BEGIN SELECT RAISE(ABORT, 'a bad row'); END";
        sqlx::raw_sql(refuse).execute(&db.store.write).await.unwrap();
    }
    let recorder = Recorder::spawn(&db.store);
    let rows: Vec<ExecutionRow> = (0..60)
        .map(|n| ExecutionRow { step_id: (n % 20 == 7).then(|| "bad\0row".to_owned()), ..succeeded(started(&widget)) })
        .collect();
    let outcomes = join_all(rows.iter().map(|row| recorder.finish(row.clone()))).await;
    for (row, outcome) in rows.iter().zip(outcomes) {
        match row.step_id {
            Some(_) => {
                assert!(matches!(&outcome, Err(RecordError::Store(error)) if !error.is_unavailable()), "{outcome:?}");
            }
            None => outcome.unwrap(),
        }
    }
    assert_eq!(count(&db.store, "execution").await, 57);
    recorder.finish(succeeded(started(&widget))).await.unwrap();
    recorder.close().await;
}

async fn large_rows_are_cut_into_statements(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let rows: Vec<ExecutionRow> = (0..12)
        .map(|n| ExecutionRow { result: Some("x".repeat(n * 1_000_000)), ..succeeded(started(&widget)) })
        .collect();
    for outcome in join_all(rows.iter().map(|row| recorder.finish(row.clone()))).await {
        outcome.unwrap();
    }
    for row in rows {
        assert_eq!(db.store.executions().get(row.id).await.unwrap(), row);
    }
    recorder.close().await;
}

async fn closing_writes_what_waits(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let rows: Vec<ExecutionRow> = (0..500).map(|_| succeeded(started(&widget))).collect();
    let (outcomes, ()) = tokio::join!(join_all(rows.iter().map(|row| recorder.finish(row.clone()))), recorder.close());
    // The two race: rows that arrive after the close are refused, and only those.
    let kept: HashSet<_> =
        rows.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(row, _)| row.id).collect();
    assert!(!kept.is_empty());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(RecordError::Closed))), "{outcomes:?}");
    assert!(recorder.is_closed());
    assert!(matches!(recorder.start(started(&widget)).await, Err(RecordError::Closed)));
    assert!(matches!(recorder.finish(started(&widget)).await, Err(RecordError::Closed)));
    recorder.close().await;

    // Acknowledged rows are there for the next process.
    db.store.close().await;
    let again = Store::open(&db.url).await.unwrap();
    let mut ids = HashSet::new();
    let mut cursor = None;
    loop {
        let part = again.executions().list(&ExecutionFilter::default(), &page(500, cursor)).await.unwrap();
        ids.extend(part.items.into_iter().map(|row| row.id));
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, kept);
    again.close().await;
}

async fn dropping_it_writes_what_waits(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            let (recorder, row) = (recorder.clone(), succeeded(started(&widget)));
            tokio::spawn(async move { recorder.finish(row).await })
        })
        .collect();
    drop(recorder);
    for outcome in waiting {
        outcome.await.unwrap().unwrap();
    }
    assert_eq!(count(&db.store, "execution").await, 200);
}

async fn a_full_queue_refuses_starts_and_keeps_finishes(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    // Nothing can be written while this transaction is open.
    let mut blocker = db.store.begin().await.unwrap();
    if db.store.dialect == Dialect::Postgres {
        sqlx::query("LOCK TABLE execution IN EXCLUSIVE MODE").execute(&mut *blocker).await.unwrap();
    }
    let recorder = Recorder::spawn(&db.store);
    let start = || {
        let (recorder, row) = (recorder.clone(), started(&widget));
        tokio::spawn(async move { recorder.start(row).await })
    };
    let mut waiting = Vec::new();
    let refused = loop {
        let started = start();
        // Either it is refused at once, or it waits for its commit, which cannot happen.
        tokio::task::yield_now().await;
        if started.is_finished() {
            break started.await.unwrap();
        }
        waiting.push(started);
        assert!(waiting.len() < 20_000, "the queue has no end");
    };
    assert!(matches!(refused, Err(RecordError::Overloaded)), "{refused:?}");
    let finishing = {
        let (recorder, row) = (recorder.clone(), succeeded(started(&widget)));
        tokio::spawn(async move { recorder.finish(row).await })
    };
    blocker.rollback().await.unwrap();
    finishing.await.unwrap().unwrap();
    let mut recorded = 1;
    for outcome in waiting {
        match outcome.await.unwrap() {
            Ok(()) => recorded += 1,
            // Some had not been sent yet when the queue filled up.
            Err(error) => assert!(matches!(error, RecordError::Overloaded), "{error:?}"),
        }
    }
    assert!(recorded > 4000, "{recorded}");
    assert_eq!(count(&db.store, "execution").await, recorded);
    recorder.close().await;
}

async fn a_database_that_is_away_is_told_at_once(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    assert_eq!(recorder.trouble(), None);
    db.store.close().await;
    for outcome in join_all((0..50).map(|_| recorder.finish(started(&widget)))).await {
        assert!(matches!(&outcome, Err(RecordError::Store(error)) if error.is_unavailable()), "{outcome:?}");
    }
    assert_eq!(recorder.trouble(), None, "it is well as soon as it is back");
    assert_eq!(recorder.postponed(), 0, "a start must not come late");
    for outcome in join_all((0..50).map(|_| recorder.finish(succeeded(started(&widget))))).await {
        assert!(matches!(&outcome, Err(RecordError::Store(error)) if error.is_unavailable()), "{outcome:?}");
    }
    assert_eq!(recorder.postponed(), 50);
    assert_eq!(recorder.write_postponed().await.unwrap(), 0);
    assert_eq!(recorder.postponed(), 50, "what it does not take now is kept");
    recorder.close().await;
}

async fn row_and_answer_are_written_together(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let recorder = Recorder::spawn(&db.store);
    let idempotency = db.store.idempotency();
    let expires_at = now() + SignedDuration::from_hours(24);
    let mut claims = Vec::new();
    for n in 0..10 {
        let key = IdempotencyKey { token_id: new_id(), connector_id: widget.id, key: format!("key {n}") };
        let row = succeeded(started(&widget));
        assert_eq!(idempotency.claim(&key, "hash", row.id, now(), expires_at).await.unwrap(), Claim::New);
        claims.push((key, row));
    }
    let finishes = claims
        .iter()
        .map(|(key, row)| recorder.finish_with_answer(row.clone(), key.clone(), format!("fl1.{}", key.key)));
    for outcome in join_all(finishes).await {
        outcome.unwrap();
    }
    for (key, row) in claims {
        let claim = idempotency.claim(&key, "hash", new_id(), now(), expires_at).await.unwrap();
        assert_eq!(claim, Claim::Replay { execution_id: row.id, answer: format!("fl1.{}", key.key) });
        assert_eq!(db.store.executions().get(row.id).await.unwrap(), row);
    }
    recorder.close().await;
}
