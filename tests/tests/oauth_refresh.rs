//! Access and refresh tokens that a person got elsewhere: used in their order, renewed once for many calls, rotated
//! durably, and hidden.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use test_support::{Client, Floh, Gate, Received, Reply, Upstream};
use tokio::task::JoinSet;

const REFRESH: &str = "canary-refresh-token";
const ACCESS: &str = "canary-access-token";
const SECRET: &str = "canary-client-secret";

/// A service that rotates refresh tokens, and takes an earlier one for theft.
#[derive(Debug, Default)]
struct Service(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How often a token was refreshed: the number in the one refresh token that is valid.
    rotations: usize,
    /// The number in the least access token that is accepted.
    least: usize,
    is_revoked: bool,
    keeps: bool,
    gate: Option<Gate>,
}

impl Service {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn answer(&self, request: &Received) -> Reply {
        let mut state = self.state();
        if request.path() != "/token" {
            let number: Option<usize> =
                request.header("authorization").and_then(|value| value.rsplit('-').next()?.parse().ok());
            return match number {
                Some(number) if number >= state.least => Reply::json(200, &json!({ "number": number })),
                _ => Reply::json(401, &json!({ "message": request.header("authorization") })),
            };
        }
        let pairs = request.body.split('&').filter_map(|pair| pair.split_once('='));
        let form: BTreeMap<&str, &str> = pairs.collect();
        let (own, next) = (format!("{REFRESH}-{}", state.rotations), state.rotations + 1);
        let reply = if form["grant_type"] == "client_credentials" {
            Reply::json(200, &json!({ "access_token": format!("{ACCESS}-500"), "expires_in": 3600 }))
        } else if state.is_revoked || form["refresh_token"] != own {
            state.is_revoked = true;
            let told = format!("not {} nor {}", form["refresh_token"], form.get("client_secret").unwrap_or(&""));
            Reply::json(400, &json!({ "error": "invalid_grant", "error_description": told }))
        } else {
            let mut answer = json!({ "access_token": format!("{ACCESS}-{next}"), "expires_in": 3600 });
            state.rotations = next;
            if state.keeps {
                state.rotations -= 1;
            } else {
                answer["refresh_token"] = json!(format!("{REFRESH}-{next}"));
            }
            Reply::json(200, &answer)
        };
        match &state.gate {
            Some(gate) => reply.behind(gate),
            None => reply,
        }
    }
}

async fn started() -> (Floh, Upstream, Arc<Service>) {
    let service = Arc::new(Service::default());
    let serving = Arc::clone(&service);
    let upstream = Upstream::start(move |request| serving.answer(request)).await;
    let floh = Floh::start([&upstream]).await;
    (floh, upstream, service)
}

async fn import(client: &Client, upstream: &Upstream, name: &str, config: Value) -> Value {
    let get = json!({ "get": { "operationId": "items", "responses": { "200": { "description": "" } } } });
    let flow = json!({ "authorizationUrl": upstream.url("/authorize"), "tokenUrl": upstream.url("/token"), "scopes": { "read": "" } });
    let spec = json!({
        "openapi": "3.1.0", "info": { "title": name, "version": "1" }, "servers": [{ "url": upstream.url("") }],
        "components": { "securitySchemes": { "user": { "type": "oauth2", "flows": { "authorizationCode": flow } } } },
        "security": [{ "user": ["read"] }], "paths": { "/items": get },
    });
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": name })).await.expect(200);
    assert_eq!(draft["operations"][0]["verdict"], "exact");
    draft["config"] = config;
    draft["logLevel"] = json!("trace");
    client.post("/api/connectors", &draft).await.expect(201);
    draft
}

async fn call(client: &Client, name: &str) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), &json!({ "command": "items" })).await.expect(200)
}

async fn number(client: &Client, name: &str) -> u64 {
    let result = call(client, name).await;
    result["payload"]["number"].as_u64().unwrap_or_else(|| panic!("{result}"))
}

fn asked(upstream: &Upstream) -> Vec<String> {
    let sent = upstream.received().into_iter().filter(|request| request.path() == "/token");
    sent.map(|request| request.body).collect()
}

fn refresh() -> Value {
    json!({ "clientId": "app", "refreshToken": format!("{REFRESH}-0") })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_rotated_across_restarts_and_one_request_serves_many_calls() {
    let (mut floh, upstream, service) = started().await;
    let client = floh.admin();
    import(&client, &upstream, "user", refresh()).await;
    let mut calling = JoinSet::new();
    for _ in 0..30 {
        let client = client.clone();
        calling.spawn(async move { number(&client, "user").await });
    }
    assert_eq!(calling.join_all().await, [1; 30]);
    assert_eq!(asked(&upstream), [format!("grant_type=refresh_token&refresh_token={REFRESH}-0&client_id=app")]);

    // Killed and started again: the access token is still valid, and so is the refresh token that was answered.
    floh.kill_9().await;
    floh.restart().await;
    let client = floh.admin();
    assert_eq!((number(&client, "user").await, asked(&upstream).len()), (1, 1), "nothing is asked again");
    service.state().least = 2;
    assert_eq!(number(&client, "user").await, 2, "a 401 makes one refresh and one retry");
    assert!(asked(&upstream)[1].contains(&format!("refresh_token={REFRESH}-1")), "{:?}", asked(&upstream));
    // A change of the connector that has nothing to do with it.
    client.put("/api/connectors/user", &json!({ "description": "x" })).await.expect(200);
    assert_eq!((number(&client, "user").await, asked(&upstream).len()), (2, 2));
    // A service that turns everything down is asked once, and the failure says what to look at.
    service.state().least = usize::MAX;
    let refused = call(&client, "user").await;
    assert_eq!((&refused["diagnostics"]["statusCode"], asked(&upstream).len()), (&json!(401), 3), "{refused}");
    assert!(refused["error"].as_str().unwrap().contains("a renewed access token was not accepted either"), "{refused}");
    let view = client.get("/api/connectors/user").await.expect(200);
    assert!(!view.to_string().contains("$refreshed"), "{view}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_early_loses_no_answer() {
    let (floh, upstream, service) = started().await;
    let client = floh.admin();
    import(&client, &upstream, "user", refresh()).await;
    client.put("/api/connectors/user", &json!({ "timeoutMs": 300 })).await.expect(200);
    let gate = Gate::shut();
    service.state().gate = Some(gate.clone());
    let late = call(&client, "user").await;
    assert_eq!(late["success"], false, "{late}");
    service.state().gate = None;
    // Meanwhile the connector is changed: what is loaded of it anew waits for the answer, and sends nothing.
    client.put("/api/connectors/user", &json!({ "timeoutMs": 20_000 })).await.expect(200);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { number(&client, "user").await }
    });
    gate.open();
    assert_eq!((waiting.await.unwrap(), asked(&upstream).len()), (1, 1));
    assert!(!service.state().is_revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_filled_in_is_used_in_its_order() {
    let (floh, upstream, service) = started().await;
    let client = floh.admin();
    // An access token alone: used until it is rejected, and then the failure says what to fill in.
    let draft = import(&client, &upstream, "alone", json!({ "accessToken": format!("{ACCESS}-7") })).await;
    let fields = draft["configSchema"]["connectionConfig"].as_object().unwrap();
    let shown = ["accessToken", "refreshToken", "clientSecret"].map(|name| fields[name]["secret"].clone());
    assert_eq!(shown, [true; 3].map(Value::from));
    assert!(fields.values().all(|field| field["description"].as_str().is_some_and(|text| !text.is_empty())));
    assert_eq!(fields["clientAuthentication"]["options"].as_array().unwrap().len(), 2, "{fields:?}");
    assert_eq!((number(&client, "alone").await, asked(&upstream).len()), (7, 0));
    service.state().least = 8;
    let refused = call(&client, "alone").await;
    assert!(
        refused["error"].as_str().unwrap().contains("`accessToken` was not accepted and cannot be renewed"),
        "{refused}"
    );

    // With a refresh token it is replaced, and is not tried again after a restart either.
    service.state().least = 0;
    let mut both = refresh();
    both["accessToken"] = json!(format!("{ACCESS}-0"));
    both["clientSecret"] = json!(SECRET);
    both["clientAuthentication"] = json!("post");
    both["scope"] = json!("a b");
    both["audience"] = json!("https://api.example.com/");
    both["resource"] = json!("urn:x");
    import(&client, &upstream, "both", both).await;
    assert_eq!((number(&client, "both").await, asked(&upstream).len()), (0, 0));
    service.state().least = 1;
    assert_eq!(number(&client, "both").await, 1);
    let form = "&scope=a+b&audience=https%3A%2F%2Fapi.example.com%2F&resource=urn%3Ax&client_id=app&client_secret=";
    assert_eq!(asked(&upstream), [format!("grant_type=refresh_token&refresh_token={REFRESH}-0{form}{SECRET}")]);
    let mut floh = floh;
    floh.restart().await;
    let client = floh.admin();
    upstream.take();
    assert_eq!(number(&client, "both").await, 1);
    assert_eq!(upstream.received().len(), 1, "neither a 401 nor a refresh");
    // A new access token is used again.
    client
        .put("/api/connectors/both", &json!({ "config": { "accessToken": format!("{ACCESS}-90") } }))
        .await
        .expect(200);
    assert_eq!(number(&client, "both").await, 90);

    // Without a refresh token the client's credentials come next.
    let config = json!({ "accessToken": format!("{ACCESS}-0"), "clientId": "app", "clientSecret": SECRET, "clientAuthentication": "basic" });
    import(&client, &upstream, "client", config).await;
    assert_eq!(number(&client, "client").await, 500);
    assert_eq!(upstream.received().last().unwrap().path(), "/items");
    let none = import(&client, &upstream, "none", json!({})).await;
    assert!(!none["configSchema"]["connectionConfig"]["clientId"]["required"].as_bool().unwrap_or_default());
    let told = call(&client, "none").await;
    assert!(told["error"].as_str().unwrap().contains("`accessToken`, or is fetched with `refreshToken`"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_says_how_to_mend_it_and_nothing_is_told() {
    let (floh, upstream, service) = started().await;
    let client = floh.admin();
    let mut config = refresh();
    config["clientSecret"] = json!(SECRET);
    config["clientAuthentication"] = json!("post");
    import(&client, &upstream, "user", config).await;
    assert_eq!(number(&client, "user").await, 1);
    service.state().is_revoked = true;
    service.state().least = 2;
    let refused = call(&client, "user").await;
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains("answered 400: invalid_grant: not [redacted] nor [redacted]"), "{error}");
    assert!(error.contains("sign in at the service again and fill in `refreshToken` anew"), "{error}");
    assert_eq!(asked(&upstream).len(), 2, "a refused refresh token is not sent again in another way");

    // Filled in anew: what was kept of the one before is not used.
    *service.state() = State::default();
    client
        .put("/api/connectors/user", &json!({ "config": { "refreshToken": format!("{REFRESH}-0") } }))
        .await
        .expect(200);
    assert_eq!(number(&client, "user").await, 1);
    // Tokens are fetched elsewhere from now on: the secrets are cleared, and what was got with them.
    let moved = json!({ "config": { "tokenUrl": "https://elsewhere.example.com/token" } });
    let moved = client.put("/api/connectors/user", &moved).await.expect(200);
    assert_eq!(moved["secretsCleared"], json!(["clientSecret", "refreshToken"]), "{moved}");
    assert_eq!(call(&client, "user").await["success"], false);

    let mut seen = format!("{refused}{}", floh.logs());
    for row in client.get("/api/executions").await.expect(200)["items"].as_array().unwrap() {
        let id = row["id"].as_str().unwrap();
        seen.push_str(&client.get(&format!("/api/executions/{id}")).await.expect(200).to_string());
    }
    seen.push_str(&client.get("/api/audit").await.json().to_string());
    for canary in [REFRESH, ACCESS, SECRET] {
        assert!(!seen.contains(canary), "{canary} in {seen}");
    }
}

/// A service may answer no new refresh token: the one that was filled in stays.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_not_rotated_stays() {
    let (floh, upstream, service) = started().await;
    service.state().keeps = true;
    let client = floh.admin();
    import(&client, &upstream, "user", refresh()).await;
    assert_eq!(number(&client, "user").await, 1);
    service.state().least = 2;
    assert_eq!(call(&client, "user").await["diagnostics"]["statusCode"], 401);
    let all = asked(&upstream);
    assert_eq!((all.len(), &all[0]), (2, &all[1]));
}
