//! The audit trail over REST: every change leaves an entry that says who made it, from where, and no secret.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api;
use crate::store::tests::{TestDb, on_both};
use crate::testing::log::Log;
use crate::testing::{Answer, TestServer};

on_both!(
    every_change_leaves_an_entry,
    a_refused_change_leaves_none,
    what_a_type_change_does_to_connectors_is_there,
    the_trail_is_filtered_and_paged,
);

/// Texts that no entry and no log line may show.
const CANARIES: [&str; 8] = [
    "canary-api-key",
    "canary-new-key",
    "canary-signing",
    "canary-tenant",
    "canary-path",
    "canary-query",
    "canary-mock",
    "canary-script",
];

/// A caller with a token of its own, and an address.
struct Operator<'s> {
    server: &'s TestServer,
    id: String,
    token: String,
}

const PEER: ([u8; 4], u16) = ([192, 0, 2, 7], 50_123);

impl<'s> Operator<'s> {
    async fn of(server: &'s TestServer) -> Self {
        let body = json!({ "name": "ops", "kind": "api", "scopes": ["admin"] });
        let made = server.post("/api/tokens", body).await.ok(201);
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        Self { server, id: text("id"), token: text("token") }
    }

    async fn call(&self, request_id: &str, method: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        let request = request.header(header::CONTENT_TYPE, "application/json").header("x-request-id", request_id);
        let request = request.extension(Some(ConnectInfo(SocketAddr::from(PEER))));
        let bytes = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.server.send(request.body(bytes).unwrap()).await
    }
}

fn schema(secret_tenant: bool) -> Value {
    let tenant = if secret_tenant { json!({ "type": "string", "secret": true }) } else { json!({ "type": "string" }) };
    json!({ "connectionConfig": {
        "baseUrl": { "type": "string", "format": "uri" },
        "apiKey": { "type": "string", "secret": true },
        "tenant": tenant,
        "limit": { "type": "number" } }, "commands": { "go": {} } })
}

fn new_connector() -> Value {
    json!({ "name": "crm", "type": "mine", "executionModel": "script", "version": "1.0.0", "configSchema": schema(false),
        "scriptSource": json!({ "go": { "success": true, "payload": "canary-script" } }).to_string(),
        "mock": { "data": { "go": { "success": true, "payload": "canary-mock" } } },
        "config": { "baseUrl": "https://one.example.com/canary-path?k=canary-query", "apiKey": "canary-api-key",
            "tenant": "canary-tenant", "limit": 5 } })
}

async fn entries(server: &TestServer, query: &str) -> Vec<Value> {
    let page = server.get(&format!("/api/audit?limit=500{query}")).await.ok(200);
    page["items"].as_array().unwrap().clone()
}

/// A route, the request, and the subjects and actions of the entries that it leaves.
type Tried = (&'static str, String, Value, Vec<(&'static str, &'static str)>);

/// Executes something, and returns the id of its record.
async fn an_execution(server: &TestServer) -> String {
    server.connector("spare", "odd", json!({})).await;
    server.execute("spare", json!({ "command": "ping" })).await.header("x-execution-id").to_owned()
}

/// Each change of REST.
fn changes(token_id: &str, execution_id: &str) -> Vec<Tried> {
    let agent =
        json!({ "name": "site", "kind": "agent", "scopes": [], "agentId": "site-1", "connectorNames": ["crm"] });
    let connector = vec![("connector", "changed")];
    let path = |path: &str| path.to_owned();
    vec![
        (
            "POST /api/connectors",
            path("/api/connectors"),
            new_connector(),
            vec![("connector", "created"), ("connector_type", "created")],
        ),
        (
            "PUT /api/connectors/{id}",
            path("/api/connectors/crm"),
            json!({ "config": { "baseUrl": "https://two.example.com/", "apiKey": "canary-new-key", "limit": 7 } }),
            connector.clone(),
        ),
        (
            "PUT /api/connectors/{id}",
            path("/api/connectors/crm"),
            json!({ "name": "crm-2", "enabled": false }),
            connector,
        ),
        (
            "PUT /api/connector-types/{id}",
            path("/api/connector-types/mine"),
            json!({ "description": "Other.", "autoBump": true }),
            vec![("connector_type", "changed")],
        ),
        ("DELETE /api/connectors/{id}", path("/api/connectors/crm-2"), Value::Null, vec![("connector", "deleted")]),
        (
            "DELETE /api/connector-types/{id}",
            path("/api/connector-types/mine"),
            Value::Null,
            vec![("connector_type", "deleted")],
        ),
        ("POST /api/tokens", path("/api/tokens"), agent, vec![("token", "created")]),
        ("DELETE /api/tokens/{id}", format!("/api/tokens/{token_id}"), Value::Null, vec![("token", "deleted")]),
        (
            "DELETE /api/executions/{id}",
            format!("/api/executions/{execution_id}"),
            Value::Null,
            vec![("execution", "deleted")],
        ),
    ]
}

/// Routes that write no row of what the trail is about; a refresh writes a type as a PUT does.
const WITHOUT: [&str; 12] = [
    "POST /api/connectors/parse-oas",
    "POST /api/connectors/{id}/execute",
    "POST /api/connectors/{id}/test",
    "POST /api/connector-types/{id}/diff",
    "POST /api/runs/check",
    // A run says itself who started, ended and resumed it.
    "POST /api/runs",
    "POST /api/runs/{id}/cancel",
    "POST /api/runs/{id}/resume",
    // Tried in run_definitions.rs, where there are connectors to name.
    "POST /api/run-definitions",
    "PUT /api/run-definitions/{name}",
    "DELETE /api/run-definitions/{name}",
    "POST /api/connector-types/{id}/refresh",
];

#[test]
fn every_route_that_writes_is_tried() {
    let tried = changes("", "").into_iter().map(|(route, ..)| route.to_owned());
    let known: BTreeSet<String> = tried.chain(WITHOUT.map(str::to_owned)).collect();
    let routes = api::table().into_iter().filter(|row| row.method != "GET");
    let routes: BTreeSet<String> = routes.map(|row| format!("{} {}", row.method, row.path)).collect();
    assert_eq!(known, routes, "a route that writes needs a row in `changes`, one that does not in WITHOUT");
}

async fn every_change_leaves_an_entry(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let operator = Operator::of(&server).await;
    let spare =
        server.post("/api/tokens", json!({ "name": "spare", "kind": "api", "scopes": ["runs:read"] })).await.ok(201);
    let execution = an_execution(&server).await;
    let before = Timestamp::now();
    let mut wanted = Vec::new();
    let changes = changes(spare["id"].as_str().unwrap(), &execution);
    for (number, (route, path, body, left)) in changes.into_iter().enumerate() {
        let request = format!("audit-{number}");
        let method = route.split_once(' ').unwrap().0;
        let answer = operator.call(&request, method, &path, &body).await;
        assert!(answer.status < 300, "{route}: {answer:?}");
        let found = entries(&server, &format!("&requestId={request}")).await;
        let of = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
        let told: Vec<_> = found.iter().map(|entry| (of(entry, "subject"), of(entry, "action"))).collect();
        let left: Vec<_> = left.iter().map(|(subject, action)| ((*subject).to_owned(), (*action).to_owned())).collect();
        assert_eq!(told, left, "{route}");
        for entry in &found {
            assert_eq!(entry["actor"], json!({ "tokenId": operator.id, "name": "ops" }), "{entry}");
            assert_eq!((&entry["source"], &entry["peer"]), (&json!("rest"), &json!("192.0.2.7:50123")), "{entry}");
            assert_eq!(entry["before"].is_null(), entry["action"] == "created", "{entry}");
            assert_eq!(entry["after"].is_null(), entry["action"] == "deleted", "{entry}");
            let at: Timestamp = entry["at"].as_str().unwrap().parse().unwrap();
            assert!(at >= before - SignedDuration::from_secs(1) && at <= Timestamp::now(), "{entry}");
        }
        wanted.extend(found.iter().rev().cloned());
    }
    let all = entries(&server, &format!("&token={}", operator.id)).await;
    assert_eq!(all.iter().rev().cloned().collect::<Vec<_>>(), wanted, "newest first");

    let moved = &entries(&server, "&requestId=audit-1").await[0];
    assert_eq!(moved["before"]["config"]["baseUrl"], "https://one.example.com/[27 characters]");
    assert_eq!(moved["after"]["config"], json!({ "baseUrl": "https://two.example.com/", "limit": 7 }));
    assert_ne!(moved["before"]["secrets"]["apiKey"], moved["after"]["secrets"]["apiKey"], "{moved}");
    assert!(moved["before"].get("name").is_none() && moved["before"]["config"].get("tenant").is_none(), "{moved}");
    let renamed = &entries(&server, "&requestId=audit-2").await[0];
    assert_eq!(renamed["before"], json!({ "name": "crm", "enabled": true }));
    assert_eq!(renamed["after"], json!({ "name": "crm-2", "enabled": false }));
    let gone = &entries(&server, "&requestId=audit-7").await[0];
    assert_eq!((&gone["subjectName"], &gone["before"]["scopes"]), (&json!("spare"), &json!(["runs:read"])));

    let listed = json!(all).to_string();
    for canary in CANARIES.iter().chain([&operator.token.as_str()]) {
        assert!(!listed.contains(canary), "{canary}");
    }
    server.app.close().await;
}

#[tokio::test]
async fn every_entry_has_one_line_in_the_log() {
    let server = TestServer::start().await;
    let operator = Operator::of(&server).await;
    let spare = json!({ "name": "spare", "kind": "api", "scopes": ["runs:read"] });
    let spare = server.post("/api/tokens", spare).await.ok(201);
    let execution = an_execution(&server).await;
    let log = Log::keep("info");
    for (route, path, body, _) in changes(spare["id"].as_str().unwrap(), &execution) {
        operator.call("logged", route.split_once(' ').unwrap().0, &path, &body).await;
    }
    let entries = entries(&server, "&requestId=logged").await;
    let lines: Vec<Value> = log.lines().into_iter().filter(|line| line["event"] == "audit").collect();
    assert_eq!(lines.len(), entries.len(), "{lines:#?}");
    let logged = json!(lines).to_string();
    for (line, entry) in lines.iter().rev().zip(&entries) {
        assert_eq!((&line["actor"], &line["peer"]), (&json!("ops"), &json!("192.0.2.7:50123")), "{line}");
        let told = (&line["subject"], &line["action"], &line["name"], &line["id"]);
        assert_eq!(told, (&entry["subject"], &entry["action"], &entry["subjectName"], &entry["subjectId"]), "{line}");
        let after = line["after"].as_str().unwrap();
        assert_eq!(after, if entry["after"].is_null() { String::new() } else { entry["after"].to_string() });
    }
    for canary in CANARIES.iter().chain([&operator.token.as_str()]) {
        assert!(!logged.contains(canary), "{canary}");
    }
}

async fn a_refused_change_leaves_none(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let operator = Operator::of(&server).await;
    server.post("/api/connectors", new_connector()).await.ok(201);
    let refused = [
        ("POST", "/api/connectors", new_connector(), 409),
        ("PUT", "/api/connectors/crm", json!({ "config": { "limit": "x" } }), 422),
        ("DELETE", "/api/connector-types/mine", Value::Null, 409),
        ("DELETE", "/api/connectors/nobody", Value::Null, 404),
        ("DELETE", "/api/tokens/01890a5d-ac96-774b-bcce-b302099a8057", Value::Null, 404),
        ("POST", "/api/tokens", json!({ "name": "n", "kind": "api", "scopes": ["all"] }), 422),
    ];
    for (method, path, body, status) in refused {
        operator.call("refused", method, path, &body).await.problem(status);
    }
    assert_eq!(entries(&server, "&requestId=refused").await, Vec::<Value>::new());
    server.app.close().await;
}

async fn what_a_type_change_does_to_connectors_is_there(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let operator = Operator::of(&server).await;
    operator.call("made", "POST", "/api/connectors", &new_connector()).await.ok(201);
    let body = json!({ "configSchema": schema(true), "autoBump": true });
    operator.call("sealed", "PUT", "/api/connector-types/mine", &body).await.ok(200);
    let found = entries(&server, "&requestId=sealed").await;
    let [of_type, of_connector] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(of_type["subject"], "connector_type");
    assert!(of_type["before"]["configSchema"].as_str().unwrap().starts_with("sha256:"), "{of_type}");
    assert_eq!((&of_type["before"]["version"], of_type["before"].get("tags")), (&json!("1.0.0"), None));
    assert_eq!((&of_connector["subject"], &of_connector["subjectName"]), (&json!("connector"), &json!("crm")));
    assert_eq!(of_connector["after"], json!({ "secrets": { "tenant": "set" } }));
    // What was not a secret when it was written is not in older entries either.
    let all = json!(entries(&server, "").await).to_string();
    for canary in CANARIES {
        assert!(!all.contains(canary), "{canary}");
    }
    server.app.close().await;
}

async fn the_trail_is_filtered_and_paged(db: TestDb) {
    let server = TestServer::at(&db.url).await;
    let operator = Operator::of(&server).await;
    for name in ["one", "two", "three"] {
        let body = json!({ "name": name, "type": "odd", "executionModel": "built_in" });
        operator.call(name, "POST", "/api/connectors", &body).await.ok(201);
    }
    operator.call("four", "PUT", "/api/connectors/one", &json!({ "name": "four" })).await.ok(200);
    let names = async |query: &str| {
        let found = entries(&server, query).await;
        found.iter().map(|entry| entry["subjectName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("&subject=connector").await, ["four", "three", "two", "one"]);
    assert_eq!(names("&token=ops").await, ["four", "three", "two", "one"]);
    assert_eq!(names("&subject=connector&action=created").await, ["three", "two", "one"]);
    assert_eq!(names("&connector=two").await, ["two"]);
    assert_eq!(names("&connector=four").await, ["four", "one"], "also under its earlier name");
    let id = server.get("/api/connectors/four").await.ok(200)["id"].clone();
    assert_eq!(names(&format!("&connector={}", id.as_str().unwrap())).await, ["four", "one"]);
    assert_eq!(names("&source=cli").await, Vec::<String>::new());
    assert_eq!(names("&type=odd&action=created&source=system").await, ["odd"], "seeded types are there");
    assert_eq!(names("&subject=setting&action=created").await, ["seeded_texts", "vault_check"]);
    let of_two = entries(&server, "&connector=two").await[0]["at"].as_str().unwrap().to_owned();
    let since = names(&format!("&subject=connector&since={of_two}")).await;
    assert!(
        since.ends_with(&["two".to_owned()]) || since.ends_with(&["two".to_owned(), "one".to_owned()]),
        "{since:?}"
    );
    let until = names(&format!("&subject=connector&until={of_two}")).await;
    assert!(until.is_empty() || until == ["one"], "{until:?}");
    let (mut paged, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/audit?subject=connector&limit=3{cursor}")).await.ok(200);
        paged.extend(page["items"].as_array().unwrap().iter().map(|entry| entry["subjectName"].clone()));
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(paged, ["four", "three", "two", "one"]);
    for (query, pointer) in [
        ("subject=nothing", "?subject"),
        ("action=read", "?action"),
        ("source=door", "?source"),
        ("since=yesterday", "?since"),
        ("until=", "?until"),
        ("limit=501", "?limit"),
        ("cursor=dg", "?cursor"),
        ("who=me", "?who"),
    ] {
        assert_eq!(server.get(&format!("/api/audit?{query}")).await.problem(422), [pointer]);
    }
    server.app.close().await;
}

#[tokio::test]
async fn refused_logins_are_logged_within_limits_and_without_what_was_presented() {
    let server = TestServer::start().await;
    let log = Log::keep("info");
    let presented = "floh_01890a5dac96774bbcceb302099a8057_0123456789012345678901234567890123456789010";
    for number in 0..100 {
        let request = Request::builder().uri("/api/connectors").header("x-request-id", format!("r-{number}"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {presented}"));
        let request = request.extension(Some(ConnectInfo(SocketAddr::from(PEER))));
        server.send(request.body(Body::empty()).unwrap()).await.problem(401);
    }
    let lines: Vec<Value> = log.lines().into_iter().filter(|line| line["event"] == "login_refused").collect();
    assert_eq!(lines.len(), crate::auth::MAX_REFUSAL_LINES_OF_PEER as usize, "{lines:#?}");
    let line = &lines[0];
    assert_eq!((&line["reason"], &line["peer"]), (&json!("unknown"), &json!("192.0.2.7:50123")));
    assert_eq!(line["token_id"], "01890a5d-ac96-774b-bcce-b302099a8057");
    assert!(lines[0].to_string().contains("r-0"), "{}", lines[0]);
    assert!(!json!(log.lines()).to_string().contains("01234567890123456789"));
}

#[tokio::test]
async fn a_connector_says_who_changed_it_last() {
    let server = TestServer::start().await;
    let made = server.connector("mine", "odd", json!({})).await;
    let admin = server.app.auth.authenticate(&server.admin).await.unwrap().token_id;
    assert_eq!(made["updatedBy"], json!({ "tokenId": admin, "name": "test" }));
    let other = server.token(&["connectors:write"]).await;
    let editor = server.app.auth.authenticate(&other).await.unwrap().token_id;
    let request = axum::http::Request::put("/api/connectors/mine").header("authorization", format!("Bearer {other}"));
    let request =
        request.header("content-type", "application/json").body(json!({ "description": "x" }).to_string().into());
    assert_eq!(server.send(request.unwrap()).await.ok(200)["updatedBy"]["tokenId"], json!(editor));
    server.app.auth.revoke(editor).await.unwrap();
    let read = server.get("/api/connectors/mine").await.ok(200);
    assert_eq!(read["updatedBy"], json!({ "tokenId": editor, "name": "test" }), "also when the token is gone");
    assert_eq!(server.get("/api/connectors").await.ok(200)["items"][0]["updatedBy"], read["updatedBy"]);
}
