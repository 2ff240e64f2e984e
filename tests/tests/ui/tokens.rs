//! Tokens: made, shown once, used, and revoked while a page of theirs is open.

use test_browser::Look;
use test_support::ADMIN_TOKEN;

use crate::desk::{KEY, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_and_its_pages_end_when_it_is_revoked() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    desk.call("shop", &serde_json::json!({ "command": "test" })).await;
    let page = &desk.page;
    page.open("/settings/tokens").await;
    page.click("link", "Create Token").await;
    page.fill("textbox", "Name", "watcher").await;
    page.click("checkbox", "audit:read").await;
    page.click("checkbox", "connectors:read").await;
    page.click("button", "Create Token").await;
    let token = page.find("region", "Token").await.text().await.trim().to_owned();
    assert!(token.len() > 20, "{token:?}");
    page.click("link", "I have it").await;
    page.await_address("/settings/tokens").await;
    page.find("button", "Revoke watcher").await;
    assert!(!page.html().await.contains(&token), "shown twice");

    page.click("button", "Sign out").await;
    desk.sign_in(&token).await;
    page.await_address("/connectors").await;
    page.see("watcher").await;
    page.open("/settings/tokens").await;
    page.see("You may not see this").await;
    page.open("/executions").await;
    page.see("Live").await;
    let admin = desk.floh.admin();
    let tokens = admin.get("/api/tokens").await.expect(200);
    let own = tokens["items"].as_array().unwrap().iter().find(|token| token["name"] == "watcher").unwrap();
    admin.delete(&format!("/api/tokens/{}", own["id"].as_str().unwrap())).await.expect(204);
    page.see("Connection lost").await;
    page.click("link", "Connectors").await;
    page.await_address("/login?next=%2Fconnectors").await;
    desk.sign_in(ADMIN_TOKEN).await;
    page.await_address("/connectors").await;

    page.open("/settings/tokens").await;
    page.see("this session").await;
    assert!(page.all("button", "Revoke watcher").await.is_empty());
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_asks_first_and_cancelling_is_what_has_the_focus() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    let body = serde_json::json!({ "name": "deploy-bot", "kind": "api", "scopes": ["connectors:read"] });
    desk.floh.admin().post("/api/tokens", &body).await.expect(201);
    page.open("/settings/tokens").await;
    page.click("button", "Revoke deploy-bot").await;
    let dialog = page.find("dialog", "Revoke deploy-bot?").await;
    page.await_focus("button", "Cancel").await;
    dialog.find("button", "Cancel").await.click().await;
    page.await_gone("dialog", "Revoke deploy-bot?").await;
    page.click("button", "Revoke deploy-bot").await;
    page.find("dialog", "Revoke deploy-bot?").await.find("button", "Revoke deploy-bot").await.click().await;
    page.await_gone("button", "Revoke deploy-bot").await;
    page.await_address("/settings/tokens").await;
    desk.end().await;
}
