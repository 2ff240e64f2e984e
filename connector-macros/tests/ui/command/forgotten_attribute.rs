//! A method that describes its params is a command.

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

    /// Shows a widget.
    fn show(
        &self,
        /// Which one.
        #[param(min_length = 1)]
        id: String,
    ) -> Outcome {
        drop(id);
        succeed(())
    }
}

fn main() {}
