//! All commands stand in one impl block.

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
    fn list(&self) -> Outcome {
        succeed(())
    }
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command]
    fn other(&self) -> Outcome {
        succeed(())
    }
}

fn main() {}
