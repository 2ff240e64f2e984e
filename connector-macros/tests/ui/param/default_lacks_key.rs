//! A default of an object has its required fields.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A filter.
#[object]
#[derive(Debug)]
pub struct Filter {
    /// A state.
    state: String,
    /// The size.
    #[param(default = 3, max = 9)]
    max_size: u8,
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command]
    fn list(
        &self,
        /// Some values.
        #[param(default = [json!({ "maxSize": 4 })])]
        values: Vec<Filter>,
    ) -> Outcome {
        drop(values);
        succeed(())
    }
}

fn main() {}
