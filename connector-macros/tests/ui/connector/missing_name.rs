//! A connector needs a name.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(version = "1.0.0")]
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
