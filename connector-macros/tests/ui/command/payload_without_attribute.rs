//! A payload type says so.

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
    #[command]
    fn list(&self) -> Outcome<Page> {
        succeed(Page { total: 1 })
    }
}

pub struct Page {
    pub total: u64,
}

fn main() {}
