//! Signing in: the link of the first start, tokens right and wrong, colours, signing out.

use test_browser::Look;
use test_support::{ADMIN_TOKEN, Setup};

use crate::desk::Desk;

/// Whether the text of the page is light, as a pixel of it says.
const IS_DARK: &str = "(() => { const pen = document.createElement('canvas').getContext('2d'); \
    pen.fillStyle = getComputedStyle(document.body).color; pen.fillRect(0, 0, 1, 1); \
    return pen.getImageData(0, 0, 1, 1).data[0] > 128 })()";

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_the_first_start_signs_in_with_one_press_and_only_once() {
    let setup = Setup::default().without_env("FLOH_ADMIN_TOKEN");
    let Some(desk) = Desk::start(setup, Look::default()).await else { return };
    let said = desk.floh.stdout();
    let (_, link) = said.split_once("open ").unwrap_or_else(|| panic!("no link: {said}"));
    let path = link.lines().next().unwrap().trim().strip_prefix(&format!("http://{}", desk.floh.address())).unwrap();
    let page = &desk.page;
    page.open(path).await;
    // A preview of the link does not use it up.
    page.reload().await;
    page.find("heading", "Sign in").await;
    page.click("button", "Sign in").await;
    page.await_address("/connectors").await;
    page.find("heading", "Connectors").await;
    page.find("link", "sample-script").await;
    page.click("button", "Sign out").await;
    page.await_address("/login").await;
    page.open(path).await;
    page.click("button", "Sign in").await;
    page.see("Not signed in").await;
    page.open("/connectors").await;
    page.await_address("/login?next=%2Fconnectors").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_is_refused_and_not_repeated_and_a_right_one_goes_where_one_was_going() {
    let Some(desk) = Desk::start(Setup::default(), Look::default()).await else { return };
    let page = &desk.page;
    page.open("/executions?status=failed").await;
    page.await_address("/login?next=").await;
    desk.sign_in("floh_canary-of-a-wrong-token").await;
    page.see("Not signed in").await;
    assert!(page.find("textbox", "Token").await.is("invalid"));
    assert!(!page.html().await.contains("canary-of-a-wrong-token"));
    desk.sign_in(ADMIN_TOKEN).await;
    page.await_address("/executions?status=failed").await;
    desk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_colours_follow_the_system_until_a_person_chooses() {
    let Some(desk) = Desk::signed_in(Setup::default(), Look { dark: true, ..Look::default() }).await else { return };
    let page = &desk.page;
    assert_eq!(page.evaluate(IS_DARK).await, true, "as the system");
    page.click("button", "Dark theme").await;
    page.click("button", "Light theme").await;
    page.find("button", "Dark theme").await;
    page.await_address("/connectors").await;
    page.await_loaded().await;
    assert_eq!(page.evaluate(IS_DARK).await, false, "as was chosen, whatever the system");
    page.open("/settings/about").await;
    assert_eq!(page.evaluate(IS_DARK).await, false, "on every page");
    desk.end().await;
}
