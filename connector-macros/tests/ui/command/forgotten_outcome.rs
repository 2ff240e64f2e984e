//! A method that returns an outcome is a command.

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
    fn list(&self) -> Outcome {
        succeed(())
    }

    /// Shows all.
    async fn show(&self, cx: &Context) -> Outcome {
        cx.log().info("shown");
        succeed(())
    }
}

fn main() {}
