//! Every mistake of an impl block is reported in one pass.

#![allow(unused_variables)]

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

macro_rules! more {
    () => {};
}

#[connector]
impl Widget {
    #[command(effect = write, since = "1", timeout = 0)]
    fn list() -> Outcome {
        succeed(())
    }

    /// Lists widgets.
    #[command(readonly)]
    fn show<T>(&self, limit: u32, /// Order.
        command: String) -> Outcome {
        succeed(())
    }

    more!();
}

fn main() {}
