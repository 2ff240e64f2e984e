//! What only types know is reported in one pass too.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// A setting.
    #[config(default = "3")]
    wait: u32,
    /// A duration.
    span: std::time::Duration,
    /// A name.
    #[config(min = 3)]
    name: String,
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
