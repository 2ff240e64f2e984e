//! An `i32` ends at 2,147,483,647.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// A setting.
    #[config(default = 2147483648)]
    setting: i32,
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
