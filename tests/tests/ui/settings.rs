//! The settings of a connector: another name, off, and its end.

use test_browser::{Look, begins};

use crate::desk::{KEY, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_renamed_switched_off_and_deleted_by_its_name() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/settings").await;
    page.fill("textbox", "Name", "Not A Name").await;
    page.click("button", "Save").await;
    page.find("alert", "One thing needs a look").await.find("link", begins("Name: ")).await;
    page.fill("textbox", "Name", "store").await;
    page.click("checkbox", begins("Enabled")).await;
    page.click("button", "Save").await;
    page.await_address("/connectors/store/settings").await;
    page.see("Saved.").await;
    page.open("/connectors").await;
    page.see("Disabled").await;
    page.click("link", "store").await;
    page.click("link", "Settings").await;

    page.click("button", "Delete Connector").await;
    let dialog = page.find("dialog", "Delete store?").await;
    page.await_focus("button", "Cancel").await;
    dialog.find("textbox", "Type its name to confirm").await.fill("shop").await;
    dialog.find("button", "Delete Connector").await.click().await;
    page.see("Not deleted").await;
    page.click("button", "Delete Connector").await;
    let dialog = page.find("dialog", "Delete store?").await;
    dialog.find("textbox", "Type its name to confirm").await.fill("store").await;
    dialog.find("button", "Delete Connector").await.click().await;
    page.await_gone("heading", "store").await;
    page.find("heading", "Connectors").await;
    assert!(page.all("link", "store").await.is_empty());
    assert_eq!(page.address().await, "/connectors");
    desk.end().await;
}
