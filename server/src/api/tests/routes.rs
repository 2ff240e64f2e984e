//! Who may reach which route. The table states what is wanted; a route that is missing in it fails.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{Request, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api;
use crate::auth::{NewToken, Scope};
use crate::store::{
    ExecutionModel, ExecutionSource, ExecutionStatus, LogLevel, Recording, TokenKind, TypeSource, VersionSource,
};
use crate::testing::TestServer;

/// Method, path, and what the caller needs: a scope, one scope `or` another, `any` token, or `public`.
const WANTED: [(&str, &str, &str); 46] = [
    ("POST", "/api/connectors", "connectors:write"),
    ("GET", "/api/connectors", "connectors:read"),
    ("POST", "/api/connectors/parse-oas", "connectors:write"),
    ("GET", "/api/connectors/agents", "connectors:read"),
    ("GET", "/api/connectors/agents/ws", "agents:connect (the token may come in the first message)"),
    ("GET", "/api/connectors/{id}", "connectors:read"),
    ("PUT", "/api/connectors/{id}", "connectors:write"),
    ("DELETE", "/api/connectors/{id}", "connectors:write"),
    ("POST", "/api/connectors/{id}/execute", "connectors:execute:read"),
    ("POST", "/api/connectors/{id}/test", "connectors:execute:read"),
    ("GET", "/api/connector-types", "types:read"),
    ("GET", "/api/connector-types/{id}", "types:read"),
    ("PUT", "/api/connector-types/{id}", "types:write"),
    ("DELETE", "/api/connector-types/{id}", "types:write"),
    ("POST", "/api/connector-types/{id}/diff", "types:write"),
    ("POST", "/api/connector-types/{id}/refresh", "types:write"),
    ("GET", "/api/connector-types/{id}/versions", "types:read"),
    ("GET", "/api/connector-types/{id}/versions/{version}", "types:read"),
    ("GET", "/api/connector-types/{id}/capabilities", "types:read"),
    ("GET", "/api/connector-types/{id}/json-schema", "types:read"),
    ("GET", "/api/connector-types/{id}/types.d.ts", "types:read"),
    ("GET", "/api/executions", "audit:read or connectors:execute:read"),
    ("GET", "/api/executions/{id}", "audit:read or connectors:execute:read"),
    ("DELETE", "/api/executions/{id}", "admin"),
    ("POST", "/api/runs", "runs:write"),
    ("GET", "/api/runs", "runs:read"),
    ("POST", "/api/runs/check", "runs:read"),
    ("GET", "/api/runs/{id}", "runs:read"),
    ("POST", "/api/runs/{id}/cancel", "runs:write"),
    ("POST", "/api/runs/{id}/resume", "runs:write"),
    ("POST", "/api/run-definitions", "runs:write"),
    ("GET", "/api/run-definitions", "runs:read"),
    ("GET", "/api/run-definitions/{name}", "runs:read"),
    ("PUT", "/api/run-definitions/{name}", "runs:write"),
    ("DELETE", "/api/run-definitions/{name}", "runs:write"),
    ("GET", "/api/run-definitions/{name}/versions", "runs:read"),
    ("GET", "/api/run-definitions/{name}/versions/{n}", "runs:read"),
    ("GET", "/api/audit", "audit:read"),
    ("GET", "/api/status", "metrics:read"),
    ("POST", "/api/tokens", "tokens:write"),
    ("GET", "/api/tokens", "tokens:read"),
    ("DELETE", "/api/tokens/{id}", "tokens:write"),
    ("GET", "/metrics", "metrics:read"),
    ("GET", "/api/openapi.json", "any"),
    ("GET", "/healthz", "public"),
    ("GET", "/readyz", "public"),
];

/// A caller without the header may send a token later.
const IN_BAND: &str = " (the token may come in the first message)";

/// A caller and its header.
struct Asker {
    who: String,
    authorization: Vec<String>,
    /// Empty if the token is not accepted.
    scopes: Vec<Scope>,
    known: bool,
}

fn asker(who: &str, authorization: &[&str]) -> Asker {
    let authorization = authorization.iter().map(|text| (*text).to_owned()).collect();
    Asker { who: who.to_owned(), authorization, scopes: Vec::new(), known: false }
}

async fn token(server: &TestServer, kind: TokenKind, scopes: &[&str], expires_at: Option<Timestamp>) -> (Uuid, String) {
    let agent = kind == TokenKind::Agent;
    let new = NewToken {
        name: "asker".to_owned(),
        kind,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at,
        agent_id: agent.then(|| "agent-1".to_owned()),
        connector_names: agent.then(|| vec!["mine".to_owned()]),
    };
    let issued = server.app.auth.issue(new).await.unwrap();
    (issued.row.token.id, issued.text.expose().to_owned())
}

/// An expired token: created with time left, then stored again without.
async fn expired(server: &TestServer) -> String {
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let (id, text) = token(server, TokenKind::Api, &["admin"], Some(later)).await;
    let mut row = server.app.store.tokens().find(id).await.unwrap().unwrap().token;
    row.expires_at = Some(Timestamp::now() - SignedDuration::from_secs(1));
    server.app.store.tokens().delete(id).await.unwrap();
    server.app.store.tokens().create(row).await.unwrap();
    text
}

async fn askers(server: &TestServer) -> Vec<Asker> {
    let admin = &server.admin;
    let (revoked_id, revoked) = token(server, TokenKind::Api, &["admin"], None).await;
    server.app.auth.authenticate(&revoked).await.unwrap();
    server.app.auth.revoke(revoked_id).await.unwrap();
    let mut forged = admin.clone();
    forged.replace_range(forged.len() - 2.., if admin.ends_with("AA") { "BB" } else { "AA" });
    let mut askers = vec![
        asker("no header", &[]),
        asker("empty header", &[""]),
        asker("no token", &["Bearer "]),
        asker("scheme alone", &["Bearer"]),
        asker("other scheme", &[&format!("Basic {admin}")]),
        asker("bare token", &[admin]),
        asker("two headers", &[&format!("Bearer {admin}"), &format!("Bearer {admin}")]),
        asker("two tokens", &[&format!("Bearer {admin}, {admin}")]),
        asker("unknown", &["Bearer floh_00000000000000000000000000000000_0123456789012345678901234567890123456789012"]),
        asker("forged", &[&format!("Bearer {forged}")]),
        asker("expired", &[&format!("Bearer {}", expired(server).await)]),
        asker("revoked", &[&format!("Bearer {revoked}")]),
    ];
    for scope in Scope::ALL {
        let name = scope.as_str();
        let (_, text) = token(server, TokenKind::Api, &[name], None).await;
        let authorization = vec![format!("bearer {text}")];
        askers.push(Asker { who: name.to_owned(), authorization, scopes: vec![scope], known: true });
    }
    let (_, agent) = token(server, TokenKind::Agent, &[], None).await;
    let authorization = vec![format!("Bearer {agent}")];
    askers.push(Asker { who: "agent".to_owned(), authorization, scopes: vec![Scope::AgentsConnect], known: true });
    askers
}

impl Asker {
    fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        self.authorization.iter().fold(request, |request, value| request.header(header::AUTHORIZATION, value))
    }

    fn may(&self, need: &str) -> bool {
        if let Some(scope) = need.strip_suffix(IN_BAND) {
            return self.authorization.is_empty() || self.may(scope);
        }
        match need {
            "public" => true,
            "any" => self.known,
            scopes => scopes.split(" or ").any(|scope| {
                // The one scope that includes another one, beside `admin`.
                let wider = if scope == "connectors:execute:read" { "connectors:execute" } else { scope };
                let grants = |own: &Scope| *own == Scope::Admin || [scope, wider].contains(&own.as_str());
                self.scopes.iter().any(grants)
            }),
        }
    }
}

fn is_public(path: &str) -> bool {
    WANTED.iter().any(|(_, wanted, need)| *wanted == path && *need == "public")
}

fn need(method: &str, path: &str) -> &'static str {
    let row = WANTED.iter().find(|(wanted, wanted_path, _)| (*wanted, *wanted_path) == (method, path));
    row.unwrap_or_else(|| panic!("{method} {path} has no row in WANTED: say what it needs")).2
}

#[test]
fn the_table_has_a_row_for_every_route_and_no_other() {
    let table = api::table();
    for row in &table {
        let need = need(&row.method, &row.path);
        let declared = row.access.to_string();
        assert_eq!(if declared == "any token" { "any" } else { &declared }, need, "{} {}", row.method, row.path);
    }
    assert_eq!(table.len(), WANTED.len(), "WANTED has a row for a route that is not there");
}

#[test]
fn the_client_has_a_method_for_every_route() {
    let declared = api::table().into_iter().map(|row| (row.method, row.path));
    // Only `floh-agent` uses the socket of agents.
    let wanted: BTreeSet<_> = declared.filter(|(_, path)| path != "/api/connectors/agents/ws").collect();
    let called = floh_client::routes::ALL.iter().map(|route| (route.method.to_owned(), route.path.to_owned()));
    assert_eq!(called.collect::<BTreeSet<_>>(), wanted);
}

#[tokio::test]
async fn every_route_asks_every_caller_for_what_it_needs() {
    let server = TestServer::start().await;
    let askers = askers(&server).await;
    for row in api::table() {
        let need = need(&row.method, &row.path);
        let path = row
            .path
            .replace("{id}", "nothing")
            .replace("{version}", "1.0.0")
            .replace("{name}", "nothing")
            .replace("{n}", "1");
        for asker in &askers {
            let answer = server.send(asker.request(&row.method, &path).body(Body::empty()).unwrap()).await;
            let place = format!("{} {path} by {}", row.method, asker.who);
            match (asker.may(need), asker.known) {
                (true, _) => assert!(![401, 403, 405, 500].contains(&answer.status), "{place}: {answer:?}"),
                (false, true) => {
                    answer.problem(403);
                    let scope = need.strip_suffix(IN_BAND).unwrap_or(need);
                    assert!(answer.text.contains(scope), "{place}: {}", answer.text);
                }
                (false, false) => {
                    answer.problem(401);
                    assert!(answer.header("www-authenticate").starts_with("Bearer"), "{place}");
                }
            }
        }
    }
}

/// HEAD is answered as GET. If a path does not have a method, a known caller is refused with the list of its methods.
#[tokio::test]
async fn patch_head_and_options_are_guarded_and_refused_where_nobody_declared_them() {
    let server = TestServer::start().await;
    let askers = askers(&server).await;
    let mut paths: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in api::table() {
        let methods = paths.entry(row.path).or_default();
        if row.method == "GET" {
            methods.insert("HEAD".to_owned());
        }
        methods.insert(row.method);
    }
    for (path, methods) in paths {
        let asked = path
            .replace("{id}", "nothing")
            .replace("{version}", "1.0.0")
            .replace("{name}", "nothing")
            .replace("{n}", "1");
        for method in ["PATCH", "HEAD", "OPTIONS"] {
            let need = if method == "HEAD" && methods.contains("HEAD") {
                need("GET", &path)
            } else if is_public(&path) {
                "public"
            } else {
                "any"
            };
            for asker in &askers {
                let answer = server.send(asker.request(method, &asked).body(Body::empty()).unwrap()).await;
                let place = format!("{method} {path} by {}: {answer:?}", asker.who);
                let wanted: &[u16] = match (asker.may(need), asker.known) {
                    (true, _) if methods.contains(method) => &[200, 204, 404, 426],
                    (true, _) => &[405],
                    (false, true) => &[403],
                    (false, false) => &[401],
                };
                assert!(wanted.contains(&answer.status), "{place}");
                assert!(answer.status != 401 || answer.header("www-authenticate").starts_with("Bearer"), "{place}");
                if method == "HEAD" {
                    assert_eq!(answer.text, "", "{place}");
                } else {
                    answer.problem(answer.status);
                }
                if answer.status == 405 {
                    let allowed: BTreeSet<String> = answer.header("allow").split(',').map(str::to_owned).collect();
                    assert_eq!(allowed, methods, "{place}");
                }
            }
        }
    }
}

#[tokio::test]
async fn another_spelling_of_a_path_gives_nothing_more() {
    let server = TestServer::start().await;
    server.connector("kept", "odd", json!({})).await;
    let stranger = asker("stranger", &[]);
    let limited = server.token(&["agents:connect"]).await;
    let limited = asker("limited", &[&format!("Bearer {limited}")]);
    for row in api::table() {
        let need = need(&row.method, &row.path);
        let path = row.path.replace("{id}", "kept").replace("{version}", "1.0.0");
        let variants = [
            format!("/{path}"),
            path.replacen("/api/", "/api//", 1),
            path.replacen("/api/", "/api/%2e/", 1),
            path.replacen("/api/", "/./api/", 1),
            path.replacen("/api/", "/%61pi/", 1),
            path.replacen("/api/", "/API/", 1),
            path.replacen("/api/", "/healthz/../api/", 1),
            path.replacen("/api/", "/healthz/%2e%2e/api/", 1),
            format!("{path}/"),
            format!("{path};x"),
            format!("{path};jsessionid=1"),
            format!("{path}%2f"),
            format!("{path}%00"),
            format!("{path}%ff"),
            format!("{path}?_method=GET&access_token={}", server.admin),
        ];
        for variant in variants.into_iter().filter(|variant| *variant != path) {
            for method in [row.method.as_str(), "HEAD", "OPTIONS", "PATCH", "FOO"] {
                for (asker, refused) in [(&stranger, &[401][..]), (&limited, &[403, 404, 405])] {
                    let request = asker.request(method, &variant).header("x-http-method-override", "GET");
                    let answer = server.send(request.body(Body::empty()).unwrap()).await;
                    let open =
                        (need == "public" || need.ends_with(IN_BAND)) && variant.starts_with(&format!("{path}?"));
                    let any = need == "any" && asker.who == "limited" && variant.starts_with(&format!("{path}?"));
                    assert!(
                        refused.contains(&answer.status) || open || any,
                        "{method} {variant} by {}: {answer:?}",
                        asker.who
                    );
                }
            }
        }
    }
    server.get("/api/connectors/kept").await.ok(200);
}

#[tokio::test]
async fn head_is_guarded_as_get_and_overrides_do_nothing() {
    let server = TestServer::start().await;
    server.connector("kept", "odd", json!({})).await;
    let reader = server.token(&["connectors:read"]).await;
    let reader = asker("reader", &[&format!("Bearer {reader}")]);
    for name in ["x-http-method-override", "x-http-method", "x-method-override"] {
        let request = reader.request("GET", "/api/connectors/kept?_method=DELETE").header(name, "DELETE");
        assert_eq!(server.send(request.body(Body::empty()).unwrap()).await.status, 200);
    }
    server.get("/api/connectors/kept").await.ok(200);
    for row in api::table().iter().filter(|row| row.method == "GET") {
        let need = need(&row.method, &row.path);
        let path = row.path.replace("{id}", "kept").replace("{version}", "1.0.0");
        let answer = server.send(reader.request("HEAD", &path).body(Body::empty()).unwrap()).await;
        let open = ["public", "any", "connectors:read"].contains(&need);
        assert_eq!(answer.status == 403, !open, "HEAD {path}: {}", answer.status);
        assert_eq!(answer.text, "", "HEAD {path}");
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_takes_no_such_method_are_problems() {
    let server = TestServer::start().await;
    server.get("/api/nothing").await.problem(404);
    server.get("/nowhere").await.problem(404);
    for id in ["nothing", "a%2Fb", "%F0%9F%A6%97", "018f2f6e7b7a7c3e8000000000000000", "%00", "%ff", "x'%20OR%20'1'='1"]
    {
        server.get(&format!("/api/connectors/{id}")).await.problem(404);
        server.get(&format!("/api/connector-types/{id}")).await.problem(404);
        server.get(&format!("/api/executions/{id}")).await.problem(404);
        server.put(&format!("/api/connectors/{id}"), json!({})).await.problem(404);
        server.put(&format!("/api/connector-types/{id}"), json!({})).await.problem(404);
        server.post(&format!("/api/connector-types/{id}/diff"), json!({})).await.problem(404);
        server.post(&format!("/api/connector-types/{id}/refresh"), json!({})).await.problem(404);
        server.get(&format!("/api/connector-types/{id}/versions")).await.problem(404);
        server.get(&format!("/api/connector-types/{id}/versions/1.0.0")).await.problem(404);
        server.get(&format!("/api/connector-types/safe/versions/{id}")).await.problem(404);
        server.execute(id, json!({})).await.problem(404);
        server.call("DELETE", &format!("/api/tokens/{id}"), Value::Null).await.problem(404);
    }
    let answer = server.call("PATCH", "/api/connectors", Value::Null).await;
    answer.problem(405);
    assert!(answer.header("allow").contains("POST"), "{answer:?}");
    server.call("DELETE", "/healthz", Value::Null).await.problem(405);
}

#[tokio::test]
async fn a_connector_is_not_found_by_an_id_that_is_spelt_otherwise() {
    let server = TestServer::start().await;
    let made = server.connector("kept", "odd", json!({})).await;
    let id = made["id"].as_str().unwrap();
    server.execute(id, json!({ "command": "ping" })).await.ok(200);
    for other in [id.replace('-', ""), format!("%7B{id}%7D"), format!("urn:uuid:{id}")] {
        server.get(&format!("/api/connectors/{other}")).await.problem(404);
        server.execute(&other, json!({ "command": "ping" })).await.problem(404);
    }
    server.execute(&id.to_uppercase(), json!({ "command": "ping" })).await.ok(200);
}

#[tokio::test]
async fn the_document_tells_of_every_route_and_of_nothing_else() {
    let server = TestServer::start().await;
    let document = server.get("/api/openapi.json").await.ok(200);
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."), "{}", document["openapi"]);
    assert_eq!(document["info"]["title"], "Floh");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let mut told = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let place = format!("{method} {path}");
            let need = need(&method, path);
            let wanted = match need {
                "public" => json!([]),
                need if need.ends_with(IN_BAND) => json!([{ "bearer": [] }, {}]),
                _ => json!([{ "bearer": [] }]),
            };
            assert_eq!(operation["security"], wanted, "{place}");
            if need != "public" {
                let shown = if need == "any" { "any token" } else { need };
                let description = operation["description"].as_str().unwrap();
                assert!(description.ends_with(&format!("Needs: {shown}.")), "{place}: {description}");
            }
            assert!(!operation["responses"].as_object().unwrap().is_empty(), "{place}");
            assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
            let id = operation["operationId"].as_str().unwrap();
            assert!(
                id.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{id}: a name of a method in any language"
            );
            assert!(ids.insert(id.to_owned()), "{place}: {id} is the id of another operation too");
            let in_path = operation["parameters"].as_array().cloned().unwrap_or_default();
            let named = in_path.iter().any(|param| param["in"] == "path" && param["name"] == "id");
            assert_eq!(named, path.contains("{id}"), "{place}: the path's parameter");
            told.push((method, path.clone()));
        }
    }
    told.sort();
    let mut wanted: Vec<_> =
        WANTED.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    wanted.sort();
    assert_eq!(told, wanted);
    every_reference_leads_somewhere(&document, &document);
}

#[tokio::test]
async fn the_document_has_the_words_of_the_wire() {
    let server = TestServer::start().await;
    let document = server.get("/api/openapi.json").await.ok(200);
    for (name, words) in [
        ("ExecutionModel", words(ExecutionModel::ALL)),
        ("TypeSource", words(TypeSource::ALL)),
        ("VersionSource", words(VersionSource::ALL)),
        ("LogLevel", words(LogLevel::ALL)),
        ("ExecutionStatus", words(ExecutionStatus::ALL)),
        ("ExecutionSource", words(ExecutionSource::ALL)),
        ("TokenKind", words(TokenKind::ALL)),
        ("Recording", words(Recording::ALL)),
    ] {
        assert_eq!(document["components"]["schemas"][name]["enum"], words, "{name}");
    }
}

fn words<T: std::fmt::Display>(all: &[T]) -> Value {
    all.iter().map(ToString::to_string).collect()
}

/// The document has the answers that every route of a kind may give, without text in the handlers.
#[tokio::test]
async fn the_document_has_what_the_kind_of_a_route_may_answer() {
    let server = TestServer::start().await;
    let document = server.get("/api/openapi.json").await.ok(200);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            let place = format!("{method} {path}");
            let need = need(&method, path);
            let responses = operation["responses"].as_object().unwrap();
            let guarded = need != "public";
            let body = !operation["requestBody"].is_null();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let takes = |place: &str| parameters.iter().any(|parameter| parameter["in"] == place);
            for (status, wanted) in [
                ("500", true),
                ("401", guarded),
                ("403", guarded && need != "any"),
                ("421", guarded && !need.ends_with(IN_BAND)),
                // A run may name a definition in its body.
                ("404", path.contains('{') || ["POST /api/runs", "POST /api/runs/check"].contains(&&*place)),
                ("400", body),
                ("408", body),
                ("413", body),
                ("415", body),
                ("422", body || takes("query")),
                ("412", parameters.iter().any(|parameter| parameter["name"] == "If-Match")),
            ] {
                assert_eq!(responses.contains_key(status), wanted, "{place}: {status}");
            }
            assert!(!guarded || responses.contains_key("503"), "{place}: 503");
            for (status, response) in responses {
                let place = format!("{place}: {status}");
                assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{place}");
                let headers = response["headers"].as_object().cloned().unwrap_or_default();
                assert_eq!(headers.contains_key("WWW-Authenticate"), status == "401", "{place}");
                assert_eq!(headers.contains_key("Retry-After"), status == "503", "{place}");
                assert!(headers.values().all(|header| header["description"].is_string()), "{place}: {headers:?}");
                if status.as_str() >= "400" {
                    let problem =
                        json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
                    assert_eq!(response["content"], problem, "{place}");
                }
            }
            if body {
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                assert_eq!(schema["additionalProperties"], false, "{place}: a key that is not named is refused");
                assert_eq!(operation["requestBody"]["required"], schema["required"].is_array(), "{place}");
            }
        }
    }
}

fn every_reference_leads_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(target.trim_start_matches('#')).is_some(), "{target}");
            }
            map.values().for_each(|part| every_reference_leads_somewhere(document, part));
        }
        Value::Array(list) => list.iter().for_each(|part| every_reference_leads_somewhere(document, part)),
        _ => {}
    }
}

#[tokio::test]
async fn readiness_ends_when_the_server_stops() {
    let server = TestServer::start().await;
    let part = |part: &str, state: &str| json!({ "part": part, "state": state });
    let rest = [
        part("recorder", "ok"),
        part("database", "ok"),
        part("releases", "ok"),
        json!({ "part": "nats", "state": "off", "text": "not configured" }),
    ];
    let ready = server.get("/readyz").await.ok(200);
    assert_eq!(ready["status"], "ready");
    assert_eq!(ready["parts"], json!([&[part("server", "ok")][..], &rest].concat()));
    server.app.begin_stop();
    let answer = server.get("/readyz").await;
    answer.problem(503);
    let unready: Value = serde_json::from_str(&answer.text).unwrap();
    let stopping = json!({ "part": "server", "state": "failed", "text": "the server is stopping" });
    assert_eq!(
        (&unready["detail"], &unready["parts"]),
        (&stopping["text"], &json!([&[stopping.clone()][..], &rest].concat()))
    );
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(server.get("/healthz").await.ok(200)["status"], "ok");
}
