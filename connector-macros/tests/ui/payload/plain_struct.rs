//! What is in a payload is described too.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A page of widgets.
#[payload]
#[derive(Debug)]
pub struct Page {
    /// The widgets.
    widgets: Vec<Item>,
    /// How many there are.
    total: u64,
}

#[derive(Debug)]
pub struct Item {
    id: u64,
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command(effect = read)]
    fn list(&self) -> Outcome<Page> {
        succeed(Page { widgets: vec![Item { id: 1 }], total: 1 })
    }
}

fn main() {}
