//! The main job: a connector made by REST, executed against a real upstream, and what is kept of it.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use serde_json::{Value, json};
use test_support::{Answer, Client, Floh, Reply, Upstream, run};

const TOKEN: &str = "upstream-t0ken-4711";

/// Makes an http connector over an upstream.
async fn create(client: &Client, name: &str, upstream: &Upstream) -> Value {
    let body = json!({
        "name": name, "type": "http", "executionModel": "built_in",
        "config": { "baseUrl": upstream.url("/v2"), "token": TOKEN },
    });
    client.post("/api/connectors", &body).await.expect(201)
}

async fn execute(client: &Client, name: &str, body: Value) -> Answer {
    let answer = client.post(&format!("/api/connectors/{name}/execute"), &body).await;
    answer.expect(200);
    answer
}

fn execution_id(answer: &Answer) -> String {
    let id = answer.header("x-execution-id").unwrap_or_else(|| panic!("no x-execution-id in {answer}"));
    assert!(is_uuid_v7(id), "{id}");
    id.to_owned()
}

fn is_uuid_v7(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
    shape == "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" && text.as_bytes()[14] == b'7'
}

fn is_utc(time: &Value) -> bool {
    time.as_str().is_some_and(|text| text.len() >= 20 && text.as_bytes()[10] == b'T' && text.ends_with('Z'))
}

async fn record(client: &Client, answer: &Answer) -> Value {
    client.get(&format!("/api/executions/{}", execution_id(answer))).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_made_executed_and_recorded() {
    let upstream = Upstream::fixed(json!({ "users": [{ "id": 1, "name": "Grüße" }] })).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();

    let connector = create(&admin, "crm", &upstream).await;
    assert!(is_uuid_v7(connector["id"].as_str().unwrap()), "{connector}");
    for (field, wanted) in [
        ("name", json!("crm")),
        ("type", json!("http")),
        ("executionModel", json!("built_in")),
        ("version", json!("1.2.0")),
        ("enabled", json!(true)),
        ("logLevel", json!("info")),
        ("timeoutMs", Value::Null),
        ("config", json!({ "baseUrl": upstream.url("/v2") })),
        ("ready", json!(true)),
        ("missing", json!([])),
    ] {
        assert_eq!(connector[field], wanted, "{field} of {connector}");
    }
    assert_eq!(connector["secrets"]["token"]["set"], true, "{connector}");
    assert!(is_utc(&connector["secrets"]["token"]["updatedAt"]), "{connector}");
    assert!(is_utc(&connector["createdAt"]) && is_utc(&connector["updatedAt"]), "{connector}");

    // By name or by id.
    let by_id = admin.get(&format!("/api/connectors/{}", connector["id"].as_str().unwrap())).await;
    assert_eq!(by_id.expect(200), admin.get("/api/connectors/crm").await.expect(200));
    assert!(by_id.header("etag").is_some(), "{by_id}");

    let params = json!({ "url": "users", "query": { "limit": 5 } });
    let body = json!({ "params": params, "stepId": "s-1", "runId": "r-1" });
    let answer = execute(&admin, "crm", body).await;
    let result = answer.json();
    assert_eq!(result["success"], true, "{result}");
    assert_eq!(result["payload"]["status"], 200, "{result}");
    assert_eq!(result["payload"]["body"], json!({ "users": [{ "id": 1, "name": "Grüße" }] }));
    assert_eq!(result["payload"]["headers"]["content-type"], "application/json");
    let slots: Vec<_> = result.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(slots, ["success", "payload"], "the bare result and nothing else");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(answer.header("server-timing").is_some_and(|timing| timing.contains("dur=")), "{answer}");

    let [request] = &upstream.received()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.target.as_str()), ("GET", "/v2/users?limit=5"));
    assert_eq!(request.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));

    let row = record(&admin, &answer).await;
    for (field, wanted) in [
        ("id", json!(execution_id(&answer))),
        ("connector", json!("crm")),
        ("type", json!("http")),
        ("typeVersion", json!("1.2.0")),
        ("command", json!("request")),
        ("status", json!("succeeded")),
        ("mocked", json!(false)),
        ("source", json!("rest")),
        ("stepId", json!("s-1")),
        ("runId", json!("r-1")),
        ("deprecated", json!(false)),
        ("params", params),
        ("result", result),
        ("logs", json!([])),
    ] {
        assert_eq!(row[field], wanted, "{field} of {row}");
    }
    assert!(is_utc(&row["startedAt"]) && row["durationMs"].is_u64(), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_is_an_answer_and_a_row() {
    let upstream = Upstream::start(|_| Reply::json(404, &json!({ "message": "no such user" }))).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;

    for (body, error) in [
        (json!({ "params": { "url": "/users/9" } }), format!("HTTP 404 from GET {}", upstream.url("/v2/users/9"))),
        (json!({}), "Missing required field(s): url".to_owned()),
        (
            json!({ "params": { "url": "x", "timeoutMs": "5" } }),
            "Invalid field(s): timeoutMs: expected number, got string".to_owned(),
        ),
        (json!({ "command": "fly" }), "Unknown command: fly (known commands: request, paginate)".to_owned()),
    ] {
        let answer = execute(&admin, "crm", body).await;
        let result = answer.json();
        assert_eq!((&result["success"], &result["error"]), (&json!(false), &json!(error)), "{result}");
        assert!(result.get("payload").is_none(), "{result}");
        let row = record(&admin, &answer).await;
        assert_eq!((&row["status"], &row["result"]), (&json!("failed"), &result));
    }
    let failed = admin.get("/api/executions?connector=crm&success=false").await.expect(200);
    assert_eq!(failed["items"].as_array().unwrap().len(), 4);
    let answer = execute(&admin, "crm", json!({ "params": { "url": "/users/9" } })).await;
    let diagnostics = &answer.json()["diagnostics"];
    assert_eq!(diagnostics["statusCode"], 404);
    assert_eq!(diagnostics["responseBody"], json!({ "message": "no such user" }));
    assert_eq!(upstream.received().len(), 2, "what is refused never leaves");
}

#[tokio::test(flavor = "multi_thread")]
async fn delay_waits_and_gives_its_number_back() {
    let floh = Floh::start([]).await;
    let admin = floh.admin();
    let body = json!({ "name": "pause", "type": "delay", "executionModel": "built_in" });
    admin.post("/api/connectors", &body).await.expect(201);
    let answer = execute(&admin, "pause", json!({ "params": { "delayMs": 20 } })).await;
    assert_eq!(answer.json(), json!({ "success": true, "payload": { "delayed": 20 } }));
    let row = record(&admin, &answer).await;
    assert_eq!(row["command"], "wait");
    assert!(row["durationMs"].as_u64().is_some_and(|ms| ms >= 20), "{row}");

    let late = execute(&admin, "pause", json!({ "params": { "delayMs": 60_000 }, "timeoutMs": 30 })).await;
    assert_eq!(late.json()["error"], "Timed out after 30 ms");
    assert!(late.json()["diagnostics"]["outcome"].is_null(), "waiting changes nothing: {:?}", late.json());
    assert_eq!(record(&admin, &late).await["status"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_disabled_or_not_ready_does_not_run() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;
    let call = json!({ "params": { "url": "x" } });
    assert_eq!(execute(&admin, "crm", call.clone()).await.json()["success"], true);

    admin.put("/api/connectors/crm", &json!({ "enabled": false })).await.expect(200);
    let answer = execute(&admin, "crm", call.clone()).await;
    assert_eq!(answer.json()["success"], false, "the kept instance is dropped by the write");
    assert_eq!(record(&admin, &answer).await["status"], "failed");
    assert_eq!(upstream.received().len(), 1);

    admin.put("/api/connectors/crm", &json!({ "enabled": true })).await.expect(200);
    assert_eq!(execute(&admin, "crm", call).await.json()["success"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_is_seen_by_the_next_call() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;
    let call = json!({ "params": { "url": "x" } });
    execute(&admin, "crm", call.clone()).await;
    let changed =
        admin.put("/api/connectors/crm", &json!({ "config": { "token": "another-t0ken" } })).await.expect(200);
    assert_eq!(changed["config"], json!({ "baseUrl": upstream.url("/v2") }), "config merges by key");
    execute(&admin, "crm", call.clone()).await;
    assert_eq!(upstream.received()[1].header("authorization"), Some("Bearer another-t0ken"));

    // Another origin must not be sent what was stored for this one.
    let other = Upstream::fixed(json!({})).await;
    let moved = admin.put("/api/connectors/crm", &json!({ "config": { "baseUrl": other.url("") } })).await.expect(200);
    assert_eq!(moved["secretsCleared"], json!(["token"]), "{moved}");
    assert!(moved["secrets"]["token"].get("set").is_none_or(|set| set == false), "{moved}");

    admin.delete("/api/connectors/crm").await.expect(204);
    admin.post("/api/connectors/crm/execute", &call).await.problem(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_change_is_refused() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;
    let etag = admin.get("/api/connectors/crm").await.header("etag").unwrap().to_owned();
    let change = |text: &str| json!({ "description": text });
    let guarded = [("if-match", etag.as_str())];
    admin.json("PUT", "/api/connectors/crm", &guarded, &change("first")).await.expect(200);
    admin.json("PUT", "/api/connectors/crm", &guarded, &change("second")).await.problem(412);
    assert_eq!(admin.get("/api/connectors/crm").await.expect(200)["description"], "first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_replays_the_answer() {
    let upstream = Upstream::fixed(json!({ "charged": true })).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;
    let body = json!({ "params": { "url": "charge", "method": "POST" } });
    let path = "/api/connectors/crm/execute";
    let key = [("idempotency-key", "order-1")];
    let first = admin.json("POST", path, &key, &body).await;
    first.expect(200);
    let again = admin.json("POST", path, &key, &body).await;
    assert_eq!((again.status, again.json()), (200, first.json()));
    assert_eq!(execution_id(&again), execution_id(&first));
    assert_eq!(upstream.received().len(), 1, "the upstream is asked once");

    let other = json!({ "params": { "url": "refund", "method": "POST" } });
    admin.json("POST", path, &key, &other).await.problem(422);
    admin.json("POST", path, &[("idempotency-key", "order-2")], &other).await.expect(200);
    assert_eq!(upstream.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mock_answers_without_a_packet() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;
    let data = json!({ "request": {
        "default": { "success": true, "payload": { "status": 200, "headers": {}, "body": "mocked" } },
        "down": { "success": false, "error": "HTTP 503" },
    } });
    admin.put("/api/connectors/crm", &json!({ "mock": { "enabled": true, "data": data } })).await.expect(200);
    let answer = execute(&admin, "crm", json!({ "params": { "url": "x" } })).await;
    assert_eq!(answer.json()["payload"]["body"], "mocked");
    assert_eq!(record(&admin, &answer).await["mocked"], true);
    let down = execute(&admin, "crm", json!({ "params": { "url": "x" }, "mockScenario": "down" })).await;
    assert_eq!(down.json(), json!({ "success": false, "error": "HTTP 503" }));
    let unknown = execute(&admin, "crm", json!({ "params": { "url": "x" }, "mockScenario": "nowhere" })).await;
    assert_eq!(unknown.json()["success"], false);
    assert!(upstream.received().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_test_command_testing_says_so() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    create(&admin, "crm", &upstream).await;
    let result = admin.post("/api/connectors/crm/test", &json!({})).await.expect(200);
    assert_eq!(result, json!({ "success": false, "error": "Connector type http has no test command" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn executions_are_listed_newest_first_page_by_page() {
    let upstream = Upstream::fixed(json!({})).await;
    let floh = Floh::start([&upstream]).await;
    let admin = floh.admin();
    for name in ["one", "two"] {
        create(&admin, name, &upstream).await;
    }
    let mut ids = Vec::new();
    for step in 0..5 {
        let body = json!({ "params": { "url": "x" }, "stepId": format!("s{step}") });
        ids.push(execution_id(&execute(&admin, "one", body).await));
    }
    execute(&admin, "two", json!({ "params": { "url": "x" } })).await;
    ids.reverse();

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = admin.get(&format!("/api/executions?connector=one&limit=2{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|row| row["id"].as_str().unwrap().to_owned()));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_types_describe_themselves() {
    let floh = Floh::start([]).await;
    let admin = floh.admin();
    let types = admin.get("/api/connector-types").await.expect(200);
    let names: Vec<_> = types["items"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    // What is compiled in, as the command line lists it, and the sample.
    let compiled: Value = serde_json::from_str(&run(["types", "--json"], &[]).await.stdout).unwrap();
    let mut wanted: Vec<_> = compiled.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(wanted.contains(&"delay") && wanted.contains(&"http"), "{compiled}");
    wanted.push("sample-script");
    wanted.sort_unstable();
    assert_eq!(names, wanted);
    assert_eq!(types["nextCursor"], Value::Null);

    let http = admin.get("/api/connector-types/http").await.expect(200);
    assert_eq!(http["configSchema"], json!({}), "legacyCommandlessUI");
    assert_eq!((&http["source"], &http["available"], &http["instances"]), (&json!("code"), &json!(true), &json!(0)));

    let capabilities = admin.get("/api/connector-types/http/capabilities").await.expect(200);
    assert_eq!(capabilities["defaultCommand"], "request");
    let command = &capabilities["commands"][0];
    assert_eq!(command["name"], "request");
    assert_eq!(command["params"][0]["name"], "method");
    assert_eq!(command["outputs"], json!(["status", "headers", "body"]));

    let schema = admin.get("/api/connector-types/delay/json-schema").await.expect(200);
    assert!(schema.to_string().contains("delayMs"), "{schema}");
    admin.delete("/api/connector-types/http").await.problem(409);
    admin.get("/api/connector-types/nope").await.problem(404);
}
