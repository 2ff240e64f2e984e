//! A command needs a doc comment.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

#[connector]
impl Widget {
    #[command]
    fn list(&self) -> Outcome {
        succeed(())
    }
}

fn main() {}
