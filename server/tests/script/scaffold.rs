//! Scaffolds in a real sandbox: whatever is wished, the script is sound, and what it sends is what was wished.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use connector_runtime::egress::Policy;
use connector_runtime::registry::Registry;
use connector_runtime::schema::ConfigSchema;
use floh_client::bodies::Call;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use server::app::{App, Options};
use server::auth::OpContext;
use server::background::Retention;
use server::execute::{IdempotentOutcome, MAX_RECORDED};
use server::scaffold::{self, GUIDE_SCRIPTS, Wish};
use server::script::{Limits, Pool, Sandbox, Scripts};
use server::seed::SeedOptions;
use server::store::{OnLoss, sqlite_url};
use server::work::WorkLimits;
use server::{catalog, execute, input};
use test_support::{Reply, Upstream};

use super::support::{pool, settings};

fn wish(value: &Value) -> Wish {
    serde_json::from_value(value.clone()).unwrap()
}

/// Texts that end strings, comments and pages, hide, reverse, or mean something to the language.
const HOSTILE: &[&str] = &[
    "",
    "list users",
    "listUsers",
    "\"",
    "'",
    "`${throw 1}`",
    "\\",
    "\\u0022",
    "*/ throw 1; /*",
    "// x",
    "\n throw 1;",
    "\r\n});throw 1;({",
    "\u{2028}throw 1;",
    "\u{2029}throw 1;",
    "</script><script>throw 1</script>",
    "<!-- x",
    "--> throw 1",
    "\0",
    "\u{202e}\u{2066}abc",
    "\u{e0041}\u{e0042}",
    "\u{feff}\u{200b}",
    "delete",
    "test",
    "constructor",
    "__proto__",
    "prototype",
    "hasOwnProperty",
    "toString",
    "command",
    "callApi",
    "segment",
    "undefined",
    "NaN",
    "let",
    "await",
    "用户列表",
    "пользователи",
    "🚀🚀",
    "{id}",
    "}{",
    "#sourceMappingURL=x",
    "@ts-check",
    "use strict",
    "a/../../b",
    "%2e%2e",
    "..",
    "1",
    "\u{1}\u{7f}\u{9f}",
    "\u{d7ff}\u{e000}\u{ffff}",
];

fn hostile() -> impl Strategy<Value = String> {
    let one = prop::sample::select(HOSTILE).prop_map(str::to_owned);
    prop_oneof![
        4 => one.clone(),
        2 => prop::collection::vec(one, 2..5).prop_map(|parts| parts.concat()),
        1 => any::<String>(),
        1 => prop::sample::select(HOSTILE).prop_map(|text| text.repeat(10_000 / text.len().max(1))),
    ]
}

fn wishes() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        Just(json!(null)),
        hostile().prop_map(Value::String),
        hostile().prop_map(|text| json!(format!("/a/{{{text}}}/b"))),
        hostile().prop_map(|text| json!(format!("/a/{text}"))),
        Just(json!("/users/{id}/{id}/:name")),
    ];
    let method = prop::sample::select(vec![
        json!(null),
        json!("get"),
        json!("POST"),
        json!("PUT"),
        json!("DELETE"),
        json!("HEAD"),
    ]);
    let names = || prop::collection::vec(hostile(), 0..4);
    let command = (hostile(), prop::option::of(hostile()), method, path, names(), names()).prop_map(
        |(name, description, method, path, params, outputs)| {
            json!({ "name": name, "description": description, "method": method, "path": path, "params": params, "outputs": outputs })
        },
    );
    let url = prop::sample::select(vec![
        json!(null),
        json!("https://api.example.com/v1/"),
        json!("http://[::1]:8080/ä\"</script>"),
    ]);
    let auth = prop::sample::select(vec!["none", "apiKey", "bearer", "basic"]);
    (hostile(), url, auth, prop::collection::vec(command, 0..6)).prop_map(|(description, url, auth, commands)| {
        json!({ "description": description, "baseUrl": url, "auth": auth, "commands": commands })
    })
}

/// Takes the wish's own mistakes out of it, so that most of it is written.
fn drawable(wish_of: &mut Value, pool_limit: usize) -> Option<scaffold::ScaffoldConnector> {
    for _ in 0..100 {
        let error = match scaffold::draw(&wish(wish_of), pool_limit) {
            Ok(connector) => return Some(connector),
            Err(error) => error,
        };
        assert!(!error.mistakes().is_empty(), "{error}");
        for mistake in error.mistakes() {
            let mut parts = mistake.pointer.split('/').skip(1);
            let (Some(key), index, field) = (parts.next(), parts.next(), parts.next()) else { panic!("{mistake:?}") };
            match (key, index, field) {
                ("description", ..) => wish_of["description"] = json!("x"),
                ("commands", Some(index), Some("path")) => {
                    wish_of[key][index.parse::<usize>().unwrap()]["path"] = json!("/x");
                }
                ("commands", Some(index), Some(field)) => {
                    wish_of[key][index.parse::<usize>().unwrap()][field] = json!([]);
                }
                other => panic!("{other:?}: {mistake:?}"),
            }
        }
    }
    None
}

#[tokio::test]
async fn whatever_is_wished_the_script_is_sound() {
    const CASES: usize = 120;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
    let (pool, limits, strategy) = (pool(), Limits::default(), wishes());
    let mut commands_in_all = 0;
    for _ in 0..CASES {
        let mut wished = strategy.new_tree(&mut runner).unwrap().current();
        let drawn = drawable(&mut wished, limits.source).unwrap_or_else(|| panic!("{wished}"));
        let schema = ConfigSchema::parse(&drawn.config_schema).unwrap_or_else(|error| panic!("{wished}: {error}"));
        let names: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
        commands_in_all += names.len();
        let problems = pool.check(&drawn.script_source, &names, &limits).await.unwrap();
        assert_eq!(problems, [], "{wished}\n{}", drawn.script_source);
        let wanted = wished["commands"].as_array().unwrap().len();
        assert!(names.contains(&"test") && names.len() >= if wanted == 0 { 4 } else { wanted }, "{wished}: {names:?}");
        assert!(!drawn.script_source.contains("</script") && !drawn.script_source.contains('\u{202e}'));
        let body = serde_json::to_vec(&drawn).unwrap();
        let new = input::new_connector(&body).unwrap_or_else(|error| panic!("{wished}: {error}"));
        assert_eq!(new.name, new.type_name);
    }
    assert!(commands_in_all > 2 * CASES, "{commands_in_all}");
}

/// A server of its own with a real sandbox.
struct Server {
    app: App,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        connectors::link();
        let app = App::start_with(
            Registry::collect().unwrap(),
            Options {
                data_dir: folder.path(),
                database_url: &sqlite_url(&folder.path().join("floh.db")),
                master_key: None,
                policy: Policy::parse(&["127.0.0.1"], &[]).unwrap(),
                scripts: Scripts { sandbox: Arc::new(Pool::new(settings()).unwrap()), limits: Limits::default() },
                seed: SeedOptions::default(),
                retention: Retention::default(),
                record_limit: MAX_RECORDED,
                run_workers: server::run_queue::DEFAULT_RUN_WORKERS,
                work: WorkLimits::new(1 << 30),
                on_loss: OnLoss::Refuse,
                public_url: None,
                nats: None,
            },
        )
        .await
        .unwrap();
        Self { app, _folder: folder }
    }

    /// Creates the connector of a wish through the use case, with more keys of its body.
    async fn create(&self, wished: &Value, config: Value) -> String {
        let ctx = OpContext::system();
        let made = scaffold::generate_script(&ctx, &self.app, wish(wished)).await.unwrap();
        assert_eq!(made.checks, [], "{wished}");
        let mut body = serde_json::to_value(&made.connector).unwrap();
        body["config"] = config;
        let new = input::new_connector(body.to_string().as_bytes()).unwrap();
        catalog::create(&ctx, &self.app, new).await.unwrap().name
    }

    async fn call(&self, connector: &str, command: &str, params: Value) -> Value {
        let Value::Object(params) = params else { panic!("params are an object: {params}") };
        let call = Call { command: Some(command.to_owned()), params: Some(params), ..Call::default() };
        match execute::execute(&OpContext::system(), &self.app, connector, call, None).await.unwrap() {
            IdempotentOutcome::Ran(executed) => serde_json::to_value(executed.reply.into_result()).unwrap(),
            IdempotentOutcome::Replayed(_) => panic!("there was no key"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_wished_is_sent() {
    let upstream = Upstream::start(|request| match request.path() {
        "/v1/missing" => Reply::json(404, &json!({ "message": "nobody" })),
        "/v1/users" if request.method == "GET" => Reply::json(200, &json!([{ "id": 1 }])),
        _ => Reply::json(200, &json!({ "id": 7, "name": "Ada" })),
    })
    .await;
    let server = Server::start().await;
    let wished = json!({
        "description": "People", "name": "people", "baseUrl": upstream.url("/v1/"), "auth": "bearer",
        "commands": [
            { "name": "列出", "method": "GET", "path": "/users", "params": ["limit", "page[size]", "isActive", "tags", "q", "__proto__"], "outputs": ["users"] },
            { "name": "getUser", "method": "GET", "path": "/users/{user id}/files/{name}.txt" },
            { "name": "createUser", "method": "POST", "path": "/users", "params": ["name", "age", "metadata", "__proto__", "constructor"] },
            { "name": "delete", "method": "DELETE", "path": "/users/{id}" },
            { "name": "missing", "method": "GET", "path": "/missing" },
        ],
    });
    let name = server.create(&wished, json!({ "bearerToken": "secret-token-1" })).await;

    let params = json!({ "limit": 5, "pageSize": 2, "isActive": false, "tags": ["a b", "ü&=#"], "proto": "x" });
    let result = server.call(&name, "getUsers", params).await;
    assert_eq!(result, json!({ "success": true, "payload": { "users": [{ "id": 1 }] } }));
    let sent = upstream.take().pop().unwrap();
    assert_eq!(sent.header("authorization"), Some("Bearer secret-token-1"));
    let (path, query) = sent.target.split_once('?').unwrap();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let wanted = [
        ("limit", "5"),
        ("page[size]", "2"),
        ("isActive", "false"),
        ("tags", "a b"),
        ("tags", "ü&=#"),
        ("__proto__", "x"),
    ];
    assert_eq!((sent.method.as_str(), path, &pairs[..]), ("GET", "/v1/users", &wanted[..]));

    // Nothing leads out of its part of the path.
    let result = server.call(&name, "getUser", json!({ "userId": "a/../b?c#d%2e", "name": "ü" })).await;
    assert_eq!(result["payload"]["name"], "Ada", "{result}");
    assert_eq!(upstream.take().pop().unwrap().line(), "GET /v1/users/a%2F..%2Fb%3Fc%23d%252e/files/%C3%BC.txt");
    for id in [".", ".."] {
        let result = server.call(&name, "getUser", json!({ "userId": id, "name": "x" })).await;
        assert!(result["error"].as_str().unwrap().contains("which is no id"), "{result}");
        let result = server.call(&name, "deleteCommand", json!({ "id": id })).await;
        assert_eq!(result["success"], false, "{result}");
    }
    let result = server.call(&name, "getUser", json!({ "name": "x" })).await;
    assert!(result["error"].as_str().unwrap().contains("userId"), "{result}");
    assert_eq!(upstream.take().len(), 0, "none of these was sent");

    let params = json!({ "name": "A\"\u{2028}", "age": 9_007_199_254_740_993_u64, "metadata": { "a": [null] }, "constructorParam": "c" });
    let result = server.call(&name, "createUser", params).await;
    assert_eq!(result["success"], true, "{result}");
    let sent = upstream.take().pop().unwrap();
    assert_eq!((sent.line(), sent.header("content-type")), ("POST /v1/users", Some("application/json")));
    assert!(sent.body.contains("9007199254740993"), "{}", sent.body);
    let wanted = json!({ "name": "A\"\u{2028}", "age": 9_007_199_254_740_993_u64, "metadata": { "a": [null] }, "constructor": "c" });
    assert_eq!(sent.json(), wanted);
    let result = server.call(&name, "createUser", json!({ "proto": "x" })).await;
    assert_eq!(result["success"], true, "{result}");
    assert_eq!(upstream.take().pop().unwrap().body, r#"{"__proto__":"x"}"#);

    server.call(&name, "deleteCommand", json!({ "id": "7" })).await;
    let sent = upstream.take().pop().unwrap();
    assert_eq!((sent.line(), sent.body.as_str()), ("DELETE /v1/users/7", ""));
    let result = server.call(&name, "missing", json!({})).await;
    assert_eq!(result["error"], "The API answered 404 to GET /missing");
    assert_eq!(result["diagnostics"]["statusCode"], 404);
    upstream.take();
    assert_eq!(
        server.call(&name, "test", json!({})).await,
        json!({ "success": true, "payload": { "reachable": true } })
    );
    assert_eq!(upstream.take().pop().unwrap().line(), "GET /v1/users");
    server.app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_sent_as_the_api_wants_them() {
    let upstream = Upstream::start(|request| {
        let known = request.header("x-api-key") == Some("key-of-the-test")
            || request.header("authorization") == Some("Basic bWU6cMOkc3M=");
        Reply::json(if known { 404 } else { 401 }, &json!({}))
    })
    .await;
    let server = Server::start().await;
    let kinds = [
        ("apiKey", json!({ "apiKey": "key-of-the-test" })),
        ("basic", json!({ "username": "me", "password": "päss" })),
        ("none", json!({})),
    ];
    for (auth, mut config) in kinds {
        config["baseUrl"] = json!(upstream.url(""));
        let wished = json!({ "description": "x", "name": format!("with-{}", auth.to_ascii_lowercase()), "auth": auth, "commands": [{ "name": "createThing" }] });
        let name = server.create(&wished, config).await;
        // No command can be asked without params, so any answer but a refusal of the credentials will do.
        let result = server.call(&name, "test", json!({})).await;
        assert_eq!(result["success"], auth != "none", "{auth}: {result}");
        assert_eq!(upstream.take().pop().unwrap().line(), "GET /");
        server.call(&name, "createThing", json!({})).await;
        assert_eq!(upstream.take().pop().unwrap().line(), "POST /thing");
    }
    server.app.close().await;
}

#[tokio::test]
async fn the_example_of_the_guide_is_sound() {
    let block = |language: &str| {
        let (_, rest) = GUIDE_SCRIPTS.split_once(&format!("```{language}\n")).unwrap();
        rest.split_once("\n```").unwrap().0
    };
    let schema = ConfigSchema::parse(&serde_json::from_str(block("json")).unwrap()).unwrap();
    let names: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
    assert_eq!(names, ["test", "listUsers", "renameUser"]);
    assert_eq!(pool().check(block("js"), &names, &Limits::default()).await.unwrap(), []);
    // What it names is there.
    let declarations =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/declarations/floh.d.ts")).unwrap();
    for name in [
        "paginate",
        "token",
        "hmacSha512",
        "randomBytes",
        "sleep",
        "mockScenario",
        "idempotencyKey",
        "base64url",
        "multipart",
        "structuredClone",
    ] {
        assert!(GUIDE_SCRIPTS.contains(name) && declarations.contains(name), "{name}");
    }
}
