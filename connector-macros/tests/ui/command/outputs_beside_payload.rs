//! The payload's fields are the outputs.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command(outputs("total"))]
    fn list(&self) -> Outcome<Page> {
        succeed(Page { total: 1 })
    }
}

/// A page.
#[payload]
pub struct Page {
    /// Widgets in all.
    total: u64,
}

fn main() {}
