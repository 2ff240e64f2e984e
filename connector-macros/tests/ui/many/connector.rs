//! Every mistake of a struct is reported in one pass.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

#[connector(name = "Widget", version = "1", colour = "red", errors = "explain", lock = false)]
pub struct Widget {
    base_url: Url,
    /// Seconds.
    #[config(defualt = 3, min = 5, max = 4)]
    wait: u32,
    /// Again.
    #[config(name = "wait", pattern = "[")]
    other: String,
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
