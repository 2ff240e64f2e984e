//! What lists have for a caller that is bound to connectors, and what they read for it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::*;
use crate::store::executions::selection::{MAX_SCANNED, Selection};

on_both!(
    lists_of_a_bound_have_its_connectors_alone,
    a_bound_is_by_the_name_of_now,
    pages_of_a_bound_are_whole_and_cheap,
);

fn only(names: &[&str]) -> ConnectorBound {
    ConnectorBound::only(names.iter().copied())
}

/// Reads all pages of executions, of a few rows each.
async fn executions(store: &Store, filter: &ExecutionFilter, bound: &ConnectorBound) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let part = store.executions().list_within(filter, bound, &page(3, cursor)).await.unwrap();
        found.extend(part.items.into_iter().map(|row| row.connector));
        cursor = part.next_cursor;
        if cursor.is_none() {
            return found;
        }
    }
}

async fn record(store: &Store, rows: impl IntoIterator<Item = ExecutionRow>) {
    let recorder = Recorder::spawn(store);
    for row in rows {
        recorder.finish(row).await.unwrap();
    }
    recorder.close().await;
}

async fn lists_of_a_bound_have_its_connectors_alone(db: TestDb) {
    let store = &db.store;
    let mut made = Vec::new();
    for name in ["one", "two", "three"] {
        made.push(widget(store, name).await);
    }
    let mut rows = Vec::new();
    for _ in 0..5 {
        rows.extend(made.iter().map(|connector| succeeded(started(connector))));
    }
    let own = rows[3].actor.as_ref().unwrap().token_id;
    record(store, rows).await;
    for names in [&[][..], &["one"], &["one", "three"], &["three", "nobody"], &["one", "three", "two"]] {
        let (bound, wanted) = (only(names), made.iter().map(|row| row.fields.name.as_str()));
        let wanted: BTreeSet<&str> = wanted.filter(|name| names.contains(name)).collect();
        let is_wanted = |name: &str| wanted.contains(name);
        let filter = Only { bound: bound.clone(), ..Only::default() };
        let listed = store.connectors().list_only(&ConnectorFilter::default(), &filter, &page(50, None)).await.unwrap();
        let listed: BTreeSet<String> = listed.items.into_iter().map(|row| row.fields.name).collect();
        assert_eq!(listed.iter().map(String::as_str).collect::<BTreeSet<_>>(), wanted, "{names:?}");
        assert_eq!(store.connectors().count(&bound).await.unwrap(), wanted.len() as u64);
        let lines = store.connectors().find_lines("e", &bound, 10).await.unwrap();
        assert!(lines.iter().all(|line| is_wanted(&line.name)), "{names:?}: {lines:?}");
        let found = executions(store, &ExecutionFilter::default(), &bound).await;
        assert_eq!(found.len(), wanted.len() * 5, "{names:?}");
        assert!(found.iter().all(|name| is_wanted(name)), "{names:?}: {found:?}");
        for connector in &made {
            let (name, filter) = (&connector.fields.name, |key: String| ExecutionFilter {
                connector: Some(key),
                ..ExecutionFilter::default()
            });
            let number = if is_wanted(name) { 5 } else { 0 };
            assert_eq!(executions(store, &filter(name.clone()), &bound).await.len(), number, "{names:?} {name}");
            assert_eq!(executions(store, &filter(connector.id.to_string()), &bound).await.len(), number);
            let (of, has) =
                (connector.type_id, store.connectors().has_beyond(&bound, connector.type_id).await.unwrap());
            assert_eq!(has, !is_wanted(name), "{names:?} {name}");
            assert_eq!(store.connectors().lines_of(of, &bound, &page(9, None)).await.unwrap().items.len(), number / 5);
            let numbers = store.connectors().count_by_type(&bound).await.unwrap();
            assert_eq!(numbers.get(&of).copied().unwrap_or_default(), (number / 5) as u64);
        }
        // Together with other filters, whichever index leads.
        let succeeded = ExecutionFilter { status: vec![ExecutionStatus::Succeeded], ..ExecutionFilter::default() };
        assert_eq!(executions(store, &succeeded, &bound).await.len(), found.len());
        let of_token = ExecutionFilter { token: own, ..ExecutionFilter::default() };
        assert_eq!(executions(store, &of_token, &bound).await.len(), usize::from(is_wanted("one")), "{names:?}");
        let trail = store.audit().list(&AuditFilter::default(), &bound, &page(50, None)).await.unwrap().items;
        let connectors = trail.iter().filter(|entry| entry.subject == AuditSubject::Connector);
        assert_eq!(connectors.clone().count(), wanted.len(), "{names:?}");
        assert!(connectors.clone().all(|entry| is_wanted(&entry.subject_name)), "{names:?}");
        let types = trail.iter().filter(|entry| entry.subject == AuditSubject::ConnectorType);
        assert_eq!(types.count(), 3, "types are not bounded");
    }
    let ids: Vec<Uuid> = made.iter().map(|row| row.id).collect();
    assert_eq!(store.connectors().within(&only(&["two"]), &ids).await.unwrap(), [ids[1]]);
    assert_eq!(store.connectors().within(&ConnectorBound::All, &ids).await.unwrap(), ids);
}

async fn a_bound_is_by_the_name_of_now(db: TestDb) {
    let store = &db.store;
    let made = widget(store, "crm").await;
    record(store, [succeeded(started(&made))]).await;
    let (crm, old) = (only(&["crm"]), only(&["crm-old"]));
    let all = ExecutionFilter::default();
    assert_eq!((executions(store, &all, &crm).await.len(), executions(store, &all, &old).await.len()), (1, 0));
    let renamed = ConnectorFields { name: "crm-old".to_owned(), ..made.fields.clone() };
    store.connectors().update(made.id, made.revision, renamed, SecretChanges::default()).await.unwrap();
    assert_eq!((executions(store, &all, &crm).await.len(), executions(store, &all, &old).await.len()), (0, 1));
    let trail = async |bound: &ConnectorBound| {
        let filter = AuditFilter { subject: Some(AuditSubject::Connector), ..AuditFilter::default() };
        store.audit().list(&filter, bound, &page(50, None)).await.unwrap().items.len()
    };
    // What was done under the name stays to be seen under it; the renamed connector takes its past along.
    assert_eq!((trail(&crm).await, trail(&old).await), (1, 2));
    store.connectors().delete(made.id, None).await.unwrap();
    assert_eq!(executions(store, &all, &old).await.len(), 0, "a connector that is gone bears no name");
}

/// A page of several connectors reads their indexes, each in the order of the ids, and sorts nothing; with further filters it
/// looks at a share of the rows of each, and its cursor leads on.
async fn pages_of_a_bound_are_whole_and_cheap(db: TestDb) {
    let many = MAX_SCANNED + 700;
    fill(&db, now(), many).await;
    let (rare, busy) = (widget(&db.store, "rare").await, widget(&db.store, "busy").await);
    // Every other row is of the busy one, the oldest three of the rare one; the rest is of others.
    db.run(
        "UPDATE execution SET connector_id = $1 WHERE CAST(substr(id, 25) AS INTEGER) % $2 = 0",
        &busy.id.to_string(),
        2,
    )
    .await;
    db.run(
        "UPDATE execution SET connector_id = $1, source = 'mcp' WHERE CAST(substr(id, 25) AS INTEGER) <= $2",
        &rare.id.to_string(),
        3,
    )
    .await;
    let bound = only(&["rare", "busy"]);
    let read = async |filter: &ExecutionFilter, limit: u32| {
        let (mut ids, mut pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let part = db.store.executions().list_within(filter, &bound, &page(limit, cursor)).await.unwrap();
            ids.extend(part.items.into_iter().map(|row| row.id));
            pages += 1;
            cursor = part.next_cursor;
            if cursor.is_none() {
                return (ids, pages);
            }
        }
    };
    let (ids, pages) = read(&ExecutionFilter::default(), 500).await;
    let number = (many / 2 - 1 + 3) as usize;
    assert_eq!((ids.len(), pages), (number, number.div_ceil(500)), "pages are full");
    assert!(ids.is_sorted_by(|one, next| one > next), "newest first, each once");
    let mcp = ExecutionFilter { source: Some(ExecutionSource::Mcp), ..ExecutionFilter::default() };
    let (ids, pages) = read(&mcp, 50).await;
    assert_eq!((ids.len(), pages), (3, 2), "a share of the busy one's rows is looked at for a page");
    if db.store.database_name() != "SQLite" {
        return;
    }
    let connectors = vec![rare.id, busy.id, new_id()];
    let filter = |since: Option<Timestamp>, source| ExecutionFilter { since, source, ..ExecutionFilter::default() };
    for filter in [filter(None, None), filter(Some(now()), None), filter(None, Some(ExecutionSource::Mcp))] {
        let of = Selection::of(&filter, Some(connectors.clone()), None, &page(50, None)).unwrap().unwrap();
        let [lead] = of.leads()[..] else { panic!("one index leads") };
        let last = new_id().to_string();
        for statement in [of.last_scanned(lead), of.rows(lead, None, 51), of.rows(lead, Some(&last), 51)] {
            let mut explain = sql::Statement::new("EXPLAIN QUERY PLAN ");
            explain.append(statement);
            let plan = explain.query().persistent(false).fetch_all(&db.store.read).await.unwrap();
            let plan: Vec<String> = plan.iter().map(|row| sqlx::Row::get(row, "detail")).collect();
            let text = plan.join("\n");
            assert!(!text.contains("TEMP B-TREE"), "nothing is sorted:\n{text}");
            assert!(plan[0].contains("sqlite_autoindex_execution_1 (id=?)"), "{text}");
            let each = "SEARCH execution USING COVERING INDEX execution_by_connector (connector_id=?";
            assert_eq!(plan.iter().filter(|line| line.contains(each)).count(), 3, "{text}");
            assert!(!text.contains("SCAN execution"), "{text}");
        }
    }
}
