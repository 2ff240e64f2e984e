//! A line that a lock cannot have.
#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = "unreadable.lock")]
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
        /// Most widgets.
        #[param(default = 50, min = 1, max = 500)]
        limit: u32,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
