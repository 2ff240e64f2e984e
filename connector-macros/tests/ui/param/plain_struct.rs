//! A param is described too.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

#[derive(Debug)]
pub struct Size {
    pub width: u64,
}

#[connector]
impl Widget {
    /// Lists widgets.
    #[command]
    fn list(
        &self,
        /// Sizes.
        sizes: Vec<Size>,
    ) -> Outcome {
        drop(sizes);
        succeed(())
    }
}

fn main() {}
