//! A param needs a doc comment.

#![allow(unused_variables)]

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
    #[command]
    fn list(
        &self,
        limit: u32,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
