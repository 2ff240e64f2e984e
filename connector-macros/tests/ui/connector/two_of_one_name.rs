//! A name belongs to one connector.

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

/// Gadgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Gadget {}

#[connector]
impl Gadget {
    /// Lists widgets.
    #[command]
    fn show(&self) -> Outcome {
        succeed(())
    }
}

fn main() {}
