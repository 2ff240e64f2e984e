//! Try a command: the result beside the form, mistakes at their fields, the tree, and running again.

use serde_json::json;
use test_browser::{Key, Look, begins};

use crate::desk::{KEY, shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_tried_without_a_page_load_and_run_again_from_its_execution() {
    let Some((desk, api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop").await;
    page.click("link", "Try a command").await;
    page.click("link", "listWidgets").await;
    page.see("No result yet").await;
    page.evaluate("window.samePage = true").await;
    page.fill("textbox", "Limit", "0").await;
    page.click("button", "Run").await;
    page.await_focus("alert", "One thing needs a look").await;
    let limit = page.find("textbox", "Limit").await;
    assert!(limit.is("invalid") && limit.value() == "0", "{limit:?}");
    page.find("alert", "One thing needs a look").await.find("link", begins("Limit: ")).await;
    assert!(api.received().is_empty(), "nothing left");
    page.fill("textbox", "Limit", "2").await;
    page.click("button", "Run").await;
    page.see("Succeeded").await;
    let execution = page.await_address("/connectors/shop/commands/listWidgets?execution=").await;
    let result = page.find("region", "Result").await;
    let shown = result.text().await;
    let shown = shown.trim_start_matches("Result").trim_start();
    assert!(shown.starts_with("Succeeded"), "{shown}");
    assert_eq!(page.evaluate("window.samePage === true").await, true, "the page was loaded again");
    assert!(page.all("alert", begins("")).await.is_empty(), "the mistakes are gone");
    page.reload().await;
    assert_eq!(page.address().await, execution, "the result has an address");
    assert_eq!(page.find("textbox", "Limit").await.value(), "2");
    page.click("link", "Open execution").await;
    page.await_address("/executions/").await;
    page.click("button", "Run again").await;
    page.await_address("/connectors/shop/commands/listWidgets?execution=").await;
    assert_eq!(page.find("textbox", "Limit").await.value(), "2");
    page.click("button", "Run").await;
    page.see("Succeeded").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_walked_with_the_arrows_and_its_paths_are_copied() {
    let Some((desk, _api)) = shop(Look::default(), KEY).await else { return };
    let page = &desk.page;
    page.open("/connectors/shop/commands/listWidgets").await;
    page.fill("textbox", "Limit", "2").await;
    page.click("button", "Run").await;
    page.await_address("/connectors/shop/commands/listWidgets?execution=").await;
    page.find("heading", "Payload").await;
    page.find("button", "Copy JSON").await;
    let path = "document.querySelector('#result [data-tree-path]').textContent";
    page.evaluate("document.querySelector('#result .tree summary').focus()").await;
    page.press(&Key::Down).await;
    assert_eq!(page.evaluate(path).await, json!("widgets"));
    page.press(&Key::Down).await;
    assert_eq!(page.evaluate(path).await, json!("widgets.0"));
    let is_open = "document.activeElement.parentElement.open";
    let was_open = page.evaluate(is_open).await == true;
    if was_open {
        page.press(&Key::Left).await;
    }
    assert_eq!(page.evaluate(is_open).await, false);
    page.press(&Key::Right).await;
    assert_eq!(page.evaluate(is_open).await, true, "opened");
    page.press(&Key::Right).await;
    assert_eq!(page.evaluate(path).await, json!("widgets.0.id"), "into it");
    page.press(&Key::Left).await;
    assert_eq!(page.evaluate(path).await, json!("widgets.0"), "back to what it is in");
    page.press(&Key::Up).await;
    assert_eq!(page.evaluate(path).await, json!("widgets"));
    let copy = page.all("button", "Copy path").await;
    copy[0].click().await;
    page.see("Copied").await;
    desk.end().await;
}
