//! The connector authifi against an OpenID provider and a LoopBack application that others wrote.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test panics, and shorter calls")]

use std::path::PathBuf;
use std::process::Command;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::testing::{self, TestCall};
use connectors::authifi::Authifi;
use serde_json::{Value, json};
use test_support::Service;

struct Tenant {
    service: Service,
    client: Client,
}

impl Tenant {
    fn start() -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "where tools of tests are, not a setting of the server")]
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let modules = home.join(".cache/floh-tools/authifi/node_modules");
        if !modules.is_dir() {
            test_support::skipped("there are no oidc-provider and LoopBack; .ci/authifi/get brings them");
            return None;
        }
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/authifi/server.js");
        let service = Service::start(Command::new("node").arg(script).env("NODE_PATH", modules)).unwrap();
        Some(Self { service, client: Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap()) })
    }

    async fn control(&self, what: &str) -> Value {
        let url = self.service.url(&format!("/_control?{what}"));
        self.client.get(url.as_str()).send().await.unwrap().json().unwrap()
    }

    fn call(&self, command: &str) -> TestCall {
        testing::call::<Authifi>(command)
            .config("baseUrl", self.service.url(""))
            .config("tenant", "acme")
            .config("tenantId", "7")
            .config("clientId", "floh")
            .config("clientSecret", "s3cret-client")
            .config("scopes", ["users:read"])
            .config("resource", "https://api.example.com")
            .http(self.client.clone())
    }
}

#[tokio::test]
async fn a_list_is_whole_also_if_its_token_ends_in_the_middle() {
    let Some(tenant) = Tenant::start() else { return };
    tenant.control("revokeAt=5").await;
    let list = tenant.call("listUsers").param("limit", 10_000).run().await.payload.unwrap();
    assert_eq!((&list["count"], &list["truncated"]), (&json!(1051), &json!(false)));
    let ids = list["users"].as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap());
    assert!(ids.eq(1..=1051));
    assert_eq!(tenant.control("").await["tokens"], 2);
    let list = tenant.call("listUsers").config("baseUrl", tenant.service.url("/")).param("limit", 100).run().await;
    let list = list.payload.unwrap();
    assert_eq!((&list["count"], &list["truncated"]), (&json!(100), &json!(true)));
}

#[tokio::test]
async fn a_condition_finds_exactly_its_text() {
    let Some(tenant) = Tenant::start() else { return };
    let nasty = r#"O'B"% .*^$"#;
    for (name, count) in [(nasty, 1), (".*", 0), ("N1", 1), ("N%", 0), ("'", 0)] {
        let list = tenant.call("listUsers").param("where", json!({ "name": name })).run().await.payload.unwrap();
        assert_eq!(list["count"], count, "{name}");
    }
    let user = tenant.call("getUser").param("email", "q@example.org").run().await.payload.unwrap();
    assert_eq!(user["user"]["name"], nasty);
    let said = tenant.call("getUser").param("id", "99999").run().await.diagnostics.unwrap();
    assert_eq!(said["code"], "notFound");
    let said = tenant.call("call").param("path", "users/99999").run().await.diagnostics.unwrap();
    assert_eq!((&said["code"], &said["statusCode"]), (&json!("notFound"), &json!(404)));
    assert!(said["systemMessage"].as_str().unwrap().contains("99999"));
    let call = tenant.call("call").param("method", "GET").param("path", "users/1051");
    assert_eq!(call.run().await.payload.unwrap()["body"]["name"], nasty);
    let deleted = tenant.call("deleteUser").param("id", "1051").run().await.payload.unwrap();
    assert_eq!(deleted["changed"], true);
    let deleted = tenant.call("deleteUser").param("id", "1051").run().await.payload.unwrap();
    assert_eq!(deleted["changed"], false);
}

#[tokio::test]
async fn credentials_and_scopes_that_do_not_do_are_told_apart() {
    let Some(tenant) = Tenant::start() else { return };
    assert!(tenant.call("test").run().await.success);
    let result = tenant.call("test").config("clientSecret", "s3cret-wrong").run().await;
    assert!(!format!("{result:?}").contains("s3cret"));
    let said = result.diagnostics.unwrap();
    assert_eq!((&said["code"], &said["tokenError"]), (&json!("unauthenticated"), &json!("invalid_client")));
    let result = tenant.call("test").config("resource", "https://other.example.com").run().await;
    assert_eq!(result.diagnostics.unwrap()["tokenError"], "invalid_target");
    let said = tenant.call("test").config("scopes", ["groups:read"]).run().await.diagnostics.unwrap();
    assert_eq!((&said["code"], &said["tokenScopes"]), (&json!("denied"), &json!(["groups:read"])));
    tenant.control("rejectAll=1").await;
    let said = tenant.call("test").run().await.diagnostics.unwrap();
    assert_eq!((&said["code"], &said["statusCode"]), (&json!("unauthenticated"), &json!(401)));
}
