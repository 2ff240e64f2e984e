//! What is in an object is described too.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A filter.
#[object]
#[derive(Debug)]
pub struct Filter {
    /// The sizes.
    sizes: Option<Vec<Size>>,
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
        /// A filter.
        filter: Filter,
    ) -> Outcome {
        drop(filter);
        succeed(())
    }
}

fn main() {}
