//! A connector needs a version.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command]
    fn list(&self) -> Outcome {
        succeed(())
    }
}

fn main() {}
