//! A name that looks like an id would be taken for one.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "01234567-89ab-cdef-0123-456789abcdef", version = "1.0.0", lock = false)]
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
