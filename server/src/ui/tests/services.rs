//! External types beside what their services publish.

use std::sync::{Arc, Mutex};

use connector_runtime::egress::Policy;
use serde_json::{Value, json};
use test_support::{Reply, Stub};

use super::browser::{Browser, Page};
use crate::testing::TestServer;

const REFRESH: &str = "/types/crm/refresh";

fn schema(params: &[&str]) -> Value {
    let fields: Value =
        params.iter().map(|name| ((*name).to_owned(), json!({ "type": "string", "default": "x" }))).collect();
    json!({ "connectionConfig": {}, "commands": { "list": { "params": params, "paramSchema": fields, "effect": "read" } } })
}

/// A service whose schema a test changes.
async fn service(served: &Arc<Mutex<Reply>>) -> Stub {
    let served = Arc::clone(served);
    Stub::routed(move |method, path, _| match (method, path) {
        ("GET", "/schema") => served.lock().unwrap().clone(),
        _ => Reply::json(404, &json!({})),
    })
    .await
}

fn reply(version: &str, params: &[&str]) -> Reply {
    Reply::json(200, &json!({ "name": "crm", "version": version, "configSchema": schema(params) }))
}

async fn compared(admin: &Browser<'_>) -> Page {
    let page = admin.get("/types/crm/schema").await.ok().shows("Compare with the service");
    admin.post(REFRESH, &page.form(REFRESH, &[])).await
}

#[tokio::test]
async fn a_type_is_compared_with_its_service() {
    let server = TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await;
    let admin = Browser::admin(&server).await;
    let served = Arc::new(Mutex::new(reply("1.2.0", &["limit"])));
    let service = service(&served).await;
    let url = service.url().as_str();
    admin.make(&json!({ "name": "crm", "type": "crm", "executionModel": "external", "endpointUrl": url })).await;
    compared(&admin).await.ok().shows("Nothing differs from what is saved");
    *served.lock().unwrap() = reply("1.3.0", &["limit", "cursor"]);
    let page = compared(&admin).await.ok().shows("Minor").shows("The service names its version itself: 1.3.0");
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[])).await.ok().shows("crm 1.3.0 is saved.");
    assert_eq!(page.address, "/types/crm?saved=1.3.0");
    admin.get("/types/crm/versions").await.ok().shows("From the service");
    // Its version does not fit what it removed.
    *served.lock().unwrap() = reply("1.4.0", &["limit"]);
    let page = compared(&admin).await.ok().shows("Major").shows("a major change needs 2.0.0");
    assert!(!page.text.contains("Save as"), "what would be refused has no button");
    let at = page.address.clone();
    let page = admin.post(&at, &page.form(&at, &[("sure", "yes"), ("save", "1.4.0")])).await.has_status(422);
    page.shows("One thing needs a look").shows("2.0.0");
    assert_eq!(server.get("/api/connector-types/crm").await.ok(200)["version"], "1.3.0");
}

#[tokio::test]
async fn a_service_that_cannot_be_asked_is_told_at_its_place() {
    let server = TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await;
    let admin = Browser::admin(&server).await;
    let served = Arc::new(Mutex::new(reply("1.2.0", &["limit"])));
    let service = service(&served).await;
    let url = service.url().as_str();
    admin.make(&json!({ "name": "crm", "type": "crm", "executionModel": "external", "endpointUrl": url })).await;
    let garbage = [
        Reply::json(404, &json!({})),
        Reply::json(500, &json!({ "error": "canary<b>" })),
        Reply::json(200, &json!({ "configSchema": { "commands": 1 } })),
        Reply::json(200, &json!("x".repeat(100_000))),
        Reply::json(200, &json!({ "version": "not one", "configSchema": schema(&[]) })),
    ];
    for reply in garbage {
        *served.lock().unwrap() = reply;
        let page = compared(&admin).await.has_status(422).shows("One thing needs a look").shows("The service: ");
        page.hides("canary<b>");
    }
    drop(service);
    compared(&admin).await.has_status(422).shows("The service: ");
    // Others are asked for nothing, and none without the right to.
    admin.post("/types/safe/refresh", "").await.has_status(422).shows("there is no service to ask");
    let writer = Browser::signed_in(&server, &server.token(&["types:read", "types:write"]).await).await;
    writer.post(REFRESH, "").await.has_status(403).shows("connectors:write");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_waited_for_so_long_and_holds_up_nobody_else() {
    let server = TestServer::with_policy(Policy::parse(&["127.0.0.1"], &[]).unwrap()).await;
    let admin = Browser::admin(&server).await;
    // It takes the connection and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let body = json!({ "name": "crm", "type": "crm", "executionModel": "external", "version": "1.0.0", "endpointUrl": url,
        "configSchema": schema(&["limit"]) });
    admin.make(&body).await;
    let asked = async {
        let page = compared(&admin).await;
        (page, std::time::Instant::now())
    };
    let meanwhile = async {
        admin.get("/types/crm").await.ok().shows("list");
        std::time::Instant::now()
    };
    let ((page, answered), other) = tokio::join!(asked, meanwhile);
    assert!(other < answered, "another page did not wait");
    page.has_status(422).shows("One thing needs a look").shows("The service: ");
    assert_eq!(server.get("/api/connector-types/crm").await.ok(200)["version"], "1.0.0");
}
