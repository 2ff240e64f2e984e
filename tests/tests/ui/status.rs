//! The status of the servers: found in the menu, read by role and name, without scripts too, and withheld with its reason.

use serde_json::json;
use test_browser::{Key, Look, begins};
use test_support::Setup;

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_it_in_the_menu_and_reads_it_by_the_keyboard() {
    let Some(desk) = Desk::signed_in(Setup::default(), Look::default()).await else { return };
    let page = &desk.page;
    page.click("link", "Status").await;
    page.await_address("/settings/status").await;
    page.find("heading", "Status").await;
    let address = desk.floh.address().to_string();
    let port = address.rsplit(':').next().unwrap();
    let row = page.find("table", "Servers, the one that started first comes first").await.text().await;
    assert!(row.contains(port) && row.contains("this one"), "{row}");
    page.find("table", "What waits and what is at work").await;
    page.find("region", "Database").await;
    page.see("All is well.").await;
    page.tab_to("link", "Refresh").await;
    page.press(&Key::Enter).await;
    page.await_address("/settings/status").await;
    page.see("All is well.").await;

    let body = json!({ "name": "watcher", "kind": "api", "scopes": ["metrics:read"] });
    let watcher = desk.floh.admin().post("/api/tokens", &body).await.expect(201);
    page.click("button", "Sign out").await;
    desk.sign_in(watcher["token"].as_str().unwrap()).await;
    // It is the one page that this token may see.
    page.await_address("/settings/status").await;
    page.see("All is well.").await;
    let body = json!({ "name": "reader", "kind": "api", "scopes": ["connectors:read"] });
    let reader = desk.floh.admin().post("/api/tokens", &body).await.expect(201);
    page.click("button", "Sign out").await;
    desk.sign_in(reader["token"].as_str().unwrap()).await;
    page.await_address("/connectors").await;
    assert!(page.all("link", begins("Status")).await.is_empty());
    page.open("/settings/status").await;
    page.see("You may not see this").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_no_scripts() {
    let Some(desk) = Desk::signed_in(Setup::default(), Look::WITHOUT_SCRIPTS).await else { return };
    let page = &desk.page;
    page.open("/settings/status").await;
    page.find("table", "Recurring work, what failed comes first").await;
    page.click("link", "Refresh").await;
    page.find("table", "How much is kept, and what was removed last").await;
    desk.end().await;
}
