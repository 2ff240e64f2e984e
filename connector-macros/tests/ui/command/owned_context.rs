//! The context is borrowed.

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
    #[command(effect = read)]
    fn list(&self, cx: Context) -> Outcome {
        drop(cx);
        succeed(())
    }
}

fn main() {}
