//! What one server writes, the others know after a second: connectors, secrets, places, names, types, tokens.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::agent::token;
use test_support::postgres::Cluster;
use test_support::{Client, Floh, Gate, Reply, Setup, Upstream, eventually};

use crate::fixture::service;
use crate::group::{Group, MASTER_KEY, Switch, listed_at};

/// After this time a write counts on every server.
const PROMISED: Duration = Duration::from_secs(1);
/// What a machine that runs other tests beside may add.
const SLACK: Duration = Duration::from_millis(700);

/// Two servers on one database, without NATS.
async fn two() -> Option<(Cluster, Floh, Floh)> {
    let cluster = Cluster::start()?;
    let url = cluster.create_database("rows");
    let start = async || {
        let setup = Setup::default().env("FLOH_DATABASE_URL", &url).env("FLOH_MASTER_KEY", MASTER_KEY);
        // Upstreams of the tests are on free ports.
        setup.env("FLOH_EGRESS_ALLOW", "127.0.0.1").start().await
    };
    let (one, other) = (start().await, start().await);
    Some((cluster, one, other))
}

/// Waits until something holds, and checks that it did so in the time that is promised.
async fn in_time<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let began = Instant::now();
    eventually(what, || {
        let holds = holds();
        async { holds.await.then_some(()) }
    })
    .await;
    assert!(began.elapsed() < PROMISED + SLACK, "{what} took {:?}", began.elapsed());
}

/// A service that tells which token it was shown.
async fn telling() -> Upstream {
    Upstream::start(|request| {
        let shown = request.header("authorization").unwrap_or("nothing").to_owned();
        Reply::json(200, &json!({ "shown": shown }))
    })
    .await
}

async fn make(client: &Client, name: &str, upstream: &Upstream, secret: &str) {
    let config = json!({ "baseUrl": upstream.url("/"), "authType": "bearer", "token": secret });
    let body = json!({ "name": name, "type": "http", "executionModel": "built_in", "config": config });
    client.post("/api/connectors", &body).await.expect(201);
}

async fn ask(client: &Client, name: &str) -> Value {
    let call = json!({ "command": "request", "params": { "url": "/", "method": "GET" } });
    let answer = client.post(&format!("/api/connectors/{name}/execute"), &call).await;
    let status = answer.status;
    let body = answer.expect(status);
    json!({ "status": status, "body": body })
}

/// Returns whether a call succeeds.
async fn works(client: &Client, name: &str) -> bool {
    ask(client, name).await["body"]["success"] == true
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_places_and_names_count_after_a_second() {
    let Some((_cluster, one, other)) = two().await else { return };
    let (a, b) = (one.admin(), other.admin());
    let (old, new) = (telling().await, telling().await);
    let put = async |client: &Client, name: &str, body: Value| {
        client.put(&format!("/api/connectors/{name}"), &body).await.expect(200)
    };
    let seen = |upstream: &Upstream| {
        upstream
            .take()
            .iter()
            .map(|request| request.header("authorization").unwrap_or("nothing").to_owned())
            .collect::<Vec<_>>()
    };

    // Row 4: another secret.
    make(&a, "crm", &old, "canary-first").await;
    assert!(works(&a, "crm").await && works(&b, "crm").await);
    assert_eq!(seen(&old), ["Bearer canary-first"; 2]);
    put(&b, "crm", json!({ "config": { "token": "canary-second" } })).await;
    in_time("the new secret", || async {
        ask(&a, "crm").await;
        seen(&old).contains(&"Bearer canary-second".to_owned())
    })
    .await;

    // Row 5: another place clears the secret; it is not sent there, and nothing goes to the old place.
    let moved = put(&b, "crm", json!({ "config": { "baseUrl": new.url("/") } })).await;
    assert_eq!(moved["secretsCleared"], json!(["token"]), "{moved}");
    in_time("the new place", || async {
        ask(&a, "crm").await["body"]["success"] != true || !new.received().is_empty()
    })
    .await;
    seen(&old);
    ask(&a, "crm").await;
    assert!(seen(&old).is_empty(), "nothing goes to the old place");
    let shown = seen(&new);
    assert!(shown.iter().all(|shown| !shown.contains("canary")), "{shown:?}");

    // Row 6: disabled, and deleted.
    make(&a, "erp", &old, "canary-third").await;
    assert!(works(&b, "erp").await);
    put(&a, "erp", json!({ "enabled": false })).await;
    in_time("disabled", || async { ask(&b, "erp").await["body"]["success"] == false }).await;
    put(&a, "erp", json!({ "enabled": true })).await;
    in_time("enabled", || async { ask(&b, "erp").await["body"]["success"] == true }).await;
    a.delete("/api/connectors/erp").await.expect(204);
    in_time("deleted", || async { ask(&b, "erp").await["status"] == 404 }).await;

    // Row 7: another connector takes the name.
    make(&a, "hr", &old, "canary-fourth").await;
    assert!(works(&b, "hr").await);
    put(&a, "hr", json!({ "name": "hr-old" })).await;
    make(&a, "hr", &new, "canary-fifth").await;
    seen(&new);
    in_time("the new bearer of the name", || async {
        ask(&b, "hr").await;
        seen(&new).contains(&"Bearer canary-fifth".to_owned())
    })
    .await;
    seen(&old);
    ask(&b, "hr").await;
    assert!(seen(&old).is_empty(), "the old bearer is not called by the name");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_and_tokens_count_after_a_second() {
    let Some((_cluster, one, other)) = two().await else { return };
    let (a, b) = (one.admin(), other.admin());
    // Row 8: another version of a script.
    let script = |version: &str, params: Value, text: &str| {
        json!({ "name": "greet", "type": "greet", "executionModel": "script", "version": version,
            "configSchema": { "commands": { "greet": params } },
            "scriptSource": format!("function greet(params) {{ return {{ success: true, payload: {{ text: {text:?} }} }}; }}") })
    };
    a.post("/api/connectors", &script("1.0.0", json!({}), "one")).await.expect(201);
    let greet = async |client: &Client| {
        let call = json!({ "command": "greet" });
        client.post("/api/connectors/greet/execute", &call).await.expect(200)
    };
    assert_eq!(greet(&b).await["payload"]["text"], "one");
    let needs = json!({ "params": ["who"], "paramSchema": { "who": { "type": "string", "required": true } } });
    let mut next = script("2.0.0", needs, "two");
    for fixed in ["name", "type", "executionModel"] {
        next.as_object_mut().unwrap().remove(fixed);
    }
    a.put("/api/connector-types/greet", &next).await.expect(200);
    in_time("the new script", || async {
        greet(&b).await["error"].as_str().is_some_and(|error| error.contains("who"))
    })
    .await;
    let row = b.get("/api/executions?connector=greet&limit=1").await.expect(200);
    assert_eq!(row["items"][0]["typeVersion"], "2.0.0", "{row}");

    // Row 14: a token.
    let made =
        a.post("/api/tokens", &json!({ "name": "ci", "kind": "api", "scopes": ["connectors:read"] })).await.expect(201);
    let ci = other.anyone().with_token(made["token"].as_str().unwrap());
    ci.get("/api/connectors").await.expect(200);
    a.delete(&format!("/api/tokens/{}", made["id"].as_str().unwrap())).await.expect(204);
    in_time("the end of the token", || async { ci.get("/api/connectors").await.status == 401 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_elsewhere_is_over_after_a_second() {
    let Some((_cluster, one, other)) = two().await else { return };
    let cookie = one.sign_in().await;
    let cookie = ("cookie", cookie.as_str());
    let shown_at = async |server: &Floh| server.browse("GET /connectors", &[cookie], b"").await.status;
    assert_eq!((shown_at(&one).await, shown_at(&other).await), (200, 200));
    let origin = format!("http://{}", other.address());
    let signed_out = other.browse("POST /logout", &[("origin", &origin), cookie], b"").await;
    assert_eq!(signed_out.status, 303, "{signed_out}");
    assert_eq!(shown_at(&other).await, 303);
    in_time("the end of the session", || async { shown_at(&one).await == 303 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_whose_token_is_revoked_elsewhere_is_gone_after_a_second() {
    let Some(group) = Group::start(2).await else { return };
    let [one, other] = &group.servers[..] else { panic!("two servers") };
    let service = service(&Gate::shut()).await;
    let switch = Switch::to(one).await;
    let site = group.crm(&service, &switch).await;
    let (id, secret) = token(one, "agent-prod-01", &["crm"]).await;
    let agent = site.file("token", &secret).start().await;
    listed_at(other, "connected", |agent| agent["state"] == "connected").await;
    // Row 15.
    let began = Instant::now();
    other.admin().delete(&format!("/api/tokens/{id}")).await.expect(204);
    agent.says("the token was revoked").await;
    assert!(began.elapsed() < PROMISED + SLACK, "{:?}", began.elapsed());
    listed_at(other, "lost", |agent| agent["state"] == "lost").await;
}
