//! A name that references read the run itself by.

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
    #[command(variables(run = u64))]
    fn list(&self) -> Outcome<Value> {
        succeed(json!({}))
    }
}

fn main() {}
