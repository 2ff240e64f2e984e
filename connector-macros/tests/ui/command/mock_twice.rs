//! A scenario has one function.

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
    #[command(mock(default = one, default = one))]
    fn list(&self) -> Outcome {
        succeed(())
    }
}

fn one() -> Outcome {
    succeed(())
}

fn main() {}
