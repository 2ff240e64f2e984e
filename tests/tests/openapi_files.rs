//! Documents of several files, and of another address: from a folder, from a web server, and over REST.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use test_support::{ADMIN_TOKEN, Exit, Floh, Reply, Upstream, run};

const ROOT: &str = "
openapi: 3.1.0
info: { title: Parts, version: 1.0.0 }
servers: [{ url: ../v2 }]
paths:
  /pets: { $ref: parts/pets.yaml }
  /far: { get: { $ref: 'FAR' } }
";
const PETS: &str = "
get:
  operationId: listPets
  parameters: [{ $ref: 'common.yaml#/Limit' }]
  responses: { '200': { description: ok } }
";
const COMMON: &str = "Limit: { name: limit, in: query, schema: { type: integer } }";

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn drafted(exit: &Exit) -> Value {
    assert_eq!(exit.code, Some(0), "{exit:?}");
    serde_json::from_str(&exit.stdout).unwrap()
}

/// The verdict of an operation, and whether it has a param.
fn told(draft: &Value, path: &str) -> (String, usize) {
    let operation = draft["operations"].as_array().unwrap().iter().find(|one| one["path"] == path).unwrap();
    let command = &draft["configSchema"]["commands"][operation["name"].as_str().unwrap()];
    (operation["verdict"].as_str().unwrap().to_owned(), command["params"].as_array().map_or(0, Vec::len))
}

fn warned(draft: &Value, word: &str) -> bool {
    let warnings = draft["warnings"].as_array().unwrap();
    warnings.iter().any(|one| one["code"] == "file_not_read" && one["message"].as_str().unwrap().contains(word))
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_folder_are_read_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = (folder.path().join("api"), folder.path().join("secret.yaml"));
    fs::write(&outside, "operationId: stolen\nparameters: [{ name: stolen, in: query }]").unwrap();
    write(&inside, "parts/pets.yaml", PETS);
    write(&inside, "parts/common.yaml", COMMON);
    std::os::unix::fs::symlink(&outside, inside.join("link.yaml")).unwrap();
    std::os::unix::fs::symlink(inside.join("parts/pets.yaml"), inside.join("near.yaml")).unwrap();
    for (far, word) in [
        ("../secret.yaml", "outside"),
        ("link.yaml", "outside"),
        ("/etc/passwd", "outside"),
        ("none.yaml", "No such file"),
        ("parts", "not a file"),
        ("https://a.example/x.yaml", "another place"),
        ("%2e%2e/secret.yaml", "outside"),
    ] {
        write(&inside, "openapi.yaml", &ROOT.replace("FAR", far));
        let document = inside.join("openapi.yaml");
        let draft = drafted(&run(["import", "--dry-run", "--json", document.to_str().unwrap()], &[]).await);
        assert_eq!(told(&draft, "/pets"), ("exact".to_owned(), 1));
        assert_eq!(told(&draft, "/far"), ("degraded".to_owned(), 0), "{far}");
        assert!(warned(&draft, word), "{far}: {}", draft["warnings"]);
    }
    // A link that stays inside is a file of the folder.
    write(&inside, "openapi.yaml", &ROOT.replace("FAR", "near.yaml#/get"));
    let document = inside.join("openapi.yaml");
    let draft = drafted(&run(["import", "--dry-run", "--json", document.to_str().unwrap()], &[]).await);
    assert!(!draft.to_string().contains("stolen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_same_origin_are_fetched_and_servers_are_relative_to_the_document() {
    let other =
        Upstream::start(|_| Reply::text(200, "operationId: stolen\nparameters: [{ name: stolen, in: query }]")).await;
    let far = other.url("/far.yaml");
    let away = far.clone();
    let upstream = Upstream::start(move |request| match request.target.as_str() {
        "/docs/openapi.yaml" => Reply::text(200, &ROOT.replace("FAR", &away)),
        "/docs/away.yaml" => Reply::text(200, &ROOT.replace("FAR", "/moved.yaml")),
        "/docs/parts/pets.yaml" => Reply::text(200, PETS),
        "/docs/parts/common.yaml" => Reply::text(200, COMMON),
        "/moved.yaml" => Reply::text(302, "").with_header("location", &away),
        target => Reply::json(200, &json!({ "called": target })),
    })
    .await;
    let open = format!("{},{}", upstream.address(), other.address());
    for name in ["/docs/openapi.yaml", "/docs/away.yaml"] {
        let args = ["import", "--dry-run", "--json", &upstream.url(name), "--egress-allow", &open];
        let draft = drafted(&run(args, &[]).await);
        assert_eq!(told(&draft, "/pets"), ("exact".to_owned(), 1));
        assert_eq!(told(&draft, "/far"), ("degraded".to_owned(), 0));
        assert!(warned(&draft, "another origin"), "{}", draft["warnings"]);
        assert_eq!(draft["configSchema"]["connectionConfig"]["baseUrl"]["default"], upstream.url("/v2"));
    }
    let floh = Floh::start([&upstream]).await;
    let server = format!("http://{}", floh.address());
    let args = ["import", &upstream.url("/docs/openapi.yaml"), "--server", &server, "--egress-allow", &open];
    let made = run(args, &[("FLOH_TOKEN", ADMIN_TOKEN)]).await;
    assert_eq!(made.code, Some(0), "{made:?}");
    let call = json!({ "command": "listPets", "params": { "limit": 3 } });
    let called = floh.admin().post("/api/connectors/parts/execute", &call).await.expect(200);
    assert_eq!(called["payload"]["called"], "/v2/pets?limit=3");
    let again = run(args, &[("FLOH_TOKEN", ADMIN_TOKEN)]).await;
    assert_eq!(again.code, Some(0), "an unchanged document needs no version: {again:?}");
    assert!(again.stdout.contains("is as it was"), "{}", again.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_over_rest_are_one_document_or_refused_with_their_place() {
    let floh = Floh::start([]).await;
    let client = floh.admin();
    let files = json!({ "openapi.yaml": ROOT.replace("FAR", "none.yaml"), "parts/pets.yaml": PETS, "parts/common.yaml": COMMON });
    let draft = client.post("/api/connectors/parse-oas", &json!({ "spec": { "files": files } })).await.expect(200);
    assert_eq!((told(&draft, "/pets"), told(&draft, "/far").0), (("exact".to_owned(), 1), "degraded".to_owned()));
    client.post("/api/connectors", &draft).await.expect(201);
    let change = json!({ "spec": { "files": files } });
    let diff = client.post("/api/connector-types/parts/diff", &change).await.expect(200);
    assert_eq!((&diff["change"]["level"], &diff["change"]["changes"]), (&json!("none"), &json!([])));
    client.put("/api/connector-types/parts", &change).await.expect(200);
    for (files, code, pointer) in [
        (json!({ "../a.yaml": "" }), "unsafe_path", "/spec/files/..~1a.yaml"),
        (json!({ "a.yaml": "x: 1" , "b.yaml": "" }), "no_root", "/spec/files"),
        (json!({ "a.zip": "UEsDBBQ" }), "nested_archive", "/spec/files/a.zip"),
    ] {
        let change = json!({ "spec": { "files": files } });
        for answer in [
            client.post("/api/connectors/parse-oas", &change).await.expect(422),
            client.post("/api/connector-types/parts/diff", &change).await.expect(422),
        ] {
            assert_eq!((&answer["code"], &answer["errors"][0]["pointer"]), (&json!(code), &json!(pointer)));
        }
    }
}

/// A document whose API is served at an address, or at one of the choices of a variable.
fn document(url: &str, regions: &[&str], scheme: &str) -> Value {
    json!({ "openapi": "3.0.0", "info": { "title": "Moving", "version": "1.0.0" },
        "servers": [{ "url": format!("{url}/{{region}}"), "variables": { "region": { "default": regions[0], "enum": regions } } }],
        "components": { "securitySchemes": { scheme: { "type": "apiKey", "in": "header", "name": "X-Key" } } },
        "security": [{ scheme: [] }], "paths": { "/things": { "get": { "operationId": "things" } } } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reimport_tells_what_it_clears_and_who_cannot_be_called() {
    let here = Upstream::start(|request| Reply::json(200, &json!({ "key": request.header("x-key") }))).await;
    let there = Upstream::start(|_| Reply::json(200, &json!({}))).await;
    let floh = Floh::start([&here, &there]).await;
    let client = floh.admin();
    let spec = document(&here.url(""), &["eu", "apac"], "api_key");
    let mut draft = client.post("/api/connectors/parse-oas", &json!({ "spec": spec })).await.expect(200);
    draft["config"] = json!({ "apiKey": "key-of-tenant-1", "region": "apac" });
    client.post("/api/connectors", &draft).await.expect(201);
    let key = || async {
        let call = json!({ "command": "things" });
        floh.admin().post("/api/connectors/moving/execute", &call).await.expect(200)
    };
    // The scheme is called otherwise, and nothing else: the secret stays.
    let renamed = json!({ "spec": document(&here.url(""), &["eu", "apac"], "ApiKeyAuth") });
    let changed = client.put("/api/connector-types/moving", &renamed).await.expect(200);
    assert_eq!(changed["change"]["level"], "none", "{}", changed["change"]);
    assert_eq!(key().await["success"], true);
    // The command line says what would be cleared, before and after.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("moving.json");
    fs::write(&file, document(&there.url(""), &["eu", "apac"], "api_key").to_string()).unwrap();
    let server = format!("http://{}", floh.address());
    let args = ["import", file.to_str().unwrap(), "--server", &server];
    let refused = run(args, &[("FLOH_TOKEN", ADMIN_TOKEN)]).await;
    let told = format!("{}{}", refused.stdout, refused.stderr);
    assert!(told.contains("secrets of connector moving") && told.contains("apiKey"), "{told}");
    let answer = client
        .put(
            "/api/connector-types/moving",
            &json!({ "spec": document(&there.url(""), &["eu", "apac"], "k"), "version": "1.0.0" }),
        )
        .await
        .expect(422);
    assert_eq!(answer["secretsCleared"], json!([{ "connector": "moving", "fields": ["apiKey"] }]));
    // A choice that the connector holds is gone: it is not ready, as a call says.
    let gone = json!({ "spec": document(&here.url(""), &["eu", "us"], "api_key"), "autoBump": true });
    let changed = client.put("/api/connector-types/moving", &gone).await.expect(200);
    assert_eq!(changed["change"]["affected"][0]["connector"], "moving", "{}", changed["change"]);
    let view = client.get("/api/connectors/moving").await.expect(200);
    assert_eq!((&view["ready"], &view["invalid"]), (&json!(false), &json!(["region"])));
    assert_eq!(key().await["success"], false);
}
