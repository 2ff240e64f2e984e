//! Events are sent to subscribers after the change is in the database.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::changes::{Action, Change, Subject};
use crate::events::{Event, Told, Watcher};
use crate::store::ExecutionStatus;
use crate::store::tests::{TestDb, on_both};
use crate::testing::TestServer;

on_both!(calls_and_changes_are_told_in_their_order);

async fn next(watcher: &mut Watcher) -> Arc<Event> {
    match watcher.next().await {
        Some(Told::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

/// Expects a change as the next event, and returns the name of its subject and its action.
async fn changed(watcher: &mut Watcher) -> (String, Action) {
    match &*next(watcher).await {
        Event::Changed(Change { subject, action, certain: true }) => {
            let (Subject::Connector { name, .. } | Subject::ConnectorType { name, .. } | Subject::Token { name, .. }) =
                subject;
            (name.clone(), *action)
        }
        other => panic!("{other:?}"),
    }
}

async fn calls_and_changes_are_told_in_their_order(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let mut watcher = server.app.events.watch();
    let made = server.connector("mine", "odd", json!({})).await;
    assert_eq!(changed(&mut watcher).await, ("mine".to_owned(), Action::Created));
    for (command, status) in [("ping", ExecutionStatus::Succeeded), ("panic", ExecutionStatus::Failed)] {
        let answer = server.execute("mine", json!({ "command": command })).await;
        let event = next(&mut watcher).await;
        let Event::ExecutionFinished(told) = &*event else { panic!("{event:?}") };
        assert_eq!((told.connector.as_str(), told.command.as_deref()), ("mine", Some(command)));
        assert_eq!((told.status, told.connector_id.to_string().into()), (status, made["id"].clone()));
        assert_eq!(told.id.to_string(), answer.header("x-execution-id"));
        let row = server.app.store.executions().get(told.id).await.unwrap();
        assert_eq!((row.status, row.duration_ms), (told.status, told.duration_ms));
    }
    server.put("/api/connectors/mine", json!({ "tags": ["a"] })).await.ok(200);
    assert_eq!(changed(&mut watcher).await, ("mine".to_owned(), Action::Changed));
    server.put("/api/connector-types/odd", json!({ "description": "Another one." })).await.ok(200);
    assert_eq!(changed(&mut watcher).await, ("odd".to_owned(), Action::Changed));
    let token = json!({ "name": "ci", "kind": "api", "scopes": ["types:read"] });
    let token = server.post("/api/tokens", token).await.ok(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(changed(&mut watcher).await, ("ci".to_owned(), Action::Created));
    server.call("DELETE", &format!("/api/tokens/{token}"), Value::Null).await.ok(204);
    assert_eq!(changed(&mut watcher).await, ("ci".to_owned(), Action::Deleted));
    server.call("DELETE", "/api/connectors/mine", Value::Null).await.ok(204);
    assert_eq!(changed(&mut watcher).await, ("mine".to_owned(), Action::Deleted));
    server.app.close().await;
}
