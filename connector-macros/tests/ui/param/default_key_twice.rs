//! JSON in an attribute has each key once.

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
        /// Some values.
        #[param(default = json!({ "a": 1, "a": 2 }))]
        values: Map<String, Value>,
    ) -> Outcome {
        drop(values);
        succeed(())
    }
}

fn main() {}
