//! A struct that a command takes, without #[object]: the compiler stops at its first attribute.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A widget to make.
pub struct NewWidget {
    /// Its name.
    #[param(min_length = 1)]
    name: String,
}

#[connector]
impl Widget {
    /// Makes a widget.
    #[command]
    fn make(
        &self,
        /// The widget.
        widget: NewWidget,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
