//! One struct in three places: in the server, as an external service, on an agent. The results are equal.

use std::process::Command;

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::program::{floh_with_widget, widget_service};
use test_support::{Reply, Service, Setup, Site, Upstream};

use crate::fixture::{AGENT, KEY, execute};

#[tokio::test]
async fn the_widget_gives_the_same_results_in_all_three_places() {
    let api = Upstream::start(|request| match (request.query("limit"), request.target.as_str()) {
        (Some("404"), _) => Reply::json(404, &json!({ "message": "no such tenant" })),
        (Some("403"), _) => Reply::json(403, &json!({ "message": request.header("authorization") })),
        (Some("200"), _) => Reply::text(200, "no JSON"),
        (_, "/health") => Reply::json(200, &json!({})),
        _ => Reply::json(200, &json!({ "widgets": [{ "id": 7, "name": "ä" }, { "id": 2.5 }], "total": 9 })),
    })
    .await;
    let mut command = Command::new(widget_service());
    command.env("FLOH_LISTEN", "127.0.0.1:0").env("FLOH_EGRESS_ALLOW", api.address().to_string());
    let service = Service::start(&mut command).unwrap();
    let setup = Setup::of(floh_with_widget());
    let floh = setup.allow(api.address()).allow(service.address()).start().await;
    let client = floh.admin();
    let config = json!({ "baseUrl": api.url("/"), "apiKey": KEY, "tenant": "t1" });
    for (place, model, endpoint) in [
        ("in-process", "built_in", None),
        ("as-service", "external", Some(service.url(""))),
        ("on-agent", "external", None),
    ] {
        let mut body = json!({ "name": place, "type": "widget", "executionModel": model, "config": config });
        if let Some(endpoint) = endpoint {
            body["endpointUrl"] = json!(endpoint);
        }
        let made = client.post("/api/connectors", &body).await.expect(201);
        assert_eq!((&made["ready"], &made["version"]), (&json!(true), &json!("1.1.0")), "{made}");
    }
    let (_, secret) = token(&floh, AGENT, &["on-agent"]).await;
    let toml = format!("id = {AGENT:?}\nallow = [\"{}\"]\n[connectors.on-agent]\ntype = \"widget\"\n", api.address());
    let _agent = Site::new(&floh, &secret, &toml).start().await;

    for (call, words) in [
        (json!({ "command": "listWidgets", "params": { "limit": 2, "state": "active" } }), None),
        (json!({ "command": "listWidgets" }), None),
        (json!({ "command": "test" }), None),
        (json!({ "command": "listWidgets", "mockScenario": "empty" }), None),
        (json!({ "command": "listWidgets", "params": { "limit": 404 } }), Some("Widget API returned 404")),
        (json!({ "command": "listWidgets", "params": { "limit": 403 } }), Some("Widget API returned 403")),
        (json!({ "command": "listWidgets", "params": { "limit": 200 } }), Some("JSON")),
        (json!({ "command": "listWidgets", "params": { "limit": 501 } }), Some("limit")),
        (json!({ "command": "listWidgets", "params": { "state": "lost", "limit": "x" } }), Some("state")),
        (json!({ "command": "listWidgets", "mockScenario": "nonsense" }), Some("nonsense")),
        (json!({ "command": "nonsense" }), Some("Unknown command: nonsense")),
        (json!({}), Some("command")),
    ] {
        let asked = api.received().len();
        let here = execute(&client, "in-process", &call).await;
        assert_eq!(here["success"], words.is_none(), "{call}: {here}");
        if let Some(words) = words {
            assert!(here["error"].as_str().unwrap().contains(words), "{call}: {here}");
        }
        assert!(!here.to_string().contains(KEY), "{call}: {here}");
        let packets = api.received().len() - asked;
        for place in ["as-service", "on-agent"] {
            let asked = api.received().len();
            assert_eq!(execute(&client, place, &call).await, here, "{place}: {call}");
            assert_eq!(api.received().len() - asked, packets, "{place}: {call}");
        }
    }
    let seen: Vec<Value> = api
        .received()
        .iter()
        .map(|request| json!([request.target, request.header("authorization"), request.header("x-tenant")]))
        .collect();
    assert!(seen.chunks(3).all(|same| same.iter().all(|one| *one == same[0])), "the API sees no difference: {seen:?}");
}
