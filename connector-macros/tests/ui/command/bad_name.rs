//! A name on the wire has no dash.

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
    #[command(name = "list-all")]
    fn list(&self) -> Outcome {
        succeed(())
    }
}

fn main() {}
