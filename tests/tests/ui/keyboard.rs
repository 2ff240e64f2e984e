//! The keyboard alone: the order of the stops, Enter, Escape and the keys of one letter.

use test_browser::{Key, Look};

use crate::desk::{Desk, KEY, shop, widget_api, widgets};

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_is_made_and_called_without_a_mouse() {
    let api = widget_api().await;
    let Some(desk) = Desk::signed_in(widgets([&api]), Look::default()).await else { return };
    let page = &desk.page;
    page.press_to("gn", "/new").await;
    page.tab_to("link", "Skip to content").await;
    page.press(&Key::Enter).await;
    page.press(&Key::Tab).await;
    page.press(&Key::Tab).await;
    let (role, name) = page.focused().await;
    assert!(role == "radio" && name.starts_with("Built-in"), "{role} {name}");
    page.press(&Key::Enter).await;
    page.find("textbox", "Name").await;
    page.await_address("/new/").await;
    page.tab_until("the types", |role, _| role == "radio").await;
    while !page.focused().await.1.starts_with("widget") {
        page.press(&Key::Down).await;
    }
    page.press(&Key::Space).await;
    assert_eq!(page.tab_to("textbox", "Name").await, [""; 0], "the next stop");
    page.press("shop").await;
    page.press(&Key::Enter).await;
    page.find("textbox", "Base URL").await;
    page.tab_to("textbox", "Base URL").await;
    page.press(&*api.url("")).await;
    page.tab_to("textbox", "API key").await;
    page.press(KEY).await;
    page.tab_to("textbox", "Tenant").await;
    page.press(&Key::Enter).await;
    page.find("heading", "Review").await;
    page.tab_to("button", "Create Connector").await;
    page.press(&Key::Enter).await;
    page.await_address("/connectors/shop").await;
    page.tab_to("link", "Try a command").await;
    page.press(&Key::Enter).await;
    page.find("link", "listWidgets").await;
    page.tab_to("link", "listWidgets").await;
    page.press(&Key::Enter).await;
    page.find("button", "Run").await;
    page.tab_to("textbox", "Limit").await;
    page.press("2").await;
    page.press_with(Key::Control, &Key::Enter).await;
    page.await_address("/connectors/shop/commands/listWidgets?execution=").await;
    page.see("Succeeded").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_one_letter_lead_around_and_can_be_switched_off() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/executions").await;
    page.press_to("gc", "/connectors").await;
    page.find("searchbox", "Search connectors").await;
    page.press("/").await;
    page.await_focus("searchbox", "Search connectors").await;
    // Inside a field they are letters.
    page.press("ge?/").await;
    assert_eq!(page.find("searchbox", "Search connectors").await.value(), "ge?/");
    page.open("/connectors").await;
    page.press("?").await;
    page.find("dialog", "Keys").await;
    page.press(&Key::Escape).await;
    page.await_gone("dialog", "Keys").await;
    page.press_to("ge", "/executions").await;

    // Escape closes a dialog, and the focus is where it was.
    page.open("/connectors/shop/settings").await;
    page.tab_to("button", "Delete Connector").await;
    page.press(&Key::Enter).await;
    page.find("dialog", "Delete shop?").await;
    page.await_focus("button", "Cancel").await;
    page.press(&Key::Escape).await;
    page.await_gone("dialog", "Delete shop?").await;
    page.await_focus("button", "Delete Connector").await;

    page.open("/settings/about").await;
    page.click("checkbox", test_browser::begins("Keys of one letter")).await;
    page.open("/executions").await;
    page.press("gc").await;
    page.press("/").await;
    assert_eq!(page.address().await, "/executions");
    desk.end().await;
}
