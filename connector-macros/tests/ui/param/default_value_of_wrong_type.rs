//! A default is of its field's type, values included.

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
        #[param(default = json!({ "a": "one" }))]
        values: std::collections::BTreeMap<String, u8>,
    ) -> Outcome {
        drop(values);
        succeed(())
    }
}

fn main() {}
