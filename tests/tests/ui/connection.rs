//! The connection: a failing one is mended, and two people who change it at once lose nothing.

use serde_json::json;
use test_browser::Look;

use crate::desk::{KEY, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_fails_is_mended_from_where_it_failed() {
    let Some((desk, api)) = shop(Look::default(), "k9-wrong-canary").await else { return };
    let page = &desk.page;
    page.open("/connectors/shop").await;
    page.click("button", "Test").await;
    page.await_address("/executions/").await;
    page.see("Failed").await;
    page.click("link", "Change the connection").await;
    page.await_address("/connectors/shop/connection").await;
    let secret = page.find("group", "API key").await;
    assert!(secret.text().await.contains("changed"), "{}", secret.text().await);
    page.click("radio", "Replace").await;
    page.fill("textbox", "New API key", KEY).await;
    page.click("button", "Save and test").await;
    page.await_address("/executions/").await;
    page.see("Succeeded").await;
    assert_eq!(api.received().last().unwrap().header("authorization"), Some(&*format!("Bearer {KEY}")));
    assert!(!page.html().await.contains("canary"), "a secret came back");
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_that_change_one_connection_see_both_sides() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/connection").await;
    page.open_tab().await;
    page.open("/connectors/shop/connection").await;
    page.fill("textbox", "Tenant", "acme").await;
    page.click("button", "Save").await;
    page.see("Saved.").await;
    page.show_tab(0).await;
    page.fill("textbox", "Tenant", "umbrella").await;
    page.click("radio", "Replace").await;
    page.fill("textbox", "New API key", "k9-newer-canary").await;
    page.click("button", "Save").await;
    page.see("Somebody changed this connector").await;
    let both = page.text().await;
    assert!(both.contains("acme") && both.contains("umbrella"), "{both}");
    assert!(!page.html().await.contains("k9-newer-canary"), "a secret came back");
    page.click("radio", "Tenant, saved now: acme").await;
    page.click("button", "Save these").await;
    page.see("Saved.").await;
    let stored = desk.floh.admin().get("/api/connectors/shop").await.expect(200);
    assert_eq!(stored["config"]["tenant"], json!("acme"), "{stored}");
    desk.end().await;
}
