//! Executions: found, listed by filter, marked unknown after their process died.

use std::collections::BTreeSet;

use ExecutionStatus::{Accepted, Failed, Started, Succeeded, Unknown};
use jiff::Timestamp;

use super::*;
use crate::store::executions::selection::{MAX_SCANNED, Selection};

on_both!(
    an_execution_is_read_as_it_was_recorded,
    lists_are_newest_first_and_paged,
    filters_are_exact,
    executions_outlive_their_connector_and_its_names,
    unfinished_ones_become_unknown,
    a_rare_filter_reads_the_table_in_parts,
    one_is_deleted_when_it_has_ended,
);

async fn one_is_deleted_when_it_has_ended(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let (begun, ended) = (started(&widget), succeeded(started(&widget)));
    record(&db, [begun.clone(), ended.clone()]).await;
    let executions = db.store.executions();
    assert!(matches!(executions.delete(begun.id).await, Err(StoreError::Unfinished)));
    executions.delete(ended.id).await.unwrap();
    assert!(matches!(executions.delete(ended.id).await, Err(StoreError::NotFound { .. })));
    assert!(matches!(executions.delete(new_id()).await, Err(StoreError::NotFound { .. })));
    let filter = AuditFilter { subject: Some(AuditSubject::Execution), ..AuditFilter::default() };
    let trail = db.store.audit().list(&filter, &PageRequest::default()).await.unwrap().items;
    assert_eq!(trail.len(), 1, "{trail:?}");
    assert_eq!((trail[0].subject_id.as_deref(), trail[0].action), (Some(&*ended.id.to_string()), AuditAction::Deleted));
    let before = trail[0].before.as_ref().unwrap();
    assert_eq!((&before["status"], &before["command"]), (&"succeeded".into(), &"listWidgets".into()));
    assert!(!before.contains_key("params") && !before.contains_key("result"), "{before:?}");
    executions.abandon_ownerless().await.unwrap();
    executions.delete(begun.id).await.unwrap();
}

async fn record(db: &TestDb, rows: impl IntoIterator<Item = ExecutionRow>) {
    let recorder = Recorder::spawn(&db.store);
    for row in rows {
        recorder.finish(row).await.unwrap();
    }
    recorder.close().await;
}

async fn an_execution_is_read_as_it_was_recorded(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let full = ExecutionRow {
        mocked: true,
        deprecated: true,
        source: ExecutionSource::Mcp,
        step_id: Some("step 1 — ü".to_owned()),
        run_id: Some("run-1".to_owned()),
        truncated: TruncatedParts { result: Some(TrueSize { bytes: 300_000 }), ..TruncatedParts::default() },
        ..succeeded(started(&widget))
    };
    let refused = ExecutionRow { command: None, status: ExecutionStatus::Failed, ..started(&widget) };
    record(&db, [full.clone(), refused.clone()]).await;
    assert_eq!(db.store.executions().get(full.id).await.unwrap(), full);
    assert_eq!(db.store.executions().get(refused.id).await.unwrap(), refused);
    assert!(matches!(
        db.store.executions().get(new_id()).await,
        Err(StoreError::NotFound { entity: Entity::Execution, .. })
    ));
}

async fn lists_are_newest_first_and_paged(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let mut rows: Vec<ExecutionRow> = (0..7).map(|_| succeeded(started(&widget))).collect();
    record(&db, rows.clone()).await;
    rows.reverse();
    let filter = ExecutionFilter { connector: Some("widget".to_owned()), success: Some(true), ..Default::default() };
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let part = db.store.executions().list(&filter, &page(3, cursor)).await.unwrap();
        seen.extend(part.items);
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, rows.iter().map(listed).collect::<Vec<_>>());
    let refused = db.store.executions().list(&filter, &page(3, Some("nonsense".to_owned()))).await;
    assert!(matches!(refused, Err(StoreError::BadCursor)), "{refused:?}");
}

async fn filters_are_exact(db: TestDb) {
    let (one, two) = (widget(&db.store, "one").await, widget(&db.store, "two").await);
    let token = new_id();
    let good = ExecutionRow {
        run_id: Some("run-1".to_owned()),
        source: ExecutionSource::Cli,
        actor: Some(Actor { token_id: Some(token), name: "one".to_owned() }),
        ..succeeded(started(&one))
    };
    let bad =
        ExecutionRow { status: ExecutionStatus::Failed, command: Some("test".to_owned()), ..succeeded(started(&one)) };
    let running = started(&two);
    // Ids of three different milliseconds, so that each time names one.
    let at = |row: ExecutionRow, ms: u64| ExecutionRow { id: id_at(1_800_000_000_000 + ms), ..row };
    let (good, bad, running) = (at(good, 1), at(bad, 2), at(running, 3));
    let type_id = one.type_id.to_string();
    record(&db, [good.clone(), bad.clone(), running.clone()]).await;
    let some = |text: &str| Some(text.to_owned());
    let none = ExecutionFilter::default;
    let states = |states: &[ExecutionStatus]| ExecutionFilter { status: states.to_vec(), ..none() };
    for (filter, expected) in [
        (none(), vec![&running, &bad, &good]),
        (ExecutionFilter { connector: some("one"), ..none() }, vec![&bad, &good]),
        (ExecutionFilter { connector: some(&one.id.to_string()), ..none() }, vec![&bad, &good]),
        (ExecutionFilter { connector: some("On"), ..none() }, vec![]),
        (ExecutionFilter { connector: some(&new_id().to_string()), ..none() }, vec![]),
        (ExecutionFilter { command: some("listWidgets"), ..none() }, vec![&running, &good]),
        (ExecutionFilter { command: some("listwidgets"), ..none() }, vec![]),
        (ExecutionFilter { success: Some(true), ..none() }, vec![&good]),
        (ExecutionFilter { success: Some(false), ..none() }, vec![&bad]),
        (ExecutionFilter { run_id: some("run-1"), ..none() }, vec![&good]),
        (ExecutionFilter { run_id: some("run-1"), success: Some(false), ..none() }, vec![]),
        (ExecutionFilter { connector: some("one"), command: some("test"), success: Some(false), ..none() }, vec![&bad]),
        (ExecutionFilter { type_name: some("one"), ..none() }, vec![&bad, &good]),
        (ExecutionFilter { type_name: some(&type_id), ..none() }, vec![&bad, &good]),
        (ExecutionFilter { type_name: some(&new_id().to_string()), ..none() }, vec![]),
        (ExecutionFilter { type_name: some("two"), source: Some(ExecutionSource::Rest), ..none() }, vec![&running]),
        (ExecutionFilter { source: Some(ExecutionSource::Cli), ..none() }, vec![&good]),
        (ExecutionFilter { source: Some(ExecutionSource::Ui), ..none() }, vec![]),
        (ExecutionFilter { token: Some(token), ..none() }, vec![&good]),
        (ExecutionFilter { token: Some(token), type_name: some("two"), ..none() }, vec![]),
        (ExecutionFilter { token: Some(token), success: Some(true), run_id: some("run-1"), ..none() }, vec![&good]),
        (states(&[Started]), vec![&running]),
        (states(&[Failed]), vec![&bad]),
        (states(&[Failed, Unknown]), vec![&bad]),
        (states(&[Accepted, Started]), vec![&running]),
        (states(&[Unknown]), vec![]),
        (states(&[Succeeded, Failed]), vec![&bad, &good]),
        (ExecutionFilter { success: Some(true), ..states(&[Succeeded, Failed]) }, vec![&good]),
        (ExecutionFilter { success: Some(true), ..states(&[Failed]) }, vec![]),
        (ExecutionFilter { since: Some(time_of_id(bad.id)), ..none() }, vec![&running, &bad]),
        (ExecutionFilter { until: Some(time_of_id(bad.id)), ..none() }, vec![&good]),
        (
            ExecutionFilter { since: Some(time_of_id(bad.id)), until: Some(time_of_id(running.id)), ..none() },
            vec![&bad],
        ),
        (ExecutionFilter { since: Some(Timestamp::MAX), ..none() }, vec![]),
        (ExecutionFilter { until: Some(Timestamp::MIN), ..none() }, vec![]),
        (
            ExecutionFilter { since: Some(Timestamp::MIN), until: Some(Timestamp::MAX), ..none() },
            vec![&running, &bad, &good],
        ),
    ] {
        let found = db.store.executions().list(&filter, &PageRequest::default()).await.unwrap().items;
        assert_eq!(found, expected.into_iter().map(listed).collect::<Vec<_>>(), "{filter:?}");
    }
}

async fn executions_outlive_their_connector_and_its_names(db: TestDb) {
    let connectors = db.store.connectors();
    let first = widget(&db.store, "widget").await;
    let before = succeeded(started(&first));
    record(&db, [before.clone()]).await;
    let renamed =
        connectors.update(first.id, 1, ConnectorFields::named("renamed"), SecretChanges::default()).await.unwrap();
    let after = succeeded(started(&renamed));
    record(&db, [after.clone()]).await;
    let filter = ExecutionFilter { connector: Some("renamed".to_owned()), ..Default::default() };
    let found = db.store.executions().list(&filter, &PageRequest::default()).await.unwrap().items;
    assert_eq!(found, [listed(&after), listed(&before)], "a rename keeps its history");
    connectors.delete(first.id, None).await.unwrap();
    let again = connectors
        .create(new_id(), ConnectorFields::named("widget"), TypeChoice::Existing(first.type_id), Vec::new())
        .await
        .unwrap();
    let latest = succeeded(started(&again));
    record(&db, [latest.clone()]).await;
    for (key, expected) in [
        ("widget".to_owned(), vec![latest.clone()]),
        ("renamed".to_owned(), vec![]),
        (first.id.to_string(), vec![after, before]),
        (again.id.to_string(), vec![latest]),
    ] {
        let filter = ExecutionFilter { connector: Some(key.clone()), ..Default::default() };
        let found = db.store.executions().list(&filter, &PageRequest::default()).await.unwrap().items;
        assert_eq!(found, expected.iter().map(listed).collect::<Vec<_>>(), "{key}");
    }
}

async fn unfinished_ones_become_unknown(db: TestDb) {
    let widget = widget(&db.store, "widget").await;
    let (begun, ended) = (started(&widget), succeeded(started(&widget)));
    let accepted = ExecutionRow { status: ExecutionStatus::Accepted, ..started(&widget) };
    record(&db, [begun.clone(), ended.clone(), accepted.clone()]).await;
    assert_eq!(db.store.executions().abandon_ownerless().await.unwrap(), 2);
    assert_eq!(db.store.executions().abandon_ownerless().await.unwrap(), 0);
    for (id, status) in [
        (begun.id, ExecutionStatus::Unknown),
        (accepted.id, ExecutionStatus::Unknown),
        (ended.id, ExecutionStatus::Succeeded),
    ] {
        assert_eq!(db.store.executions().get(id).await.unwrap().status, status);
    }
    // It was still running after all.
    record(&db, [succeeded(begun.clone())]).await;
    assert_eq!(db.store.executions().get(begun.id).await.unwrap(), succeeded(begun));
}

/// Every combination of filters: nothing is sorted, and nothing but the lead's index is read.
#[tokio::test]
async fn each_combination_of_filters_reads_one_index_in_order() {
    use sqlx::Row as _;
    let db = TestDb::sqlite().await;
    let plan = async |statement: sql::Statement| -> Vec<String> {
        let mut explain = sql::Statement::new("EXPLAIN QUERY PLAN ");
        explain.append(statement);
        let plan = explain.query().persistent(false).fetch_all(&db.store.read).await.unwrap();
        plan.iter().map(|row| row.get("detail")).collect()
    };
    let sets =
        [vec![], vec![Succeeded], vec![Failed], vec![Unknown, Failed], vec![Accepted, Started], vec![Started, Failed]];
    let mut seen = BTreeSet::new();
    for bits in 0..512_u32 {
        let has = |bit: u32| bits & (1 << bit) != 0;
        let some = |bit: u32| has(bit).then(|| "x".to_owned());
        // Each set meets each of the other filters, not each of their combinations.
        let sets = if bits.count_ones() < 3 { &sets[..] } else { &sets[bits as usize % 6..][..1] };
        for states in sets {
            let filter = ExecutionFilter {
                connector: some(0),
                command: some(1),
                type_name: some(2),
                source: has(3).then_some(ExecutionSource::Mcp),
                token: has(4).then(new_id),
                run_id: some(5),
                since: has(6).then(now),
                until: has(7).then(now),
                success: has(8).then_some(false),
                status: states.clone(),
            };
            let of = Selection::of(&filter, has(0).then(|| vec![new_id()]), filter.type_name.clone(), &page(50, None))
                .unwrap();
            let Some(selection) = of else { continue };
            for lead in selection.leads() {
                let last = new_id().to_string();
                for statement in [selection.last_scanned(lead), selection.rows(lead, Some(&last), 51)] {
                    let plan = plan(statement).await;
                    assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
                    let index = plan[0].split(" INDEX ").nth(1).unwrap_or_else(|| panic!("{filter:?}: {plan:?}"));
                    let index = index.split(' ').next().unwrap().to_owned();
                    assert_eq!(index == "sqlite_autoindex_execution_1", lead.is_none(), "{filter:?}: {plan:?}");
                    seen.insert(index);
                }
            }
        }
    }
    let wanted = ["by_command", "by_connector", "by_run", "by_token", "unfinished", "unsuccessful"];
    let wanted = wanted.iter().map(|name| format!("execution_{name}"));
    assert_eq!(seen, wanted.chain(["sqlite_autoindex_execution_1".to_owned()]).collect());
}

/// A filter without an index looks at a bounded number of rows for a page, and its cursor leads to the others.
async fn a_rare_filter_reads_the_table_in_parts(db: TestDb) {
    fill(&db, now(), MAX_SCANNED * 2 + 10).await;
    db.execute("UPDATE execution SET source = 'mcp' WHERE id LIKE '%000000000001' OR id LIKE '%000000000005'").await;
    let executions = db.store.executions();
    let rare = ExecutionFilter { source: Some(ExecutionSource::Mcp), ..Default::default() };
    let (mut found, mut pages, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let part = executions.list(&rare, &page(50, cursor)).await.unwrap();
        pages.push(part.items.len());
        found.extend(part.items.into_iter().map(|item| item.id.to_string()[24..].to_owned()));
        cursor = part.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (vec!["000000000005".to_owned(), "000000000001".to_owned()], vec![0, 0, 2]));
    // Together with a filter whose index has few rows, that one leads, and one page has all.
    db.execute("UPDATE execution SET run_id = 'r' WHERE id LIKE '%5'").await;
    let led = ExecutionFilter { run_id: Some("r".to_owned()), command: Some("listWidgets".to_owned()), ..rare.clone() };
    let part = executions.list(&led, &page(50, None)).await.unwrap();
    assert_eq!((part.items.len(), part.next_cursor), (1, None));
    // A cursor stays valid when its row is removed.
    let all = ExecutionFilter::default();
    let first = executions.list(&all, &page(50, None)).await.unwrap();
    db.execute("DELETE FROM execution WHERE id > '0' AND id NOT LIKE '%7'").await;
    let rest = executions.list(&all, &page(500, first.next_cursor)).await.unwrap().items;
    assert!(rest.len() == 500 && rest.iter().all(|item| item.id < first.items[49].id), "{}", rest.len());
}
