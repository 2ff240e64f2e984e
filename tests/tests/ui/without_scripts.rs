//! Everything without JavaScript, which is switched off in the browser's settings.

use test_browser::{Look, begins};

use crate::desk::{Desk, KEY, widget_api, widgets};

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_made_tried_changed_and_deleted_without_scripts() {
    let api = widget_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::WITHOUT_SCRIPTS).await else { return };
    let page = &desk.page;
    page.open("/new").await;
    page.click("radio", begins("Built-in")).await;
    page.click("button", "Next").await;
    page.click("radio", begins("widget")).await;
    page.fill("textbox", "Name", "shop").await;
    page.click("button", "Next").await;
    page.fill("textbox", "Base URL", "shop.example.com").await;
    page.fill("textbox", "API key", KEY).await;
    page.click("button", "Next").await;
    page.find("alert", "One thing needs a look").await.find("link", begins("Base URL: ")).await;
    page.fill("textbox", "Base URL", &api.url("")).await;
    page.click("button", "Next").await;
    page.click("button", "Create Connector").await;
    page.await_address("/connectors/shop").await;

    page.click("link", "Try a command").await;
    page.click("link", "listWidgets").await;
    page.fill("textbox", "Limit", "0").await;
    page.click("button", "Run").await;
    page.find("alert", "One thing needs a look").await;
    page.fill("textbox", "Limit", "2").await;
    page.click("button", "Run").await;
    page.await_address("/connectors/shop/commands/listWidgets?execution=").await;
    page.see("Succeeded").await;
    page.find("heading", "Payload").await;

    page.click("link", "Connection").await;
    page.click("radio", "Replace").await;
    page.fill("textbox", "New API key", "k9-wrong-canary").await;
    page.click("button", "Save and test").await;
    page.await_address("/executions/").await;
    page.see("Failed").await;

    page.open("/connectors/shop/settings").await;
    page.click("button", "Delete Connector").await;
    let dialog = page.find("dialog", "Delete shop?").await;
    dialog.find("textbox", "Type its name to confirm").await.fill("shop").await;
    dialog.find("button", "Delete Connector").await.click().await;
    page.await_gone("heading", "shop").await;
    page.find("heading", "Connectors").await;
    assert!(page.all("link", "shop").await.is_empty());
    desk.end().await;
}
