//! Two methods would share a params struct.

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
    fn list(&self) -> Outcome {
        succeed(())
    }

    /// Lists widgets.
    #[command(name = "other")]
    fn list_(&self) -> Outcome {
        succeed(())
    }
}

fn main() {}
