//! A date is written as text.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// A setting.
    #[config(default = 20260131)]
    setting: Date,
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
