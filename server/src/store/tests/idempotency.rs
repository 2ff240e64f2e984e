//! Idempotency keys: one caller claims a key, others wait or get the answer, claims of dead servers are found.

use jiff::SignedDuration;

use super::*;

on_both!(
    an_answer_is_replayed,
    another_request_is_a_mismatch,
    of_many_claims_one_is_new,
    keys_are_apart_by_token_and_connector,
    a_key_past_its_end_is_free,
    a_released_key_is_free,
    only_the_holder_completes,
    claims_in_flight_are_found,
    a_deleted_connectors_answers_go,
    what_has_ended_is_purged,
);

fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey { token_id: new_id(), connector_id: new_id(), key: text.to_owned() }
}

async fn claim(db: &TestDb, key: &IdempotencyKey, hash: &str, execution: Uuid) -> Claim {
    let now = now();
    db.store.idempotency().claim(key, hash, execution, now, now + SignedDuration::from_hours(24)).await.unwrap()
}

async fn an_answer_is_replayed(db: TestDb) {
    let (key, execution) = (key("order 4711"), new_id());
    assert_eq!(claim(&db, &key, "hash", execution).await, Claim::New);
    assert_eq!(claim(&db, &key, "hash", new_id()).await, Claim::InFlight { execution_id: execution });
    assert!(db.store.idempotency().complete(&key, execution, "fl1.answer").await.unwrap());
    let replay = claim(&db, &key, "hash", new_id()).await;
    assert_eq!(replay, Claim::Replay { execution_id: execution, answer: "fl1.answer".to_owned() });
    assert!(!format!("{replay:?}").contains("fl1"));
}

async fn another_request_is_a_mismatch(db: TestDb) {
    let (key, execution) = (key("k"), new_id());
    claim(&db, &key, "hash", execution).await;
    assert_eq!(claim(&db, &key, "other", new_id()).await, Claim::Mismatch);
    db.store.idempotency().complete(&key, execution, "a").await.unwrap();
    assert_eq!(claim(&db, &key, "other", new_id()).await, Claim::Mismatch);
}

async fn of_many_claims_one_is_new(db: TestDb) {
    let key = key("k");
    let claims = futures_util::future::join_all((0..16).map(|_| claim(&db, &key, "hash", new_id()))).await;
    assert_eq!(claims.iter().filter(|claim| **claim == Claim::New).count(), 1);
    assert!(claims.iter().all(|claim| matches!(claim, Claim::New | Claim::InFlight { .. })), "{claims:?}");
}

async fn keys_are_apart_by_token_and_connector(db: TestDb) {
    let first = key("k");
    for key in [
        first.clone(),
        IdempotencyKey { token_id: new_id(), ..first.clone() },
        IdempotencyKey { connector_id: new_id(), ..first.clone() },
        IdempotencyKey { key: "K".to_owned(), ..first },
    ] {
        assert_eq!(claim(&db, &key, "hash", new_id()).await, Claim::New);
    }
}

async fn a_key_past_its_end_is_free(db: TestDb) {
    let (key, first, second) = (key("k"), new_id(), new_id());
    let idempotency = db.store.idempotency();
    let (start, day) = (now(), SignedDuration::from_hours(24));
    idempotency.claim(&key, "hash", first, start, start + day).await.unwrap();
    idempotency.complete(&key, first, "old").await.unwrap();
    let just_before = start + day - SignedDuration::from_millis(1);
    let replay = idempotency.claim(&key, "hash", second, just_before, just_before + day).await.unwrap();
    assert!(matches!(replay, Claim::Replay { .. }), "{replay:?}");
    let end = start + day;
    assert_eq!(idempotency.claim(&key, "other", second, end, end + day).await.unwrap(), Claim::New);
    assert!(!idempotency.complete(&key, first, "late").await.unwrap());
    assert_eq!(
        idempotency.claim(&key, "other", first, end, end + day).await.unwrap(),
        Claim::InFlight { execution_id: second }
    );
}

async fn a_released_key_is_free(db: TestDb) {
    let (key, first) = (key("k"), new_id());
    claim(&db, &key, "hash", first).await;
    assert!(!db.store.idempotency().release(&key, new_id()).await.unwrap());
    assert!(db.store.idempotency().release(&key, first).await.unwrap());
    assert_eq!(claim(&db, &key, "other", first).await, Claim::New);
    db.store.idempotency().complete(&key, first, "a").await.unwrap();
    assert!(!db.store.idempotency().release(&key, first).await.unwrap(), "an answer stays");
}

async fn only_the_holder_completes(db: TestDb) {
    let (key, first) = (key("k"), new_id());
    claim(&db, &key, "hash", first).await;
    assert!(!db.store.idempotency().complete(&key, new_id(), "stolen").await.unwrap());
    assert!(db.store.idempotency().complete(&key, first, "a").await.unwrap());
    assert!(!db.store.idempotency().complete(&key, first, "b").await.unwrap());
    assert_eq!(claim(&db, &key, "hash", new_id()).await, Claim::Replay { execution_id: first, answer: "a".to_owned() });
}

async fn claims_in_flight_are_found(db: TestDb) {
    let (done, dead, execution) = (key("done"), key("dead"), new_id());
    claim(&db, &done, "hash", execution).await;
    db.store.idempotency().complete(&done, execution, "a").await.unwrap();
    claim(&db, &dead, "hash", execution).await;
    let found = db.store.idempotency().ownerless().await.unwrap();
    assert_eq!(found.iter().map(|found| (&found.key, found.execution_id)).collect::<Vec<_>>(), [(&dead, execution)]);
    assert!(db.store.idempotency().release(&found[0].key, found[0].execution_id).await.unwrap());
    assert!(db.store.idempotency().ownerless().await.unwrap().is_empty());
}

async fn a_deleted_connectors_answers_go(db: TestDb) {
    let (mine, other) = (widget(&db.store, "mine").await, key("k"));
    let key = IdempotencyKey { connector_id: mine.id, ..other.clone() };
    claim(&db, &key, "hash", new_id()).await;
    claim(&db, &other, "hash", new_id()).await;
    db.store.connectors().delete(mine.id, None).await.unwrap();
    assert_eq!(count(&db.store, "idempotency").await, 1);
}

async fn what_has_ended_is_purged(db: TestDb) {
    let idempotency = db.store.idempotency();
    let (past, hour) = (now() - SignedDuration::from_hours(30), SignedDuration::from_hours(1));
    idempotency.claim(&key("old"), "hash", new_id(), past, past + hour).await.unwrap();
    claim(&db, &key("new"), "hash", new_id()).await;
    assert_eq!(idempotency.purge_expired(now(), &mut pace()).await.unwrap(), 1);
    assert_eq!(idempotency.ownerless().await.unwrap().len(), 1);
}
