//! The default command is named as on the wire.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", default_command = "lists", lock = false)]
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
