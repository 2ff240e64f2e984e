//! Every page on a telephone: nothing scrolls sideways, and the menu opens.

use test_browser::Look;

use crate::axe::{Gallery, pages};

#[tokio::test(flavor = "multi_thread")]
async fn no_page_is_wider_than_a_telephone_and_the_menu_opens() {
    let look = Look { size: Look::NARROW, ..Look::default() };
    let Some(gallery) = Gallery::open(look).await else { return };
    let page = &gallery.desk.page;
    let mut wide = Vec::new();
    for shown in pages(&gallery) {
        shown.open(&gallery).await;
        match page.overflow().await {
            ..=0 => {}
            pixels => wide.push(format!("{}: {pixels} px", shown.name)),
        }
    }
    assert!(wide.is_empty(), "wider than the window: {wide:#?}");
    page.open("/connectors").await;
    assert!(page.all("link", "Executions").await.is_empty(), "the menu is away");
    page.click("button", "Menu").await;
    page.find("complementary", "Menu").await.find("link", "Executions").await.click().await;
    page.await_address("/executions").await;
    gallery.desk.end().await;
}
