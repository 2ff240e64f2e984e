//! Leases, and running executions of a server without a lease.

use std::time::Duration;

use jiff::SignedDuration;

use super::*;
use crate::store::connection::DatabaseTransaction;
use crate::store::open::MAX_STANDSTILL;

on_both!(
    a_lease_is_taken_renewed_and_given_back,
    of_two_servers_each_has_its_lease,
    only_the_calls_of_dead_servers_become_unknown,
    only_the_claims_of_dead_servers_are_ownerless,
    a_settled_answer_gives_way_to_the_true_one,
);

#[test]
fn standstill() {
    on_postgres(&[
        ("stalled", |db| Box::pin(a_server_that_stands_still_holds_nobody_up(db))),
        ("turns", |db| Box::pin(a_turn_may_take_long(db))),
    ]);
}

/// As one that was stopped between two statements.
async fn a_server_that_stands_still_holds_nobody_up(db: TestDb) {
    let raise = || sqlx::query("UPDATE agent_directory SET version = version + 1");
    let mut stalled = db.store.begin().await.unwrap();
    raise().execute(&mut *stalled).await.unwrap();
    let other = Store::open(&db.url).await.unwrap();
    let began = std::time::Instant::now();
    raise().execute(&other.write).await.unwrap();
    let waited = began.elapsed();
    assert!(waited < MAX_STANDSTILL + Duration::from_secs(5) && waited < LEASE, "{waited:?}");
    // It hears of it with its next statement: nothing of the transaction is written, and trying again helps.
    let error = StoreError::from(raise().execute(&mut *stalled).await.unwrap_err());
    assert!(error.is_unavailable() && !error.is_refusal(), "{error:?}");
    drop(stalled);
    raise().execute(&db.store.write).await.unwrap();
    other.close().await;
}

async fn a_turn_may_take_long(db: TestDb) {
    let standstill = "SELECT CURRENT_SETTING('idle_in_transaction_session_timeout') AS standstill";
    let shown = async |transaction: &mut DatabaseTransaction| {
        use sqlx::Row as _;
        sqlx::query(standstill).fetch_one(&mut **transaction).await.unwrap().get::<String, _>("standstill")
    };
    let mut turn = db.store.begin_turn().await.unwrap();
    assert_eq!(shown(&mut turn).await, "0");
    turn.rollback().await.unwrap();
    assert_eq!(shown(&mut db.store.begin().await.unwrap()).await, "10s");
}

/// Ends the lease of a store's server, as if the server had been dead for long.
async fn lapse(db: &TestDb, store: &Store) {
    let sql = "UPDATE replica SET lease_until = 1 WHERE id = $1";
    sqlx::query(sql).bind(store.id.to_string()).execute(&db.store.write).await.unwrap();
}

/// Returns how long a store's server still has its lease, by the database's clock.
async fn remaining(store: &Store) -> Option<Duration> {
    use sqlx::Row as _;
    let mut statement = sql::Statement::new("SELECT lease_until - ");
    statement.push(store.dialect.clock()).push(" AS remaining FROM replica WHERE id = ").bind(store.id.to_string());
    let row = statement.query().fetch_optional(&store.read).await.unwrap()?;
    Some(Duration::from_millis(row.get::<i64, _>("remaining").try_into().unwrap_or(0)))
}

async fn a_lease_is_taken_renewed_and_given_back(db: TestDb) {
    let replicas = db.store.replicas();
    assert_eq!(remaining(&db.store).await, None);
    replicas.claim("1.0.0").await.unwrap();
    let left = remaining(&db.store).await.unwrap();
    assert!(left > LEASE / 2 && left <= LEASE, "{left:?}");
    // A lease that has run out, and one that was deleted, are taken again.
    for sql in ["UPDATE replica SET lease_until = 1", "DELETE FROM replica"] {
        sqlx::query(sql).execute(&db.store.write).await.unwrap();
        replicas.renew("1.0.0").await.unwrap();
        assert!(remaining(&db.store).await.unwrap() > LEASE / 2);
    }
    sqlx::query("UPDATE replica SET lease_until = lease_until - 10000").execute(&db.store.write).await.unwrap();
    assert!(remaining(&db.store).await.unwrap() <= LEASE - Duration::from_secs(10));
    replicas.renew("1.0.0").await.unwrap();
    assert!(remaining(&db.store).await.unwrap() > LEASE / 2);
    assert_eq!(count(&db.store, "replica").await, 1);
    replicas.release().await.unwrap();
    assert_eq!(count(&db.store, "replica").await, 0);
}

async fn of_two_servers_each_has_its_lease(db: TestDb) {
    let other = Store::open(&db.url).await.unwrap();
    db.store.replicas().claim("1.0.0").await.unwrap();
    db.store.replicas().announce("web-1:8080").await.unwrap();
    other.replicas().claim("1.0.1").await.unwrap();
    if !db.store.is_shared() {
        // The lock on the file has proved that the first server is dead, however long its lease is.
        assert_eq!((remaining(&db.store).await, count(&db.store, "replica").await), (None, 1));
        assert!(!other.replicas().has_other().await.unwrap());
        other.close().await;
        return;
    }
    let living = other.replicas().living().await.unwrap();
    let [(first, None), (second, None)] = living.as_slice() else { panic!("{living:?}") };
    assert_eq!(
        (first.id, first.release.as_str(), first.address.as_deref()),
        (db.store.id, "1.0.0", Some("web-1:8080"))
    );
    assert_eq!((second.id, second.release.as_str(), second.address.as_deref()), (other.id, "1.0.1", None));
    assert!(first.remaining() > LEASE / 2 && first.remaining() <= LEASE, "{first:?}");
    assert!(first.age() >= SignedDuration::ZERO && first.age() < SignedDuration::from_secs(60), "{first:?}");
    assert!(other.replicas().has_other().await.unwrap());
    // What is left of a dead one goes when the next one claims; if it comes back, it has a lease again.
    lapse(&db, &db.store).await;
    assert!(!other.replicas().has_other().await.unwrap());
    other.replicas().claim("1.0.1").await.unwrap();
    assert_eq!(count(&db.store, "replica").await, 1);
    db.store.replicas().renew("1.0.0").await.unwrap();
    assert!(remaining(&db.store).await.unwrap() > LEASE / 2 && remaining(&other).await.unwrap() > LEASE / 2);
    other.close().await;
}

async fn only_the_calls_of_dead_servers_become_unknown(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let other = Store::open(&db.url).await.unwrap();
    let begin = async |store: &Store| {
        let (recorder, row) = (Recorder::spawn(store), started(&widget));
        recorder.start(row.clone()).await.unwrap();
        recorder.close().await;
        row.id
    };
    let status = async |id: Uuid| db.store.executions().get(id).await.unwrap().status;
    db.store.replicas().claim("1.0.0").await.unwrap();
    let (living, dead, old) = (begin(&db.store).await, begin(&other).await, begin(&db.store).await);
    // A row of a release without owners.
    let sql = "UPDATE execution SET owner = NULL WHERE id = $1";
    sqlx::query(sql).bind(old.to_string()).execute(&db.store.write).await.unwrap();
    assert_eq!(other.executions().abandon_ownerless().await.unwrap(), 2);
    assert_eq!(status(living).await, ExecutionStatus::Started);
    assert_eq!((status(dead).await, status(old).await), (ExecutionStatus::Unknown, ExecutionStatus::Unknown));
    lapse(&db, &db.store).await;
    assert_eq!(other.executions().abandon_ownerless().await.unwrap(), 1);
    assert_eq!(status(living).await, ExecutionStatus::Unknown);
    other.close().await;
}

async fn only_the_claims_of_dead_servers_are_ownerless(db: TestDb) {
    let other = Store::open(&db.url).await.unwrap();
    let claim = async |store: &Store, name: &str| {
        let key = IdempotencyKey { token_id: new_id(), connector_id: new_id(), key: name.to_owned() };
        let until = now() + SignedDuration::from_hours(24);
        assert_eq!(store.idempotency().claim(&key, "hash", new_id(), now(), until).await.unwrap(), Claim::New);
        key
    };
    let ownerless = async || -> Vec<String> {
        let found = db.store.idempotency().ownerless().await.unwrap();
        let mut keys: Vec<String> = found.into_iter().map(|claim| claim.key.key).collect();
        keys.sort_unstable();
        keys
    };
    db.store.replicas().claim("1.0.0").await.unwrap();
    claim(&db.store, "living").await;
    claim(&other, "dead").await;
    claim(&db.store, "old").await;
    let sql = "UPDATE idempotency SET owner = NULL WHERE key = 'old'";
    sqlx::query(sql).execute(&db.store.write).await.unwrap();
    assert_eq!(ownerless().await, ["dead", "old"]);
    lapse(&db, &db.store).await;
    assert_eq!(ownerless().await, ["dead", "living", "old"]);
    // An expired key that another server claims belongs to that server.
    let key = claim(&other, "again").await;
    sqlx::query("UPDATE idempotency SET expires_at = 1").execute(&db.store.write).await.unwrap();
    db.store.replicas().renew("1.0.0").await.unwrap();
    let (at, until) = (now(), now() + SignedDuration::from_hours(24));
    assert_eq!(db.store.idempotency().claim(&key, "hash", new_id(), at, until).await.unwrap(), Claim::New);
    assert_eq!(ownerless().await, ["dead", "old"]);
    other.close().await;
}

async fn a_settled_answer_gives_way_to_the_true_one(db: TestDb) {
    let idempotency = db.store.idempotency();
    let key = IdempotencyKey { token_id: new_id(), connector_id: new_id(), key: "k".to_owned() };
    let (first, until) = (new_id(), now() + SignedDuration::from_hours(24));
    let claim = async || idempotency.claim(&key, "hash", new_id(), now(), until).await.unwrap();
    let replay = |answer: &str| Claim::Replay { execution_id: first, answer: answer.to_owned() };
    assert_eq!(idempotency.claim(&key, "hash", first, now(), until).await.unwrap(), Claim::New);
    assert!(!idempotency.settle(&key, new_id(), "another's").await.unwrap());
    assert!(idempotency.settle(&key, first, "unknown").await.unwrap());
    assert_eq!(claim().await, replay("unknown"));
    assert!(!idempotency.settle(&key, first, "unknown again").await.unwrap());
    assert!(!idempotency.release(&key, first).await.unwrap(), "it has begun");
    assert!(!idempotency.complete(&key, new_id(), "another's").await.unwrap());
    assert!(idempotency.complete(&key, first, "the true one").await.unwrap());
    assert_eq!(claim().await, replay("the true one"));
    assert!(!idempotency.complete(&key, first, "late").await.unwrap());
    assert!(!idempotency.settle(&key, first, "unknown").await.unwrap());
    assert_eq!(claim().await, replay("the true one"));
    // A new claim of the key starts without the mark.
    sqlx::query("UPDATE idempotency SET expires_at = 1, settled = 1").execute(&db.store.write).await.unwrap();
    let second = new_id();
    assert_eq!(idempotency.claim(&key, "hash", second, now(), until).await.unwrap(), Claim::New);
    assert!(idempotency.complete(&key, second, "a").await.unwrap());
    assert!(!idempotency.complete(&key, second, "b").await.unwrap());
}
