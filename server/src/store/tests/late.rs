//! True results that take the place of an unknown outcome: once, whoever writes them, with sums and answers that fit.

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::*;

on_both!(
    an_unknown_outcome_is_replaced_once,
    a_failure_that_was_counted_becomes_a_success,
    what_is_not_recorded_is_removed,
    the_answer_of_a_key_is_replaced_unless_it_has_changed,
);

const UNKNOWN: &str = r#"{"success":false,"diagnostics":{"outcome":"unknown"}}"#;

async fn sums(db: &TestDb, connector: Uuid) -> (u64, u64, u64) {
    let mut total = HourSums::default();
    let hours = db.store.hours().of(connector, Timestamp::UNIX_EPOCH, Timestamp::MAX).await.unwrap();
    hours.iter().for_each(|hour| total.merge(&hour.sums));
    (total.calls, total.failed, total.total_ms)
}

/// Records a call that has failed with an unknown outcome.
async fn failed(db: &TestDb, connector: &ConnectorRow) -> ExecutionRow {
    let row = ExecutionRow {
        status: ExecutionStatus::Failed,
        result: Some(UNKNOWN.to_owned()),
        duration_ms: Some(7),
        ..started(connector)
    };
    let recorder = Recorder::spawn(&db.store);
    recorder.finish(row.clone()).await.unwrap();
    recorder.close().await;
    row
}

/// Records a call whose server died.
async fn unknown(db: &TestDb, row: ExecutionRow) -> ExecutionRow {
    let recorder = Recorder::spawn(&db.store);
    recorder.start(row.clone()).await.unwrap();
    recorder.close().await;
    db.execute("UPDATE execution SET status = 'unknown' WHERE status = 'started'").await;
    db.store.executions().get(row.id).await.unwrap()
}

async fn an_unknown_outcome_is_replaced_once(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let executions = db.store.executions();
    let before = unknown(&db, started(&widget)).await;
    assert_eq!(before.status, ExecutionStatus::Unknown);
    let candidates = [new_id(), before.id, new_id()];
    assert_eq!(executions.find_any(&candidates).await.unwrap().as_ref(), Some(&before));
    assert_eq!(executions.find_any(&[new_id()]).await.unwrap(), None);
    let after = succeeded(before.clone());
    let written = join_all((0..8).map(|_| executions.settle_late(&before, &after, None))).await;
    assert_eq!(written.into_iter().filter(|written| *written.as_ref().unwrap()).count(), 1);
    let row = executions.get(before.id).await.unwrap();
    assert_eq!(row, ExecutionRow { logs: before.logs.clone(), ..after.clone() });
    assert_eq!(sums(&db, widget.id).await, (1, 0, 12));
    // The end of the call itself comes later still, and says less.
    let recorder = Recorder::spawn(&db.store);
    let end = ExecutionRow { status: ExecutionStatus::Failed, result: Some(UNKNOWN.to_owned()), ..after };
    recorder.finish(end).await.unwrap();
    recorder.close().await;
    assert_eq!(executions.get(before.id).await.unwrap(), row);
    assert_eq!(sums(&db, widget.id).await, (1, 0, 12));
}

async fn a_failure_that_was_counted_becomes_a_success(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let executions = db.store.executions();
    let before = failed(&db, &widget).await;
    failed(&db, &widget).await;
    assert_eq!(sums(&db, widget.id).await, (2, 2, 14));
    let after = ExecutionRow { duration_ms: before.duration_ms, ..succeeded(before.clone()) };
    assert!(executions.settle_late(&before, &after, None).await.unwrap());
    assert!(!executions.settle_late(&before, &after, None).await.unwrap());
    assert_eq!(sums(&db, widget.id).await, (2, 1, 14), "it took the caller as long as before");
    assert_eq!(executions.get(before.id).await.unwrap().status, ExecutionStatus::Succeeded);
}

async fn what_is_not_recorded_is_removed(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let row = ExecutionRow { recorded: Recording::None, params: "null".to_owned(), ..started(&widget) };
    let before = unknown(&db, row).await;
    let after = ExecutionRow { status: ExecutionStatus::Succeeded, ..before.clone() };
    assert!(db.store.executions().settle_late(&before, &after, None).await.unwrap());
    assert!(db.store.executions().get(before.id).await.is_err());
    assert_eq!(sums(&db, widget.id).await, (0, 0, 0));
}

async fn the_answer_of_a_key_is_replaced_unless_it_has_changed(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let (executions, keys) = (db.store.executions(), db.store.idempotency());
    for (number, settled) in [None, Some(true), Some(false)].into_iter().enumerate() {
        let before = failed(&db, &widget).await;
        let token_id = before.actor.as_ref().unwrap().token_id.unwrap();
        let key = IdempotencyKey { token_id, connector_id: widget.id, key: format!("k{number}") };
        let claim =
            async |by: Uuid| keys.claim(&key, "h", by, now(), now() + SignedDuration::from_hours(1)).await.unwrap();
        assert_eq!(claim(before.id).await, Claim::New);
        match settled {
            None => {}
            Some(true) => assert!(keys.settle(&key, before.id, "sealed unknown").await.unwrap()),
            Some(false) => assert!(keys.complete(&key, before.id, "sealed unknown").await.unwrap()),
        }
        let held = keys.held_by(token_id, widget.id, before.id).await.unwrap().unwrap();
        assert_eq!((&held.key, held.is_settled), (&key, settled == Some(true)));
        assert!(!format!("{held:?}").contains("sealed"));
        assert_eq!(keys.held_by(token_id, widget.id, new_id()).await.unwrap(), None);
        let answer = LateAnswer { held, answer: "sealed true".to_owned() };
        assert!(executions.settle_late(&before, &succeeded(before.clone()), Some(&answer)).await.unwrap());
        let replay = Claim::Replay { execution_id: before.id, answer: "sealed true".to_owned() };
        assert_eq!(claim(new_id()).await, replay);
        // What is said of the outcome later does not take its place.
        assert!(!keys.settle(&key, before.id, "sealed unknown").await.unwrap());
        assert!(!keys.complete(&key, before.id, "sealed unknown").await.unwrap());
        assert_eq!(claim(new_id()).await, replay);
    }
    // An answer that somebody else has changed since stays.
    let before = failed(&db, &widget).await;
    let token_id = before.actor.as_ref().unwrap().token_id.unwrap();
    let key = IdempotencyKey { token_id, connector_id: widget.id, key: "other".to_owned() };
    keys.claim(&key, "h", before.id, now(), now() + SignedDuration::from_hours(1)).await.unwrap();
    keys.settle(&key, before.id, "sealed unknown").await.unwrap();
    let held = keys.held_by(token_id, widget.id, before.id).await.unwrap().unwrap();
    keys.complete(&key, before.id, "sealed by another").await.unwrap();
    let answer = LateAnswer { held, answer: "sealed true".to_owned() };
    assert!(executions.settle_late(&before, &succeeded(before.clone()), Some(&answer)).await.unwrap());
    let held = keys.held_by(token_id, widget.id, before.id).await.unwrap().unwrap();
    assert_eq!(held.answer.as_deref(), Some("sealed by another"));
}
