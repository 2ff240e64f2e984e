//! A property of the objects in a list is new and required.
#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = "list.lock")]
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
        /// Filters, each of which is enough.
        filters: Option<Vec<Filter>>,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
