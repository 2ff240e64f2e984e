//! A power cut during a stream of executes: what was acknowledged is there afterwards.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use test_support::{Client, Floh, Gate, Reply, Upstream, eventually};

/// Executes one after the other until the server is gone, and keeps what was acknowledged.
async fn stream(client: Client, name: &'static str, first: u64, acknowledged: Arc<Mutex<BTreeMap<String, u64>>>) {
    let Ok(mut connection) = client.connect().await else { return };
    let token = format!("Bearer {}", test_support::ADMIN_TOKEN);
    let headers = [("content-type", "application/json"), ("authorization", token.as_str())];
    for n in first.. {
        let body = json!({ "params": { "url": "echo", "query": { "n": n } } }).to_string();
        let path = format!("/api/connectors/{name}/execute");
        let Ok(answer) = connection.send("POST", &path, &headers, body.as_bytes()).await else { return };
        assert_eq!(answer.expect(200)["payload"]["body"]["n"], n, "{answer}");
        let id = answer.header("x-execution-id").unwrap().to_owned();
        acknowledged.lock().unwrap().insert(id, n);
    }
}

/// Finds every execution page by page, and reads it.
async fn rows(client: &Client) -> BTreeMap<String, Value> {
    let (mut rows, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = client.get(&format!("/api/executions?limit=500{cursor}")).await.expect(200);
        for row in page["items"].as_array().unwrap() {
            let id = row["id"].as_str().unwrap();
            rows.insert(id.to_owned(), client.get(&format!("/api/executions/{id}")).await.expect(200));
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_loses_no_acknowledged_execution() {
    let hang = Gate::shut();
    let held = hang.clone();
    let upstream = Upstream::start(move |request| match request.query("n") {
        Some("hang") => Reply::json(200, &json!({})).behind(&held),
        Some(n) => Reply::json(200, &json!({ "n": n.parse::<u64>().unwrap() })),
        None => Reply::json(400, &json!({})),
    })
    .await;
    let mut floh = Floh::start([&upstream]).await;
    for name in ["one", "two"] {
        let config = json!({ "baseUrl": upstream.url("/") });
        let body = json!({ "name": name, "type": "http", "executionModel": "built_in", "config": config });
        floh.admin().post("/api/connectors", &body).await.expect(201);
    }

    let acknowledged = Arc::<Mutex<BTreeMap<String, u64>>>::default();
    let mut killed_after = 0;
    for round in 1..=3_u64 {
        let clients: Vec<_> = (0..4_u64)
            .map(|client| {
                let first = round * 1_000_000 + client * 100_000;
                let name = if client % 2 == 0 { "one" } else { "two" };
                tokio::spawn(stream(floh.anyone(), name, first, Arc::clone(&acknowledged)))
            })
            .collect();
        let mut hanging = floh.admin().connect().await.unwrap();
        let hanging = tokio::spawn(async move {
            let body = json!({ "params": { "url": "echo", "query": { "n": "hang", "round": round } } }).to_string();
            let headers = [("content-type", "application/json")];
            hanging.send("POST", "/api/connectors/one/execute", &headers, body.as_bytes()).await.is_err()
        });
        upstream.arrival(&format!("n=hang&round={round}")).await;
        let count = || acknowledged.lock().unwrap().len();
        let wanted = killed_after + 50;
        eventually("50 executions", || std::future::ready((count() >= wanted).then_some(()))).await;
        floh.kill_9().await;
        for client in clients {
            client.await.unwrap();
        }
        assert!(hanging.await.unwrap(), "the hanging call is never answered");
        killed_after = count();

        floh.restart().await;
        let rows = rows(&floh.admin()).await;
        for (id, n) in acknowledged.lock().unwrap().iter() {
            let row = rows.get(id).unwrap_or_else(|| panic!("execution {id} was acknowledged and is lost"));
            assert_eq!(row["status"], "succeeded", "{row}");
            assert_eq!(row["result"]["payload"]["body"]["n"], *n, "{row}");
        }
        let left: Vec<_> =
            rows.values().filter(|row| row["status"] == "accepted" || row["status"] == "started").collect();
        assert!(left.is_empty(), "what a dead process left is unknown: {left:?}");
        let params = json!({ "url": "echo", "query": { "n": "hang", "round": round } });
        let hung: Vec<_> = rows.values().filter(|row| row["params"] == params).collect();
        assert!(hung.iter().all(|row| row["status"] == "unknown"), "{hung:?}");
    }
    hang.open();
    let body = json!({ "params": { "url": "echo", "query": { "n": 7 } } });
    let answer = floh.admin().post("/api/connectors/one/execute", &body).await;
    assert_eq!(answer.expect(200)["payload"]["body"]["n"], 7, "and goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_rest_acknowledged_survives_too() {
    let mut floh = Floh::start([]).await;
    let admin = floh.admin();
    for n in 0..20 {
        let config = json!({ "token": "t0ken-4711" });
        let body = json!({ "name": format!("c-{n}"), "type": "http", "executionModel": "built_in", "config": config });
        admin.post("/api/connectors", &body).await.expect(201);
    }
    admin.delete("/api/connectors/c-0").await.expect(204);
    admin.put("/api/connectors/c-1", &json!({ "tags": ["kept"] })).await.expect(200);
    let token = json!({ "name": "reader", "kind": "api", "scopes": ["connectors:read"] });
    let token = admin.post("/api/tokens", &token).await.expect(201)["token"].as_str().unwrap().to_owned();
    floh.kill_9().await;
    floh.restart().await;
    let list = floh.anyone().with_token(token).get("/api/connectors?type=http&limit=500").await.expect(200);
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 19);
    assert!(items.iter().all(|connector| connector["secrets"]["token"]["set"] == true));
    assert_eq!(floh.admin().get("/api/connectors/c-1").await.expect(200)["tags"], json!(["kept"]));
}
