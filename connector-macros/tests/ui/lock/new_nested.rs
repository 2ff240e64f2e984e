//! A property of a nested object is new and required.
#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = "nested.lock")]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A filter.
#[object]
pub struct Filter {
    /// A word.
    word: Option<String>,
    /// A state.
    state: String,
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
        /// A filter.
        filter: Option<Filter>,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
