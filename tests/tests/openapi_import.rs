//! `floh import` and re-imports against a running server: what is made, what changes, and that the server goes by
//! it from the next call on.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]
#![allow(clippy::needless_pass_by_value, reason = "shorter calls")]

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use test_support::{ADMIN_TOKEN, run, run_with_input};
use test_support::{Exit, Floh, Reply, Upstream};

/// A service that serves its own document, which a test may change, and answers where it was called.
struct Service {
    upstream: Upstream,
    document: Arc<Mutex<Value>>,
}

impl Service {
    async fn start(paths: Value) -> Self {
        let document = Arc::new(Mutex::new(document(paths)));
        let served = Arc::clone(&document);
        let upstream = Upstream::start(move |request| match request.target.as_str() {
            "/openapi.json" => Reply::json(200, &served.lock().unwrap()),
            "/moved" => Reply::text(302, "").with_header("location", "/openapi.json"),
            "/away" => Reply::text(302, "").with_header("location", "http://127.0.0.1:1/openapi.json"),
            "/gone" => Reply::text(404, "nothing here"),
            target => Reply::json(200, &json!({ "called": format!("{} {target}", request.method) })),
        })
        .await;
        Self { upstream, document }
    }

    fn change(&self, paths: Value) {
        *self.document.lock().unwrap() = document(paths);
    }

    async fn import(&self, floh: &Floh, more: &[&str]) -> Exit {
        import(floh, &self.upstream.url("/openapi.json"), &self.upstream, more).await
    }
}

fn document(paths: Value) -> Value {
    json!({ "openapi": "3.1.0", "info": { "title": "Pets", "version": "1.0.0" }, "paths": paths,
        "components": { "securitySchemes": { "apiKey": { "type": "apiKey", "in": "header", "name": "X-Key" } } } })
}

fn operation(id: &str, tag: &str) -> Value {
    json!({ "operationId": id, "tags": [tag] })
}

fn first() -> Value {
    json!({ "/pets": { "get": operation("listPets", "a"), "post": operation("addPet", "b") },
        "/pets/{id}": { "get": operation("getPet", "a"), "delete": operation("dropPet", "b") } })
}

/// Runs `floh import` against a server; the service's address is open to it.
async fn import(floh: &Floh, source: &str, from: &Upstream, more: &[&str]) -> Exit {
    let (server, open) = (format!("http://{}", floh.address()), from.address().to_string());
    let args = ["import", source, "--server", &server, "--egress-allow", &open];
    run([&args[..], more].concat(), &[("FLOH_TOKEN", ADMIN_TOKEN)]).await
}

async fn called(floh: &Floh, command: &str) -> Value {
    let body = json!({ "command": command });
    floh.admin().post("/api/connectors/pets/execute", &body).await.expect(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_becomes_a_connector_and_later_its_new_version() {
    let service = Service::start(first()).await;
    let floh = Floh::start([&service.upstream]).await;
    let base = format!("baseUrl={}", service.upstream.url("/"));
    let made = service.import(&floh, &["--config", &base, "--config", "apiKey=key-123456"]).await;
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""), "{made:?}");
    for line in ["  exact     dropPet   DELETE /pets/{id}\n", "  4 exact\n", "made connector pets; it is ready\n"] {
        assert!(made.stdout.contains(line), "{line}: {}", made.stdout);
    }
    assert_eq!(called(&floh, "addPet").await["payload"]["called"], "POST /pets");

    // The same document again changes nothing.
    let same = service.import(&floh, &[]).await;
    assert_eq!(same.code, Some(0), "{same:?}");
    assert!(same.stdout.ends_with("connector type pets is as it was; it has version 1.0.0\n"), "{}", same.stdout);

    // Another id at the same method and path, another path of the same id, one gone, one new.
    service.change(json!({ "/animals": { "get": operation("listPets", "a") },
        "/pets": { "post": operation("createPet", "b") }, "/pets/{id}": { "get": operation("getPet", "a") },
        "/owners": { "get": operation("listOwners", "a") } }));
    let refused = service.import(&floh, &[]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stdout.contains("  major  /commands/dropPet: "), "{}", refused.stdout);
    assert!(refused.stderr.contains("2.0.0") && refused.stderr.contains("--bump takes that version"), "{refused:?}");
    assert_eq!(called(&floh, "listPets").await["payload"]["called"], "GET /pets");
    let told = service.import(&floh, &["--json"]).await;
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!((&told["error"]["code"], &told["error"]["change"]["level"]), (&json!("invalid"), &json!("major")));

    let changed = service.import(&floh, &["--bump"]).await;
    assert_eq!(changed.code, Some(0), "{changed:?}");
    assert!(changed.stdout.contains("  exact     addPet      POST /pets\n"), "the name stays: {}", changed.stdout);
    assert!(changed.stdout.ends_with("changed connector type pets (major); it has version 2.0.0\n"), "{changed:?}");
    assert_eq!(called(&floh, "listPets").await["payload"]["called"], "GET /animals");
    assert_eq!(called(&floh, "addPet").await["payload"]["called"], "POST /pets");
    assert_eq!(called(&floh, "listOwners").await["payload"]["called"], "GET /owners");
    assert!(called(&floh, "dropPet").await["error"].as_str().unwrap().starts_with("Unknown command"));

    // A tag chooses by the names that the type has.
    let tagged = service.import(&floh, &["--tag", "b", "--bump", "--json"]).await;
    let line: Value = serde_json::from_str(&tagged.stdout).unwrap_or_else(|error| panic!("{error}: {tagged:?}"));
    assert_eq!((&line["version"], &line["operations"][0]["name"]), (&json!("3.0.0"), &json!("addPet")));
    assert_eq!((&line["operations"][1], &line["file"]), (&Value::Null, &json!(service.upstream.url("/openapi.json"))));
    let config = service.import(&floh, &["--config", "apiKey=x"]).await;
    assert_eq!(config.code, Some(2), "{config:?}");
}

/// A document whose server moves would take the secrets along: that they are cleared is told where it happens.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_a_document_clears_are_named() {
    let service = Service::start(first()).await;
    let floh = Floh::start([&service.upstream]).await;
    let serve = |url: String| {
        let mut document = document(first());
        document["servers"] = json!([{ "url": url }]);
        *service.document.lock().unwrap() = document;
    };
    serve(service.upstream.url(""));
    let made = service.import(&floh, &["--config", "apiKey=key-123456"]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    serve("https://elsewhere.example".to_owned());
    let moved = service.import(&floh, &["--bump"]).await;
    let told = "  cleared   secrets of connector pets, which would have gone elsewhere: apiKey; set them again \
                (PUT /api/connectors/pets)\n";
    assert!(moved.stdout.contains(told), "{moved:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_secret_nor_the_token_goes_where_it_should_not() {
    let (service, proxy) = (Service::start(first()).await, Upstream::fixed(json!({})).await);
    let floh = Floh::start([&service.upstream]).await;
    let (server, proxy_url, open) =
        (format!("http://{}", floh.address()), proxy.url(""), service.upstream.address().to_string());
    let source = service.upstream.url("/openapi.json");
    let args =
        ["import", &source, "--server", &server, "--egress-allow", &open, "--json", "--config", "apiKey=canary-77"];
    let proxied = ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"].map(|name| (name, proxy_url.as_str()));
    let made = run(args, &[&[("FLOH_TOKEN", ADMIN_TOKEN)][..], &proxied[..]].concat()).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let line: Value = serde_json::from_str(&made.stdout).unwrap();
    assert_eq!(line["connector"]["secrets"]["apiKey"]["set"], true, "{line}");
    assert!(!made.stdout.contains("canary-77") && !made.stderr.contains("canary-77"), "{made:?}");
    assert!(proxy.received().is_empty(), "the environment names no way to the server");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_fetched_or_told_says_why() {
    let service = Service::start(first()).await;
    let floh = Floh::start([]).await;
    let moved = import(&floh, &service.upstream.url("/moved"), &service.upstream, &["--json"]).await;
    assert_eq!(moved.code, Some(0), "{moved:?}");
    let made: Value = serde_json::from_str(&moved.stdout).unwrap();
    // A document without servers is served where it is, after redirects.
    assert_eq!((&made["connector"]["name"], &made["connector"]["missing"]), (&json!("pets"), &json!([])));
    let base = &made["configSchema"]["connectionConfig"]["baseUrl"]["default"];
    assert_eq!(base, service.upstream.url("").trim_end_matches('/'));
    for (path, part) in [("/gone", "answered 404"), ("/away", "refused to call"), ("/elsewhere", "[missing_version]")] {
        let exit = import(&floh, &service.upstream.url(path), &service.upstream, &[]).await;
        assert_eq!(exit.code, Some(1), "{exit:?}");
        assert!(exit.stderr.contains(part), "{path}: {}", exit.stderr);
    }
    // Without the operator's word, this machine is not fetched from.
    let url = service.upstream.url("/openapi.json");
    let shut = run(["import", "--dry-run", "--json", &url], &[]).await;
    let told: Value = serde_json::from_str(&shut.stdout).unwrap();
    assert_eq!((shut.code, &told["error"]["code"]), (Some(1), &json!("unreadable")));

    let spec = document(first()).to_string();
    let none = run_with_input(["import", "-"], &[], &spec).await;
    assert_eq!(none.code, Some(2), "{none:?}");
    assert!(none.stderr.contains("FLOH_TOKEN") && none.stderr.contains("token create"), "{}", none.stderr);
    let server = format!("http://{}", floh.address());
    let wrong = run_with_input(["import", "-", "--server", &server], &[("FLOH_TOKEN", "no-token-at-all")], &spec).await;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.stderr.contains("[unauthorized]"), "{}", wrong.stderr);
    let nobody = ["import", "-", "--server", "http://127.0.0.1:1"];
    let nobody = run_with_input(nobody, &[("FLOH_TOKEN", ADMIN_TOKEN)], &spec).await;
    assert_eq!(nobody.code, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("floh serve") && nobody.stderr.contains("[unreachable]"), "{}", nobody.stderr);
    let builtin = ["import", "-", "--name", "http", "--server", &server];
    let builtin = run_with_input(builtin, &[("FLOH_TOKEN", ADMIN_TOKEN)], &spec).await;
    assert!(builtin.code == Some(1) && builtin.stderr.contains("--name"), "{builtin:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_function_calls_its_operation_and_sees_the_whole_answer() {
    let upstream = Upstream::start(|request| {
        let page = json!({ "called": request.target, "id": 9_007_199_254_740_993_u64 });
        let cookie = "b=2; expires=Thu, 26 Nov 2026 20:00:00 GMT";
        Reply::json(200, &page)
            .with_header("set-cookie", "a=1")
            .with_header("set-cookie", cookie)
            .with_header("etag", "v7")
    })
    .await;
    let floh = Floh::start([&upstream]).await;
    let client = floh.admin();
    let limit = json!({ "name": "limit", "in": "query", "schema": { "type": "integer", "default": 5 } });
    let mut list = operation("listPets", "a");
    list["parameters"] = json!([limit]);
    let spec = document(json!({ "/pets": { "get": list, "post": operation("addPet", "b") } }));
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec })).await.expect(200);
    draft["config"] = json!({ "baseUrl": upstream.url(""), "apiKey": "key-123456" });
    client.post("/api/connectors", &draft).await.expect(201);
    // Whatever the service answers as JSON comes out with the digits that it had.
    assert_eq!(called(&floh, "listPets").await["payload"]["id"], json!(9_007_199_254_740_993_u64));
    let own = "var first = floh.operation(\"listPets\");\n  \
        var more = floh.operation(\"listPets\", { limit: 7 });\n  \
        var plain = floh.http.get(floh.config.baseUrl + \"/plain\").headers;\n  \
        return { success: first.success, payload: [first.payload.called, more.payload.called, floh.params.limit === undefined,\n    \
        more.status, more.headers.etag, more.headers[\"set-cookie\"], plain[\"Set-Cookie\"]] };";
    let source = draft["scriptSource"].as_str().unwrap().replace("return floh.operation(\"listPets\");", own);
    client.put("/api/connector-types/pets", &json!({ "scriptSource": source })).await.expect(200);
    let cookies = json!(["a=1", "b=2; expires=Thu, 26 Nov 2026 20:00:00 GMT"]);
    let payload = json!(["/pets", "/pets?limit=7", true, 200, "v7", cookies, cookies]);
    assert_eq!(called(&floh, "listPets").await, json!({ "success": true, "payload": payload }));
    assert_eq!(called(&floh, "addPet").await["payload"]["called"], "/pets");
    let source =
        source.replace("{ limit: 7 }", "[7]").replace("floh.operation(\"listPets\");", "floh.operation(\"none\");");
    client.put("/api/connector-types/pets", &json!({ "scriptSource": source })).await.expect(200);
    let thrown = called(&floh, "listPets").await;
    assert!(thrown["error"].as_str().unwrap().contains("the params of floh.operation are an object"), "{thrown}");
}
