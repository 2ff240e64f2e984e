//! Every write to connectors, types, secrets and tokens, and no other write, raises the counter once and is announced.

use std::sync::{Arc, Mutex};

use super::seed::row;
use super::*;
use crate::changes::{Action, Change, Subject, Subscriber};

on_both!(
    every_write_is_counted_once_and_told,
    what_changes_nothing_that_is_kept_is_not_told,
    what_is_refused_or_rolled_back_is_not_told,
    a_commit_whose_answer_is_lost_is_told_as_uncertain,
);

#[derive(Default)]
struct Heard(Mutex<Vec<Change>>);

impl Subscriber for Heard {
    fn on_change(&self, change: &Change) {
        self.0.lock().unwrap().push(change.clone());
    }

    fn on_gap(&self) {
        panic!("a server misses none of its own writes");
    }
}

/// Checks the counter and the announced changes after each write.
struct Watch<'d> {
    db: &'d TestDb,
    heard: Arc<Heard>,
    counter: i64,
}

impl<'d> Watch<'d> {
    async fn of(db: &'d TestDb) -> Self {
        let heard = Arc::<Heard>::default();
        db.store.changes().subscribe(&heard);
        Self { counter: counter(db).await, db, heard }
    }

    /// Expects that a write was announced as `changes`, and counted once if there are any.
    #[track_caller]
    fn saw(&mut self, what: &str, counted: i64, changes: &[(Subject, Action)]) {
        let heard = std::mem::take(&mut *self.heard.0.lock().unwrap());
        assert!(heard.iter().all(|change| change.certain), "{what}: {heard:?}");
        let heard: Vec<(Subject, Action)> = heard.into_iter().map(|change| (change.subject, change.action)).collect();
        assert_eq!(heard, changes, "{what}");
        assert_eq!(counted - self.counter, i64::from(!changes.is_empty()), "{what}");
        self.counter = counted;
    }

    async fn expect(&mut self, what: &str, changes: &[(Subject, Action)]) {
        let counted = counter(self.db).await;
        self.saw(what, counted, changes);
    }
}

async fn counter(db: &TestDb) -> i64 {
    use sqlx::Row as _;
    assert_eq!(count(&db.store, "change").await, 1, "one row");
    sqlx::query("SELECT counter FROM change").fetch_one(&db.store.read).await.unwrap().get("counter")
}

fn connector(id: Uuid, name: &str) -> Subject {
    Subject::Connector { id, name: name.to_owned() }
}

fn a_type(id: Uuid, name: &str) -> Subject {
    Subject::ConnectorType { id, name: name.to_owned() }
}

fn token(name: &str) -> NewTokenRow {
    NewTokenRow {
        id: new_id(),
        name: name.to_owned(),
        kind: TokenKind::Api,
        scopes: vec!["admin".to_owned()],
        hash: "ab".repeat(32),
        agent_id: None,
        connector_names: Vec::new(),
        expires_at: None,
    }
}

async fn every_write_is_counted_once_and_told(db: TestDb) {
    use Action::{Changed, Created, Deleted};
    let mut watch = Watch::of(&db).await;
    let (connectors, types, tokens) = (db.store.connectors(), db.store.types(), db.store.tokens());

    let first = widget(&db.store, "first").await;
    let kind = a_type(first.type_id, "first");
    watch.expect("a new type", &[(kind.clone(), Created), (connector(first.id, "first"), Created)]).await;
    let of = TypeChoice::Existing(first.type_id);
    let secrets = vec![sealed("token", "fl1.a")];
    let second = connectors.create(new_id(), ConnectorFields::named("second"), of, secrets).await.unwrap();
    watch.expect("create", &[(connector(second.id, "second"), Created)]).await;
    let of = TypeChoice::At { id: first.type_id, revision: 1 };
    let third = connectors.create(new_id(), ConnectorFields::named("third"), of, Vec::new()).await.unwrap();
    watch.expect("create of a type that is held", &[(connector(third.id, "third"), Created)]).await;

    connectors.update(second.id, 1, ConnectorFields::named("renamed"), SecretChanges::default()).await.unwrap();
    watch.expect("update", &[(connector(second.id, "renamed"), Changed)]).await;
    let secrets = SecretChanges { put: vec![sealed("token", "fl1.b")], remove: Vec::new() };
    connectors.update(second.id, 2, ConnectorFields::named("renamed"), secrets).await.unwrap();
    watch.expect("a secret", &[(connector(second.id, "renamed"), Changed)]).await;
    connectors.delete(third.id, Some(1)).await.unwrap();
    watch.expect("delete", &[(connector(third.id, "third"), Deleted)]).await;

    let fields = TypeFields { description: "other".to_owned(), ..type_fields() };
    types.update::<StoreError>(first.type_id, 1, fields, None, None).await.unwrap();
    watch.expect("update of a type", &[(kind.clone(), Changed)]).await;
    let version = NewVersion::first(VersionSource::Put, Actor::system());
    let mut rework = |stored: StoredConfig| {
        Ok::<_, StoreError>(Some(Rework { config: stored.config, secrets: SecretChanges::default() }))
    };
    types.update(first.type_id, 2, type_fields(), Some(version), Some(&mut rework)).await.unwrap();
    watch.expect("a new version", &[(kind.clone(), Changed)]).await;
    connectors.rework(first.type_id, &mut rework).await.unwrap();
    watch.expect("rework", &[(kind.clone(), Changed)]).await;
    for id in [first.id, second.id] {
        connectors.delete(id, None).await.unwrap();
        watch.counter += 1;
    }
    watch.heard.0.lock().unwrap().clear();
    types.delete(first.type_id).await.unwrap();
    watch.expect("delete of a type", &[(kind, Deleted)]).await;

    types
        .seed(&[row("http", SeedDecision::Insert), row("ftp", SeedDecision::Insert)], &mut leave_config)
        .await
        .unwrap();
    let http = a_type(types.get("http").await.unwrap().id, "http");
    let ftp = a_type(types.get("ftp").await.unwrap().id, "ftp");
    watch.expect("seed", &[(http.clone(), Created), (ftp.clone(), Created)]).await;
    types.seed(&[row("http", SeedDecision::Replace)], &mut leave_config).await.unwrap();
    watch.expect("seed without one", &[(ftp.clone(), Changed), (http.clone(), Changed)]).await;
    types.seed(&[row("http", SeedDecision::Leave), row("ftp", SeedDecision::Leave)], &mut leave_config).await.unwrap();
    watch.expect("seed with it again", &[(ftp, Changed)]).await;

    let (ci, one, other) = (token("ci"), token("one"), token("other"));
    let subject = |token: &NewTokenRow| Subject::Token { id: token.id, name: token.name.clone() };
    tokens.create(ci.clone()).await.unwrap();
    watch.expect("a token", &[(subject(&ci), Created)]).await;
    tokens.delete(ci.id).await.unwrap();
    watch.expect("its end", &[(subject(&ci), Deleted)]).await;
    tokens.use_environment(one.clone()).await.unwrap();
    watch.expect("the environment's", &[(subject(&one), Created)]).await;
    let other = NewTokenRow { hash: "other".to_owned(), ..other };
    tokens.use_environment(other.clone()).await.unwrap();
    watch.expect("another", &[(subject(&other), Created), (subject(&one), Deleted)]).await;
}

async fn what_changes_nothing_that_is_kept_is_not_told(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    db.store.types().seed(&[row("http", SeedDecision::Insert)], &mut leave_config).await.unwrap();
    let environment = token("environment");
    db.store.replicas().claim("1.0.0").await.unwrap();
    db.store.tokens().use_environment(environment.clone()).await.unwrap();
    let token = db.store.tokens().create(token("ci")).await.unwrap().token;
    let mut watch = Watch::of(&db).await;

    db.store.types().seed(&[row("http", SeedDecision::Leave)], &mut leave_config).await.unwrap();
    watch.expect("a start that finds all as it was", &[]).await;
    db.store.tokens().use_environment(NewTokenRow { id: new_id(), ..environment }).await.unwrap();
    watch.expect("the same token in the environment", &[]).await;
    db.store.tokens().touch(&[(token.id, now())]).await.unwrap();
    watch.expect("last use", &[]).await;
    db.store.settings().put("name", "value").await.unwrap();
    db.store.settings().put_if_absent("name", "other").await.unwrap();
    watch.expect("settings", &[]).await;
    let recorder = Recorder::spawn(&db.store);
    let (row, key) =
        (started(&made), IdempotencyKey { token_id: token.id, connector_id: made.id, key: "k".to_owned() });
    let idempotency = db.store.idempotency();
    idempotency.claim(&key, "hash", row.id, now(), now()).await.unwrap();
    recorder.start(row.clone()).await.unwrap();
    recorder.finish_with_answer(succeeded(row), key.clone(), "fl1.a".to_owned()).await.unwrap();
    recorder.close().await;
    idempotency.purge_expired(now(), &mut pace()).await.unwrap();
    idempotency.claim(&key, "hash", new_id(), now(), now()).await.unwrap();
    idempotency.release(&key, new_id()).await.unwrap();
    db.store.executions().abandon_ownerless().await.unwrap();
    watch.expect("executions", &[]).await;
}

async fn what_is_refused_or_rolled_back_is_not_told(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    let mut watch = Watch::of(&db).await;
    let connectors = db.store.connectors();
    let of = TypeChoice::Existing(made.type_id);
    connectors.create(new_id(), ConnectorFields::named("widget"), of, Vec::new()).await.unwrap_err();
    let taken = TypeChoice::New(new_type("widget"));
    connectors.create(new_id(), ConnectorFields::named("other"), taken, Vec::new()).await.unwrap_err();
    connectors.update(made.id, 7, ConnectorFields::named("widget"), SecretChanges::default()).await.unwrap_err();
    connectors.delete(made.id, Some(7)).await.unwrap_err();
    db.store.types().delete(made.type_id).await.unwrap_err();
    db.store.tokens().delete(new_id()).await.unwrap_err();
    let mut refuses = |_: StoredConfig| Err::<Option<Rework>, _>(StoreError::Contended);
    connectors.rework(made.type_id, &mut refuses).await.unwrap_err();
    let mut dropped = db.store.begin_change().await.unwrap();
    dropped.tell(connector(made.id, "widget"), Action::Changed);
    drop(dropped);
    watch.expect("refused", &[]).await;
}

async fn a_commit_whose_answer_is_lost_is_told_as_uncertain(db: TestDb) {
    for sql in [
        "CREATE TABLE parent (id BIGINT PRIMARY KEY)",
        "CREATE TABLE child (id BIGINT REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    ] {
        sqlx::query(sql).execute(&db.store.write).await.unwrap();
    }
    let mut watch = Watch::of(&db).await;
    let id = new_id();
    // The commit itself fails, because the constraint is checked there.
    let mut transaction = db.store.begin_change().await.unwrap();
    sqlx::query("INSERT INTO child (id) VALUES (1)").execute(&mut *transaction).await.unwrap();
    transaction.tell(connector(id, "widget"), Action::Changed);
    transaction.commit().await.unwrap_err();
    let heard = std::mem::take(&mut *watch.heard.0.lock().unwrap());
    assert_eq!(heard, [Change { subject: connector(id, "widget"), action: Action::Changed, certain: false }]);
    watch.expect("it was rolled back", &[]).await;
}

/// A write that bypasses [`Store::begin_change`] would not be announced.
#[test]
fn no_file_of_these_tables_writes_in_another_way() {
    for (name, source, others) in [
        ("connectors", include_str!("../connectors.rs"), 0),
        ("types", include_str!("../types.rs"), 0),
        ("versions", include_str!("../versions.rs"), 0),
        ("rework", include_str!("../rework.rs"), 0),
        // What a service answered to a refresh token: the connector stays as it is.
        ("secrets", include_str!("../secrets.rs"), 1),
        ("seed", include_str!("../seed.rs"), 0),
        // When tokens were last used.
        ("tokens", include_str!("../tokens.rs"), 1),
    ] {
        let found = source.matches("store.begin()").count() + source.matches("store.write").count();
        assert_eq!(found, others, "{name}: use begin_change, or say here why nobody need hear of it");
    }
}
