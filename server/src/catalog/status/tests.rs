//! Statuses of connectors, and lists of those that have one.

use serde_json::{Value, json};

use super::*;
use crate::auth::RequestId;
use crate::error::ErrorKind;
use crate::store::ExecutionSource;
use crate::testing::TestServer;

async fn page(server: &TestServer, status: Option<ConnectorStatus>, limit: u32, cursor: Option<String>) -> StatusPage {
    let (ctx, page) = (OpContext::system(), PageRequest { limit, cursor });
    list_with_status(&ctx, &server.app, &ConnectorFilter::default(), status, &page).await.unwrap()
}

async fn names(server: &TestServer, status: Option<ConnectorStatus>) -> Vec<String> {
    let found = page(server, status, 500, None).await;
    assert!(found.next_cursor.is_none() && !found.is_cut);
    found.items.into_iter().map(|item| item.view.name).collect()
}

async fn external(server: &TestServer, name: &str, endpoint: Value) {
    let schema = json!({ "commands": { "ping": {} } });
    let body = json!({ "name": name, "type": name, "executionModel": "external", "version": "1.0.0", "configSchema": schema,
        "endpointUrl": endpoint });
    server.post("/api/connectors", body).await.ok(201);
}

#[tokio::test]
async fn each_connector_has_the_first_status_that_holds() {
    let server = TestServer::start().await;
    server.connector("ready", "odd", json!({})).await;
    server.connector("off", "odd", json!({})).await;
    server.connector("mocked", "odd", json!({})).await;
    server.connector("half", "odd", json!({})).await;
    server.connector("empty", "safe", json!({})).await;
    external(&server, "lonely", json!(null)).await;
    external(&server, "service", json!("https://service.example.com")).await;
    let on = json!({ "enabled": true, "data": { "ping": { "success": true } } });
    // Something in the settings that is enabled, while mocks are not.
    let said = json!({ "data": { "ping": { "success": true, "payload": { "enabled": true } } } });
    server.put("/api/connectors/mocked", json!({ "mock": on })).await.ok(200);
    server.put("/api/connectors/half", json!({ "mock": said })).await.ok(200);
    server.put("/api/connectors/off", json!({ "enabled": false, "mock": on })).await.ok(200);
    let all = page(&server, None, 500, None).await.items;
    let statuses: Vec<(&str, &str)> = all.iter().map(|item| (item.view.name.as_str(), item.status.as_str())).collect();
    assert_eq!(
        statuses,
        [
            ("service", "ready"),
            ("lonely", "no_agent"),
            ("empty", "fields_missing"),
            ("half", "ready"),
            ("mocked", "mock_on"),
            ("off", "disabled"),
            ("ready", "ready")
        ]
    );
    for status in ConnectorStatus::ALL {
        let wanted: Vec<&str> =
            all.iter().filter(|item| item.status == status).map(|item| item.view.name.as_str()).collect();
        assert_eq!(names(&server, Some(status)).await, wanted, "{status:?}");
        assert_eq!(ConnectorStatus::parse(status.as_str()), Some(status));
    }
    assert_eq!(ConnectorStatus::parse("Ready"), None);
    let token = server.token(&["types:read"]).await;
    let identity = server.app.auth.authenticate(&token).await.unwrap();
    let weak = OpContext::of_token(identity, ExecutionSource::Ui, RequestId::new());
    let (filter, first) = (ConnectorFilter::default(), PageRequest::default());
    let denied = list_with_status(&weak, &server.app, &filter, None, &first).await.unwrap_err();
    assert_eq!(denied.kind(), ErrorKind::Denied(Some("connectors:read")));
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended() {
    let server = TestServer::start().await;
    for number in 0..30 {
        let kind = if number % 3 == 0 { "safe" } else { "odd" };
        server.connector(&format!("c{number}"), kind, json!({})).await;
    }
    let wanted = names(&server, Some(ConnectorStatus::FieldsMissing)).await;
    assert_eq!(wanted.len(), 10);
    for status in [Some(ConnectorStatus::FieldsMissing), None] {
        let wanted = names(&server, status).await;
        let (mut found, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let part = page(&server, status, 5, cursor).await;
            found.extend(part.items.into_iter().map(|item| item.view.name));
            (cursor, pages) = (part.next_cursor, pages + 1);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((&found, pages <= wanted.len() / 5 + 1), (&wanted, true), "{pages}");
    }
    let q = ConnectorFilter { q: Some("c1".to_owned()), ..ConnectorFilter::default() };
    let (ctx, first, missing) = (OpContext::system(), PageRequest::default(), Some(ConnectorStatus::FieldsMissing));
    let some = list_with_status(&ctx, &server.app, &q, missing, &first).await.unwrap();
    let some: Vec<String> = some.items.into_iter().map(|item| item.view.name).collect();
    assert_eq!(some, ["c18", "c15", "c12"]);
    let wrong = PageRequest { limit: 5, cursor: Some("nonsense".to_owned()) };
    let refused = list_with_status(&ctx, &server.app, &q, None, &wrong).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_page_looks_at_so_many_and_says_that_there_may_be_more() {
    let server = TestServer::start().await;
    let made = server.connector("rare", "safe", json!({})).await;
    let type_of = server.get("/api/connector-types/odd").await.ok(200)["id"].as_str().unwrap().to_owned();
    // Newer ones, none of which fits: written past the use case, because there are many.
    crate::store::tests::many_connectors(&server.app.store, &type_of, MAX_STATUS_SCAN + 100).await;
    let missing = Some(ConnectorStatus::FieldsMissing);
    let first = page(&server, missing, 50, None).await;
    assert_eq!((first.items.len(), first.is_cut), (0, true));
    let second = page(&server, missing, 50, first.next_cursor).await;
    let ids: Vec<String> = second.items.iter().map(|item| item.view.id.to_string()).collect();
    assert_eq!((ids, second.is_cut, second.next_cursor), (vec![made["id"].as_str().unwrap().to_owned()], false, None));
}
