//! What the pages show to tokens for a part: those that are bound to connectors, and those that run what reads alone.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::browser::Browser;
use crate::testing::TestServer;
use crate::ui;

/// The name of a connector that the token does not reach.
const FAR: &str = "far-canary";

async fn token(server: &TestServer, scopes: &[&str], names: &[&str]) -> String {
    let mut body = json!({ "name": "part", "kind": "api", "scopes": scopes });
    if !names.is_empty() {
        body["connectorNames"] = json!(names);
    }
    server.post("/api/tokens", body).await.ok(201)["token"].as_str().unwrap().to_owned()
}

async fn make(server: &TestServer, name: &str) -> String {
    server.connector(name, "odd", json!({})).await["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn no_page_shows_a_bounded_token_another_connector() {
    let server = TestServer::start().await;
    let (_, far) = (make(&server, "near").await, make(&server, FAR).await);
    let execution = server.execute(FAR, json!({ "command": "ping" })).await.header("x-execution-id").to_owned();
    server.execute("near", json!({ "command": "ping" })).await.ok(200);
    let agent = json!({ "name": "site", "kind": "agent", "scopes": [], "agentId": "a", "connectorNames": [FAR] });
    server.post("/api/tokens", agent).await.ok(201);
    let bounded = Browser::signed_in(&server, &token(&server, &["admin"], &["near"]).await).await;
    let before = server.get("/api/connectors/far-canary").await.ok(200);
    // Every page, as if what it names was the other connector, its execution or their type.
    for row in ui::table().iter().filter(|row| !row.path.starts_with("/log") && row.path != "/connectors/{id}/delete") {
        let of_connector = row.path.starts_with("/connectors/{id}");
        let of_execution = row.path.starts_with("/executions/{id}");
        let id = match () {
            () if of_connector => far.as_str(),
            () if of_execution => execution.as_str(),
            () if row.path.starts_with("/types/") => "odd",
            () => "018f2f6e-7b7a-7c3e-8000-000000000000",
        };
        let path = row.path.replace("{id}", id).replace("{command}", "ping").replace("{step}", "review");
        let path = path.replace("{code}", "nonsense").replace("{draft}", "018f2f6e-7b7a-7c3e-8000-000000000000");
        let path = path.replace("{version}", "0.1.0");
        let place = format!("{} {path}", row.method);
        let page = bounded.start(&row.method, &path).await;
        assert!(page.status < 500, "{place}: {}", page.status);
        assert!(!page.text.contains(FAR), "{place}: {}", page.text);
        if of_connector || of_execution {
            assert_eq!(page.status, 404, "{place}: {}", page.text);
        }
    }
    bounded.send("POST", &format!("/connectors/{far}/delete"), "name=far-canary", &[]).await.has_status(404);
    assert_eq!(server.get("/api/connectors/far-canary").await.ok(200), before);
    for path in
        ["/", "/connectors", "/connectors?q=", "/search?q=far", "/search?q=canary", "/types/odd/used-by", "/types/odd"]
    {
        bounded.get(path).await.ok().hides(FAR);
    }
    bounded.get("/connectors").await.ok().shows("near");
    bounded.get("/types/odd/used-by").await.ok().shows("near");
    bounded.get("/executions").await.ok().shows("near").hides(&execution);
    bounded.get(&format!("/executions?connector={far}")).await.ok().hides(&execution);
    bounded.get("/settings/tokens").await.ok().shows("only near").hides("site");
    bounded.get("/connectors/far-canary").await.has_status(404);
}

#[tokio::test]
async fn a_live_list_has_the_rows_of_the_bound_alone() {
    let server = TestServer::start().await;
    for name in ["near", FAR] {
        make(&server, name).await;
    }
    let bounded = Browser::signed_in(&server, &token(&server, &["audit:read"], &["near"]).await).await;
    let runner = token(&server, &["connectors:execute"], &[]).await;
    let own = Browser::signed_in(&server, &runner).await;
    let mut lists = Vec::new();
    for browser in [&bounded, &own] {
        let response = browser.response("GET", "/executions/live", "", &[]).await;
        lists.push(response.into_body().into_data_stream());
    }
    for name in [FAR, "near"] {
        server.execute(name, json!({ "command": "ping" })).await.ok(200);
    }
    // Of the own executions there is none yet: the first one that comes is of the own token.
    let post =
        axum::http::Request::post("/api/connectors/near/execute").header("authorization", format!("Bearer {runner}"));
    let post = post.header("content-type", "application/json").body(r#"{"command":"test"}"#.into()).unwrap();
    server.send(post).await.ok(200);
    for (list, wanted, hidden) in [(0, ">near<", FAR), (1, ">test<", ">ping<")] {
        let mut text = String::new();
        while !text.contains(wanted) {
            let part = timeout(Duration::from_secs(20), lists[list].next()).await.expect("a row").unwrap().unwrap();
            text.push_str(std::str::from_utf8(&part).unwrap());
        }
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[tokio::test]
async fn a_reading_token_is_told_what_it_may_not_run_and_sees_its_own_calls() {
    let server = TestServer::start().await;
    make(&server, "odd-one").await;
    server.execute("odd-one", json!({ "command": "babble" })).await.ok(200);
    let text = token(&server, &["connectors:read", "connectors:execute:read"], &[]).await;
    let reading = Browser::signed_in(&server, &text).await;
    let page = reading.get("/connectors/odd-one/commands/hold").await.ok();
    page.shows("Needs the scope connectors:execute: this command is not declared to read only");
    reading.get("/connectors/odd-one/commands").await.ok().shows("not yours to run");
    let refused = reading.send("POST", "/connectors/odd-one/commands/hold", "/params/gate=x", &[]).await;
    refused.has_status(403).shows("connectors:execute");
    let page = reading.get("/connectors/odd-one/commands/ping").await.ok();
    let form = page.form("/connectors/odd-one/commands/ping", &[]);
    reading.post("/connectors/odd-one/commands/ping", &form).await.ok().shows("pong");
    let list = reading.get("/executions").await.ok().shows("Those of this token").shows("ping");
    list.hides("babble");
    reading.get("/connectors/odd-one/executions").await.ok().shows("ping").hides("babble");
    reading.get("/connectors/odd-one").await.ok().shows("Your own executions");
}

#[tokio::test]
async fn the_form_of_a_token_takes_connectors() {
    let server = TestServer::start().await;
    let admin = Browser::admin(&server).await;
    let page = admin.get("/settings/tokens/new").await.ok();
    let changes = [("name", "crm-agent"), ("scopes", "connectors:execute:read"), ("connectorNames", "crm, erp")];
    admin.post("/settings/tokens", &page.form("/settings/tokens", &changes)).await.ok().shows("shown this once");
    let made = server.get("/api/tokens").await.ok(200)["items"][0].clone();
    assert_eq!(
        (&made["connectorNames"], &made["scopes"]),
        (&json!(["crm", "erp"]), &json!(["connectors:execute:read"]))
    );
    admin.get("/settings/tokens").await.ok().shows("only crm, erp");
    let wrong = [("name", "x"), ("scopes", "admin"), ("connectorNames", "Not-A-Name")];
    let page = admin.get("/settings/tokens/new").await.ok();
    admin.post("/settings/tokens", &page.form("/settings/tokens", &wrong)).await.has_status(422).shows("Connectors");
    assert_eq!(server.get("/api/tokens").await.ok(200)["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_wizard_refuses_a_name_beyond_the_bound_at_once() {
    let server = TestServer::start().await;
    let bounded = Browser::signed_in(&server, &token(&server, &["admin"], &["near"]).await).await;
    let refusal = bounded.send("GET", "/new/name?value=elsewhere", "", &[]).await.has_status(200);
    assert!(refusal.text.contains("it reaches near"), "{}", refusal.text);
    assert_eq!(bounded.send("GET", "/new/name?value=near", "", &[]).await.has_status(200).text, "");
    let items: Value = server.get("/api/connectors").await.ok(200)["items"].clone();
    assert_eq!(items, json!([]));
}
