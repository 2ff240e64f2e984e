//! Connectors as a document: exported, reviewed, applied to another server, applied again. Enabling and disabling many.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use test_support::{Exit, Floh};

async fn run(floh: &Floh, args: &[&str]) -> Exit {
    let server = format!("http://{}", floh.address());
    let setup = floh.setup().clone().env("FLOH_SERVER", &server).env("FLOH_TOKEN", test_support::ADMIN_TOKEN);
    setup.run(args.iter().copied()).await
}

async fn done(floh: &Floh, args: &[&str]) -> String {
    let exit = run(floh, args).await;
    assert_eq!(exit.code, Some(0), "{args:?}: {exit:?}");
    exit.stdout
}

async fn fill(floh: &Floh) {
    let script = json!({
        "name": "crm-1", "type": "crm", "executionModel": "script", "version": "1.0.0", "description": "The type's text.",
        "scriptSource": "function list() {\n  return [];\n}\n",
        "configSchema": {
            "connectionConfig": {
                "baseUrl": { "type": "string", "format": "uri", "description": "Where." },
                "limit": { "type": "number", "description": "How many." },
                "token": { "type": "string", "secret": true, "description": "Who." },
            },
            "commands": { "list": { "description": "Lists.", "params": [] } },
        },
        "config": { "baseUrl": "https://a.example", "token": "canary-4711-canary" },
    });
    floh.admin().post("/api/connectors", &script).await.expect(201);
    // The number as it is written, not as a float has it.
    let body = br#"{ "config": { "limit": 9007199254740993 }, "description": "One's own text.", "tags": ["erp"] }"#;
    let headers = [("content-type", "application/json")];
    floh.admin().send("PUT", "/api/connectors/crm-1", &headers, body).await.expect(200);
    let second =
        json!({ "name": "crm-2", "type": "crm", "executionModel": "script", "tags": ["erp"], "timeoutMs": 5000 });
    floh.admin().post("/api/connectors", &second).await.expect(201);
    let built_in = json!({ "name": "api", "type": "http", "executionModel": "built_in",
        "config": { "baseUrl": "https://b.example", "token": "canary-4711-canary" } });
    floh.admin().post("/api/connectors", &built_in).await.expect(201);
}

fn write(folder: &Path, text: &str) -> String {
    let file = folder.join("connectors.yaml");
    fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_becomes_like_another_one() {
    let (one, other) = (Floh::start([]).await, Floh::start([]).await);
    let folder = tempfile::tempdir().unwrap();
    fill(&one).await;
    let yaml = done(&one, &["export"]).await;
    assert!(!yaml.contains("canary"), "{yaml}");
    assert!(yaml.contains("limit: 9007199254740993\n") && yaml.contains("function list() {\n"), "{yaml}");
    assert_eq!(yaml, done(&one, &["export"]).await, "the same each time");
    let json: Value = serde_json::from_str(&done(&one, &["export", "--json"]).await).unwrap();
    assert_eq!(json["types"].as_array().unwrap().len(), 1, "what is compiled in is not exported: {json}");
    let filtered = done(&one, &["export", "--tag", "erp"]).await;
    assert!(filtered.contains("crm-2") && !filtered.contains("\"api\""), "{filtered}");
    assert_eq!(run(&one, &["export", "nobody"]).await.code, Some(1));

    let file = write(folder.path(), &yaml);
    let nothing = done(&one, &["import-config", &file, "--dry-run"]).await;
    assert!(nothing.starts_with("0 would change"), "{nothing}");
    let planned = done(&other, &["import-config", &file, "--dry-run"]).await;
    assert!(planned.contains("+ connector crm-1") && planned.contains("with the new type crm"), "{planned}");
    other.admin().get("/api/connectors/crm-1").await.problem(404);
    let applied = run(&other, &["import-config", &file]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert!(applied.stderr.contains("set the secrets of connector crm-1: token"), "{applied:?}");
    let again = done(&other, &["import-config", &file]).await;
    assert!(again.starts_with("0 changed"), "{again}");
    // Secrets aside, the servers have the same.
    let without_secrets = |text: String| {
        text.lines()
            .filter(|line| !line.contains("token\"") && !line.contains("secrets:"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(without_secrets(done(&other, &["export"]).await), without_secrets(yaml));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_says_what_it_clears_and_a_part_that_fails_what_was_done() {
    let floh = Floh::start([]).await;
    let folder = tempfile::tempdir().unwrap();
    fill(&floh).await;
    let yaml = done(&floh, &["export"]).await;
    let moved = yaml
        .replace("https://a.example", "https://elsewhere.example")
        .replace("https://b.example", "https://c.example");
    let file = write(folder.path(), &moved);
    let planned = done(&floh, &["import-config", &file, "--dry-run"]).await;
    assert!(planned.contains("\"https://a.example\" -> \"https://elsewhere.example\""), "{planned}");
    assert_eq!(planned.matches("clears secrets").count(), 2, "{planned}");
    let crm = floh.admin().get("/api/connectors/crm-1").await.expect(200);
    assert_eq!(crm["secrets"]["token"]["set"], true, "a dry run changes nothing");
    let applied = done(&floh, &["import-config", &file, "--only", "crm-1"]).await;
    assert_eq!(applied.matches("clears secrets").count(), 1, "{applied}");
    let crm = floh.admin().get("/api/connectors/crm-1").await.expect(200);
    assert_eq!(crm["secrets"]["token"]["set"], false);

    // The schema changes without a version: the type is refused, what depends on it is not tried, the rest is done.
    let broken = moved.replace(
        "          params: []\n",
        "          params:\n            - name: \"page\"\n              type: \"number\"\n              description: \"Which.\"\n",
    );
    assert_ne!(broken, moved);
    let broken = broken.replace("timeoutMs: 5000", "timeoutMs: 6000");
    let file = write(folder.path(), &broken);
    let exit = run(&floh, &["import-config", &file, "--dry-run"]).await;
    assert!(exit.code == Some(1) && exit.stdout.contains("! type crm: not done"), "{exit:?}");
    let exit = run(&floh, &["import-config", &file, "--json"]).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let lines: Vec<Value> = exit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let result =
        |subject: &str| lines.iter().find(|line| line["subject"] == subject).map(|line| line["result"].clone());
    assert_eq!(result("type crm"), Some(json!("failed")), "{lines:?}");
    assert_eq!(result("connector crm-2"), Some(json!("skipped")), "{lines:?}");
    assert_eq!(result("connector api"), Some(json!("done")), "{lines:?}");
    assert_eq!(floh.admin().get("/api/connectors/crm-2").await.expect(200)["timeoutMs"], 5000);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_disabled_and_enabled() {
    let floh = Floh::start([]).await;
    fill(&floh).await;
    let enabled =
        async |name: &str| floh.admin().get(&format!("/api/connectors/{name}")).await.expect(200)["enabled"] == true;
    let planned = done(&floh, &["disable", "--tag", "erp", "--dry-run"]).await;
    assert_eq!(planned.matches("would change").count(), 2, "{planned}");
    assert!(enabled("crm-1").await);
    done(&floh, &["disable", "--tag", "erp"]).await;
    assert!(!enabled("crm-1").await && !enabled("crm-2").await && enabled("api").await);
    let again = done(&floh, &["disable", "--type", "crm"]).await;
    assert_eq!(again.matches("unchanged").count(), 2, "{again}");
    let exit = run(&floh, &["enable", "crm-1", "nobody", "--json"]).await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    let lines: Vec<Value> = exit.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["result"], &lines[1]["result"]), (&json!("enabled"), &json!("failed")), "{lines:?}");
    assert!(enabled("crm-1").await);
    done(&floh, &["disable", "--all"]).await;
    assert!(!enabled("api").await && !enabled("sample-script").await);
    assert_eq!(run(&floh, &["enable"]).await.code, Some(2), "nothing is chosen");
    assert_eq!(run(&floh, &["enable", "--tag", "none"]).await.code, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_admin_token_is_replaced_by_one_command() {
    let floh = Floh::start([]).await;
    let exit = floh.setup().run(["token", "create", "--name", "admin-again", "--scope", "admin"]).await;
    assert_eq!(exit.code, Some(0), "{exit:?}");
    let admin = floh.anyone().with_token(exit.stdout.trim());
    admin.get("/api/tokens").await.expect(200);
}
