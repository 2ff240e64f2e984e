//! Two variables share a name on the wire.

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
    #[command(variables(widget_count = u64, widgetCount = String))]
    fn list(&self) -> Outcome<Value> {
        succeed(json!({}))
    }
}

fn main() {}
