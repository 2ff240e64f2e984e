//! The attribute has no key `defualt`.

#![allow(unused_variables)]

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
    fn list(
        &self,
        /// A param.
        #[param(defualt = 3)]
        limit: u32,
    ) -> Outcome {
        succeed(())
    }
}

fn main() {}
