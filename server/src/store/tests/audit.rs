//! The audit trail as rows: its end, its order, and that it is written with the change or not at all.

use jiff::SignedDuration;

use super::*;
use crate::store::executions::selection::MAX_SCANNED;

on_both!(
    old_entries_and_those_beyond_the_maximum_leave,
    a_change_that_is_not_written_leaves_no_entry,
    settings_leave_entries_without_values,
    agents_are_written_together,
    a_rare_filter_reads_the_trail_in_parts,
);

async fn count(db: &TestDb) -> usize {
    let mut page = PageRequest { limit: 500, cursor: None };
    let mut count = 0;
    loop {
        let read = db.store.audit().list(&AuditFilter::default(), &ConnectorBound::All, &page).await.unwrap();
        count += read.items.len();
        page.cursor = read.next_cursor;
        if page.cursor.is_none() {
            return count;
        }
    }
}

async fn old_entries_and_those_beyond_the_maximum_leave(db: TestDb) {
    let settings = db.store.settings();
    for number in 0..1_203 {
        settings.put("name", &number.to_string()).await.unwrap();
    }
    assert_eq!(count(&db).await, 1_203);
    let audit = db.store.audit();
    let mut ledger = Ledger::new(&db.store, Retained::Audit);
    let mut pace = pace();
    let mut purge = async |age: SignedDuration, rows: u64| {
        let limits = Limits { age: Some(age), rows: Some(rows), bytes: None };
        let swept = ledger.sweep(&limits, now(), &mut pace).await.unwrap();
        (swept.removed.rows - swept.excess, swept.excess, swept.left.rows)
    };
    let day = SignedDuration::from_hours(24);
    assert_eq!(purge(day, 2_000).await, (0, 0, 1_203));
    assert_eq!(purge(day, 1_203).await, (0, 0, 1_203));
    assert_eq!(purge(day, 3).await, (0, 1_200, 3));
    let newest = audit.list(&AuditFilter::default(), &ConnectorBound::All, &PageRequest::default()).await.unwrap();
    assert_eq!(newest.items.len(), 3);
    // An entry that is a day and a minute old.
    let old = sql::first_id(now() - day - SignedDuration::from_mins(1));
    db.run("UPDATE audit SET id = $1 WHERE id = (SELECT MIN(id) FROM audit) AND $2 = 1", &old, 1).await;
    assert_eq!(purge(day, 2_000).await.0, 1);
    assert_eq!(count(&db).await, 2);
    assert_eq!(purge(SignedDuration::from_secs(-1), 2_000).await.0, 2);
    assert_eq!(count(&db).await, 0);
}

async fn a_change_that_is_not_written_leaves_no_entry(db: TestDb) {
    let made = widget(&db.store, "widget").await;
    let before = count(&db).await;
    // The change itself is written, its commit fails: without its counter there is no commit.
    for sql in ["ALTER TABLE change RENAME TO change_gone"] {
        sqlx::query(sql).execute(&db.store.write).await.unwrap();
    }
    db.store.connectors().delete(made.id, None).await.unwrap_err();
    sqlx::query("ALTER TABLE change_gone RENAME TO change").execute(&db.store.write).await.unwrap();
    assert_eq!(count(&db).await, before);
    // And the other way round: what cannot be written into the trail is not done.
    sqlx::query("ALTER TABLE audit RENAME TO audit_gone").execute(&db.store.write).await.unwrap();
    db.store.connectors().delete(made.id, None).await.unwrap_err();
    sqlx::query("ALTER TABLE audit_gone RENAME TO audit").execute(&db.store.write).await.unwrap();
    db.store.connectors().get("widget").await.unwrap();
    db.store.connectors().delete(made.id, None).await.unwrap();
    assert_eq!(count(&db).await, before + 1);
}

async fn settings_leave_entries_without_values(db: TestDb) {
    let settings = db.store.settings();
    settings.put("name", "hunter2").await.unwrap();
    settings.put("name", "hunter2").await.unwrap();
    settings.put("name", "other").await.unwrap();
    settings.put_if_absent("name", "third").await.unwrap();
    settings.put_if_absent("fresh", "hunter2").await.unwrap();
    let filter = AuditFilter { subject: Some(AuditSubject::Setting), ..AuditFilter::default() };
    let found = db.store.audit().list(&filter, &ConnectorBound::All, &PageRequest::default()).await.unwrap().items;
    let told: Vec<_> = found.iter().map(|entry| (entry.subject_name.as_str(), entry.action)).collect();
    let wanted = [("fresh", AuditAction::Created), ("name", AuditAction::Changed), ("name", AuditAction::Created)];
    assert_eq!(told, wanted);
    assert!(found.iter().all(|entry| entry.before.is_none() && entry.after.is_none()));
    assert!(found.iter().all(|entry| entry.actor == Actor::system() && entry.source == ExecutionSource::System));
}

async fn agents_are_written_together(db: TestDb) {
    let agent = |number: usize, ended: Option<&str>| {
        let actor = Actor { token_id: Some(new_id()), name: format!("of {number}") };
        let entry = AgentEntry {
            agent_id: format!("a-{number}"),
            agent_name: "An Agent".to_owned(),
            agent_version: None,
            connector_names: vec!["sap".to_owned()],
            ended: ended.map(str::to_owned),
            left_out: 0,
        };
        (Author { actor, source: ExecutionSource::Rest, peer: None, request_id: None }, entry)
    };
    let audit = db.store.audit();
    audit.record_agents(&[]).await.unwrap();
    let agents: Vec<_> = (0..120).map(|number| agent(number, (number == 119).then_some("it left"))).collect();
    audit.record_agents(&agents).await.unwrap();
    let found = audit
        .list(&AuditFilter::default(), &ConnectorBound::All, &PageRequest { limit: 500, cursor: None })
        .await
        .unwrap()
        .items;
    assert_eq!(found.len(), 120);
    assert_eq!((found[0].subject_id.as_deref(), found[0].action), (Some("a-119"), AuditAction::Disconnected));
    assert_eq!(found[0].before.as_ref().unwrap()["ended"], "it left");
    assert_eq!((found[119].actor.name.as_str(), found[119].action), ("of 0", AuditAction::Connected));
}

async fn a_rare_filter_reads_the_trail_in_parts(db: TestDb) {
    let settings = db.store.settings();
    settings.put("name", "0").await.unwrap();
    let rows = i64::from(MAX_SCANNED) * 2 + 10;
    // Ids of another time, so that they are before the entry above.
    sqlx::query(
        "INSERT INTO audit (id, at, actor_name, source, subject, subject_id, subject_name, action) WITH RECURSIVE numbers (n) AS \
         (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < $1) SELECT '01800000-0000-7000-8000-' || substr('000000000000' || \
         CAST(n AS TEXT), length(CAST(n AS TEXT)) + 1), 0, 'system', 'system', 'setting', 's', CASE n WHEN 3 THEN 'rare' ELSE 'x' END, \
         CASE n WHEN 3 THEN 'deleted' ELSE 'changed' END FROM numbers",
    )
    .bind(rows)
    .execute(&db.store.write)
    .await
    .unwrap();
    let rare = AuditFilter { action: Some(AuditAction::Deleted), ..AuditFilter::default() };
    let (mut found, mut pages) = (0, 0);
    let mut page = PageRequest { limit: 500, cursor: None };
    loop {
        let read = db.store.audit().list(&rare, &ConnectorBound::All, &page).await.unwrap();
        (found, pages) = (found + read.items.len(), pages + 1);
        page.cursor = read.next_cursor;
        if page.cursor.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (1, 3));
    assert_eq!(count(&db).await, usize::try_from(rows).unwrap() + 1);
}
