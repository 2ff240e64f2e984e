//! The context is shared.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

#[connector]
impl Widget {
    /// Shows widgets.
    #[command(effect = read)]
    fn show(&self, cx: &mut Context) -> Outcome {
        let _ = cx;
        succeed(())
    }
}

fn main() {}
