//! A connector is one type.

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
}

#[connector]
impl<T> Other<T> {
    /// Lists widgets.
    #[command]
    fn other(&self) -> Outcome {
        succeed(())
    }
}

struct Other<T>(T);

fn main() {}
