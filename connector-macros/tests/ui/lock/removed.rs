//! A param that callers may send is gone.
#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = "widget.lock")]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command(effect = read)]
    fn list(
        &self,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
