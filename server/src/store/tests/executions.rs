//! Executions: found, listed by filter, marked unknown after their process died.

use super::*;

on_both!(
    an_execution_is_read_as_it_was_recorded,
    lists_are_newest_first_and_paged,
    filters_are_exact,
    executions_outlive_their_connector_and_its_names,
    unfinished_ones_become_unknown,
);

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
    let good = ExecutionRow { run_id: Some("run-1".to_owned()), ..succeeded(started(&one)) };
    let bad =
        ExecutionRow { status: ExecutionStatus::Failed, command: Some("test".to_owned()), ..succeeded(started(&one)) };
    let running = started(&two);
    record(&db, [good.clone(), bad.clone(), running.clone()]).await;
    let some = |text: &str| Some(text.to_owned());
    let none = ExecutionFilter::default;
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
    connectors.delete(first.id, None).await.unwrap();
    let again = connectors
        .create(new_id(), ConnectorFields::named("widget"), TypeChoice::Existing(first.type_id), Vec::new())
        .await
        .unwrap();
    let latest = succeeded(started(&again));
    record(&db, [latest.clone()]).await;
    for (key, expected) in [
        ("widget".to_owned(), vec![latest.clone(), before.clone()]),
        ("renamed".to_owned(), vec![after.clone()]),
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

#[tokio::test]
async fn each_filter_reads_an_index_in_order() {
    use sqlx::Row as _;
    let db = TestDb::sqlite().await;
    let id = new_id();
    let some = || Some("x".to_owned());
    let none = ExecutionFilter::default;
    for (filter, connector, index) in [
        (none(), None, "sqlite_autoindex_execution_1"),
        (none(), Some((vec![id], Some("x"))), "execution_by_connector"),
        (ExecutionFilter { success: Some(true), ..none() }, Some((vec![id], None)), "execution_by_connector"),
        (ExecutionFilter { command: some(), ..none() }, None, "execution_by_command"),
        (ExecutionFilter { run_id: some(), ..none() }, None, "execution_by_run"),
        (ExecutionFilter { success: Some(false), ..none() }, None, "execution_failed"),
    ] {
        let mut explain = sql::Statement::new("EXPLAIN QUERY PLAN ");
        explain.append(crate::store::executions::selection(&filter, connector, &page(50, None)).unwrap());
        let plan = explain.query().fetch_all(&db.store.read).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert_eq!(plan.len(), 1, "nothing is sorted: {plan:?}");
        assert!(plan[0].contains(index), "{filter:?}: {plan:?}");
    }
}
