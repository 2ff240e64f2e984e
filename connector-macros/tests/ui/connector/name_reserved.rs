//! `agents` is a path of the API.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "agents", version = "1.0.0", lock = false)]
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
}

fn main() {}
