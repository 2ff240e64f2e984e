//! Pages of types at their limits: what does not fit is said, never left out in silence.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::browser::Browser;
use super::types::change_of;
use crate::store::ConnectorBound;
use crate::store::tests::{TestDb, on_both};
use crate::testing::TestServer;

on_both!(of_many_calls_the_newest_are_read);

/// The calls of a connector and those of deprecated commands are read up to a number, whatever it is.
async fn of_many_calls_the_newest_are_read(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let config = json!({ "baseUrl": "https://api.example.com", "apiKey": "key" });
    server.connector("one", "safe", config).await;
    for _ in 0..5 {
        server.execute("one", json!({ "command": "hello" })).await.ok(200);
    }
    let id = server.get("/api/connectors/one").await.ok(200)["id"].as_str().unwrap().parse().unwrap();
    let since = crate::store::now() - SignedDuration::from_hours(1);
    for (most, found) in [(3, 3), (5, 5), (100, 5)] {
        let executions = server.app.store.executions();
        let calls = executions.recent_calls(id, since, &BTreeSet::from(["hello"]), false, most).await.unwrap();
        assert_eq!(calls.iter().map(|call| call.calls).sum::<u64>(), found, "at most {most}");
        let uses = executions.deprecated_uses("safe", since, &ConnectorBound::All, 10, most).await.unwrap();
        assert_eq!(uses.iter().map(|used| used.calls).sum::<u64>(), found, "at most {most}");
    }
    server.app.close().await;
}

#[tokio::test]
async fn a_type_of_many_commands_has_several_pages() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let commands: Map<String, Value> = (0..201).map(|number| (format!("list{number:03}"), json!({}))).collect();
    let schema = json!({ "connectionConfig": {}, "commands": commands });
    let body = json!({ "name": "many", "type": "many", "executionModel": "external", "version": "1.0.0", "configSchema": schema });
    admin.make(&body).await;
    let page = admin.get("/types/many").await.ok().shows("1 to 200 of 201").shows("list199").hides("list200<");
    assert!(page.text.contains("?from=200"), "{}", page.text);
    admin.get("/types/many?from=200").await.ok().shows("201 to 201 of 201").shows("list200").hides("list199<");
    admin.get("/types/many?q=list200").await.ok().shows("list200").hides("list199<");
}

#[tokio::test]
async fn a_change_that_touches_many_connectors_names_the_first() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let with = |home: &str, more: Value| {
        let mut fields = json!({
            "baseUrl": { "type": "string", "format": "uri", "default": home },
            "apiKey": { "type": "string", "secret": true }
        });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "connectionConfig": fields, "commands": { "list": {} } })
    };
    let old = with("https://acme.example.com", json!({ "region": { "type": "string" } }));
    for number in 0..52 {
        let mut body = json!({ "name": format!("shop-{number:02}"), "type": "shop", "executionModel": "external",
            "config": { "apiKey": "canary-key", "region": "eu" } });
        if number == 0 {
            body["version"] = json!("1.0.0");
            body["configSchema"] = old.clone();
        }
        admin.make(&body).await;
    }
    let at = "/types/shop/schema/edit";
    let page = admin.get(at).await.ok();
    let new = with("https://evil.example.com", json!({})).to_string();
    let sent = page.form(at, &[("/schemaView", "json"), ("/configSchema", &new)]);
    let page = admin.post(at, &sent).await.ok().shows("region of the connection").shows("And 2 more.");
    let page = page.shows("And those of 2 more connectors.").shows("shop-49").hides("canary");
    assert!(!page.text.contains("shop-50") && !page.text.contains("shop-51"), "{}", page.text);
    let change = change_of(&page);
    admin.post(&change, &page.form(&change, &[("sure", "yes")])).await.ok().shows("shop 2.0.0 is saved.");
}
