//! A variable is no secret.

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
    #[command(variables(token = Secret))]
    fn list(&self) -> Outcome<Value> {
        succeed(json!({}))
    }
}

fn main() {}
