//! Access tokens of imported connectors: fetched once for many calls, renewed early and after a 401, and hidden.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use test_support::{Client, Floh, Received, Reply, Upstream};
use tokio::task::JoinSet;

const SECRET: &str = "canary-client-secret-7Qx";
const TOKEN: &str = "canary-access-token-9Zk";

/// A service of tokens and an API behind it.
#[derive(Debug, Default)]
struct Service {
    /// How many tokens were handed out; each has its number in its name.
    tokens: AtomicUsize,
    /// Tokens of a smaller number are turned down.
    least: AtomicUsize,
    expires_in: AtomicUsize,
}

impl Service {
    fn answer(&self, request: &Received) -> Reply {
        if request.target == "/discovery" {
            let host = request.header("host").unwrap();
            return Reply::json(200, &json!({ "token_endpoint": format!("http://{host}/token") }));
        }
        if request.target == "/token" {
            let number = self.tokens.fetch_add(1, Ordering::SeqCst) + 1;
            // base64 of `client:canary-client-secret-7Qx`.
            if request.header("authorization") != Some("Basic Y2xpZW50OmNhbmFyeS1jbGllbnQtc2VjcmV0LTdReA==") {
                let body = json!({ "error": "invalid_client", "error_description": format!("got {}", request.body) });
                return Reply::json(401, &body);
            }
            let expires_in = self.expires_in.load(Ordering::SeqCst);
            return Reply::json(200, &json!({ "access_token": format!("{TOKEN}-{number}"), "expires_in": expires_in }));
        }
        let number = request.header("authorization").and_then(|value| value.rsplit('-').next()?.parse().ok());
        if number.is_none_or(|number: usize| number < self.least.load(Ordering::SeqCst)) {
            return Reply::json(401, &json!({ "message": format!("not {:?}", request.header("authorization")) }));
        }
        match request.target.as_str() {
            "/fail" => Reply::json(500, &json!({ "message": request.header("authorization") })),
            _ => Reply::json(200, &json!({ "number": number })),
        }
    }

    fn tokens(&self) -> usize {
        self.tokens.load(Ordering::SeqCst)
    }
}

async fn started(expires_in: usize) -> (Floh, Upstream, Arc<Service>) {
    let service = Arc::new(Service::default());
    service.expires_in.store(expires_in, Ordering::SeqCst);
    let serving = Arc::clone(&service);
    let upstream = Upstream::start(move |request| serving.answer(request)).await;
    let floh = Floh::start([&upstream]).await;
    (floh, upstream, service)
}

/// Imports a document and makes a connector of it.
async fn import(client: &Client, upstream: &Upstream, name: &str, scheme: Value, config: Value) {
    let get = |id: &str| json!({ "get": { "operationId": id, "responses": { "200": { "description": "" } } } });
    let spec = json!({
        "openapi": "3.1.0", "info": { "title": name, "version": "1" }, "servers": [{ "url": upstream.url("") }],
        "components": { "securitySchemes": { "client": scheme } }, "security": [{ "client": ["read"] }],
        "paths": { "/items": get("items"), "/fail": get("fail") },
    });
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": name })).await.expect(200);
    draft["config"] = config;
    draft["logLevel"] = json!("trace");
    client.post("/api/connectors", &draft).await.expect(201);
}

async fn oauth(client: &Client, upstream: &Upstream, name: &str) {
    let scheme = json!({ "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": upstream.url("/token"), "scopes": { "read": "" } } } });
    import(client, upstream, name, scheme, json!({ "clientId": "client", "clientSecret": SECRET })).await;
}

async fn call(client: &Client, name: &str, command: &str) -> Value {
    client.post(&format!("/api/connectors/{name}/execute"), &json!({ "command": command })).await.expect(200)
}

/// Calls at the same time, and answers the numbers of the tokens that served.
async fn calls(client: &Client, name: &str, many: usize) -> BTreeSet<u64> {
    let mut calling = JoinSet::new();
    for _ in 0..many {
        let (client, name) = (client.clone(), name.to_owned());
        calling.spawn(async move { call(&client, &name, "items").await });
    }
    let results = calling.join_all().await;
    results.iter().map(|result| result["payload"]["number"].as_u64().unwrap_or_else(|| panic!("{result}"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_token_serves_many_calls_and_is_renewed_once() {
    let (floh, upstream, service) = started(3600).await;
    let client = floh.admin();
    oauth(&client, &upstream, "shared").await;
    assert_eq!(calls(&client, "shared", 50).await, [1].into());
    assert_eq!(service.tokens(), 1, "one request serves 50 calls");
    // Withdrawn before its time: every call meets a 401 and asks for another one.
    service.least.store(2, Ordering::SeqCst);
    assert_eq!(calls(&client, "shared", 50).await, [2].into());
    assert_eq!(service.tokens(), 2, "one renewal serves all who were turned down");
    // A service that turns every token down is asked once more, and no third time.
    service.least.store(usize::MAX, Ordering::SeqCst);
    let refused = call(&client, "shared", "items").await;
    assert_eq!(refused["diagnostics"]["statusCode"], 401, "{refused}");
    assert_eq!(service.tokens(), 3);
    // Another connector with the same credentials has tokens of its own, and so has one whose config was written.
    service.least.store(0, Ordering::SeqCst);
    assert_eq!(calls(&client, "shared", 1).await, [3].into());
    client.put("/api/connectors/shared", &json!({ "config": { "clientSecret": SECRET } })).await.expect(200);
    assert_eq!(calls(&client, "shared", 1).await, [4].into());
    oauth(&client, &upstream, "other").await;
    assert_eq!(calls(&client, "other", 1).await, [5].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_nearly_over_is_fetched_anew() {
    let (floh, upstream, service) = started(1).await;
    let client = floh.admin();
    let scheme = json!({ "type": "openIdConnect", "openIdConnectUrl": upstream.url("/discovery") });
    import(&client, &upstream, "brief", scheme, json!({ "clientId": "client", "clientSecret": SECRET })).await;
    for number in 1..=3 {
        assert_eq!(calls(&client, "brief", 1).await, [number].into());
    }
    assert_eq!(service.tokens(), 3, "a second is too short to keep it");
    let discoveries = upstream.received().iter().filter(|request| request.target == "/discovery").count();
    assert_eq!(discoveries, 1, "where tokens are fetched is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_secret_nor_the_token_is_told() {
    let (floh, upstream, service) = started(3600).await;
    let client = floh.admin();
    oauth(&client, &upstream, "hidden").await;
    assert_eq!(calls(&client, "hidden", 1).await, [1].into());
    let failed = call(&client, "hidden", "fail").await;
    assert_eq!(failed["diagnostics"]["responseBody"]["message"], "Bearer [redacted]", "{failed}");

    // A script of one's own that logs its token and throws it.
    let source = "function main() { var t = floh.auth.token({ tokenUrl: floh.config.url, clientId: 'client', \
        clientSecret: floh.config.key, scopes: 'a b', style: 'basic' }); floh.log.info('token', t); throw new Error(t); }\n\
        function twice() { var ask = { tokenUrl: floh.config.url, clientId: 'client', clientSecret: floh.config.key }; \
        return { success: true, payload: [floh.auth.token(ask), floh.auth.token(ask)].map(function (t) { return t.length; }) }; }";
    let fields = json!({ "url": { "type": "string" }, "key": { "type": "string", "secret": true } });
    let body = json!({
        "name": "own", "type": "own", "executionModel": "script", "version": "1.0.0", "logLevel": "trace",
        "configSchema": { "connectionConfig": fields, "commands": { "main": {}, "twice": {} } }, "scriptSource": source,
        "config": { "url": upstream.url("/token"), "key": SECRET },
    });
    client.post("/api/connectors", &body).await.expect(201);
    let thrown = call(&client, "own", "main").await;
    assert_eq!(thrown["error"], "[redacted]", "{thrown}");
    assert_eq!(upstream.received().last().unwrap().body, "grant_type=client_credentials&scope=a+b");
    let twice = call(&client, "own", "twice").await;
    assert_eq!((&twice["payload"], service.tokens()), (&json!([25, 25]), 3), "{twice}");

    // A wrong secret is told with the place and the status, though the service repeats what it was sent.
    client.put("/api/connectors/own", &json!({ "config": { "key": format!("{SECRET}-wrong") } })).await.expect(200);
    let refused = call(&client, "own", "twice").await;
    let error = refused["error"].as_str().unwrap();
    assert!(error.contains(&format!("{} answered 401: invalid_client", upstream.url("/token"))), "{error}");
    assert_eq!(refused["diagnostics"]["code"], "token");

    let rows = client.get("/api/executions").await.expect(200);
    let ids: Vec<&str> = rows["items"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 5);
    let mut seen = format!("{thrown}{failed}{refused}{}", floh.logs());
    for id in ids {
        seen.push_str(&client.get(&format!("/api/executions/{id}")).await.expect(200).to_string());
    }
    assert!(seen.contains("token [redacted]"), "the line is kept without the token");
    for canary in [SECRET, TOKEN] {
        assert!(!seen.contains(canary), "{canary} in {seen}");
    }
}

/// An operation with a server of its own got the access token of the API.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_served_elsewhere_gets_no_token() {
    let (_, upstream, service) = started(3600).await;
    let elsewhere = Upstream::start(|_| Reply::json(200, &json!({ "number": 0 }))).await;
    let floh = Floh::start([&upstream, &elsewhere]).await;
    let client = floh.admin();
    let get = |id: &str, more: Value| {
        let mut operation = json!({ "operationId": id, "responses": { "200": { "description": "" } } });
        operation.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "get": operation })
    };
    let flow = json!({ "tokenUrl": upstream.url("/token"), "scopes": {} });
    let spec = json!({
        "openapi": "3.1.0", "info": { "title": "x", "version": "1" }, "servers": [{ "url": upstream.url("") }],
        "components": { "securitySchemes": {
            "client": { "type": "oauth2", "flows": { "clientCredentials": flow } },
            "key": { "type": "apiKey", "in": "query", "name": "key" } } },
        "security": [{ "client": [], "key": [] }],
        "paths": {
            "/items": get("items", json!({ "servers": [{ "url": upstream.url("/v2/") }] })),
            "/stolen": get("stolen", json!({ "servers": [{ "url": elsewhere.url("/v2") }] })) },
    });
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec, "name": "api" })).await.expect(200);
    let verdicts: Vec<&Value> =
        draft["operations"].as_array().unwrap().iter().map(|operation| &operation["verdict"]).collect();
    assert_eq!(verdicts, ["exact", "degraded"]);
    let reason = draft["operations"][1]["reasons"][0]["message"].as_str().unwrap();
    assert!(reason.contains("its calls are sent without the connection's credentials"), "{reason}");
    draft["config"] = json!({ "clientId": "client", "clientSecret": SECRET, "key": "canary-api-key-42" });
    client.post("/api/connectors", &draft).await.expect(201);
    assert_eq!(call(&client, "api", "items").await["success"], true);
    assert_eq!(upstream.received().last().unwrap().target, "/v2/items?key=canary-api-key-42");
    assert_eq!(call(&client, "api", "stolen").await["success"], true);
    let [stolen] = elsewhere.received().try_into().unwrap();
    assert_eq!((stolen.target.as_str(), stolen.header("authorization")), ("/v2/stolen", None));
    assert_eq!(service.tokens(), 1);
}

/// Where tokens are fetched may have the client's credentials, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_gets_the_clients_credentials_alone() {
    let (_, tokens, _) = started(3600).await;
    let api = Upstream::start(|_| Reply::json(200, &json!({}))).await;
    let floh = Floh::start([&tokens, &api]).await;
    let client = floh.admin();
    let source = "function ask(more) { var c = floh.config; return floh.auth.token(Object.assign(\
        { tokenUrl: c.tokenUrl, clientId: 'client', clientSecret: c.clientSecret }, more)); }\n\
        function fine() { var h = { Authorization: 'Bearer ' + ask({}) }; floh.http.get(floh.config.baseUrl + '/x', h); }\n\
        function audience() { ask({ audience: 'a ' + floh.config.apiKey }); }\n\
        function scope() { ask({ scopes: [floh.config.apiKey] }); }\n\
        function moved() { ask({ tokenUrl: floh.config.tokenUrl + '?x=1' }); }\n\
        function key() { floh.http.get(floh.config.tokenUrl, { 'X-Key': floh.config.apiKey }); }\n\
        function back() { floh.http.get(floh.config.tokenUrl, { Authorization: 'Bearer ' + ask({}) }); }";
    let secret = json!({ "type": "string", "secret": true });
    let fields = json!({ "baseUrl": { "type": "string" }, "tokenUrl": { "type": "string" }, "apiKey": secret, "clientSecret": secret });
    let commands = json!({ "fine": {}, "audience": {}, "scope": {}, "moved": {}, "key": {}, "back": {} });
    let body = json!({
        "name": "own", "type": "own", "executionModel": "script", "version": "1.0.0",
        "configSchema": { "connectionConfig": fields, "commands": commands }, "scriptSource": source,
        "config": { "baseUrl": api.url(""), "tokenUrl": tokens.url("/token"), "apiKey": "canary-api-key-42", "clientSecret": SECRET },
    });
    client.post("/api/connectors", &body).await.expect(201);
    let fine = call(&client, "own", "fine").await;
    assert_eq!(fine["success"], true, "{fine}");
    let asked = tokens.received().len();
    for (command, code) in
        [("audience", "request"), ("scope", "request"), ("moved", "scope"), ("key", "scope"), ("back", "scope")]
    {
        let refused = call(&client, "own", command).await;
        assert_eq!(refused["diagnostics"]["code"], code, "{command}: {refused}");
    }
    assert_eq!(tokens.received().len(), asked, "nothing else was sent there");
}

/// Whoever issues tokens chooses their length: one above the limit is refused with the reason, and a long one below it
/// freezes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_cannot_freeze_the_server() {
    let length = Arc::new(AtomicUsize::new(64 * 1024 + 1));
    let told = Arc::clone(&length);
    let upstream = Upstream::start(move |request| match request.target.as_str() {
        "/token" => {
            let token = "eyJhbGciOiJSUzI1NiJ9.".repeat(4_000);
            Reply::json(200, &json!({ "access_token": &token[..told.load(Ordering::SeqCst)], "expires_in": 3600 }))
        }
        "/fail" => Reply::json(500, &json!({ "message": request.header("authorization") })),
        _ => Reply::json(200, &json!({})),
    })
    .await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    oauth(&client, &upstream, "long").await;
    let refused = call(&client, "long", "items").await;
    let error = refused["error"].as_str().unwrap();
    assert!(
        error.contains("an access_token that is too long: it has 65537 bytes, and a secret has at most 65536"),
        "{error}"
    );
    assert!(!refused.to_string().contains("eyJhbG"), "{refused}");
    // Whether the service reads a header of 20 kB or not: nobody waits, and nothing is told.
    length.store(20_000, Ordering::SeqCst);
    let mut calling = JoinSet::new();
    for _ in 0..4 {
        let client = client.clone();
        calling.spawn(async move { call(&client, "long", "fail").await });
    }
    for result in calling.join_all().await {
        assert!(!result.to_string().contains("eyJhbG"), "{result}");
        assert_eq!(result["error"], "GET /fail answered 500: a message of 20007 characters, see responseBody");
        assert_eq!(result["diagnostics"]["responseBody"]["message"], "Bearer [redacted]");
    }
    client.get("/readyz").await.expect(200);
}
