//! A default is one of the values.

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
        #[param(default = "onHold")]
        state: State,
    ) -> Outcome {
        succeed(())
    }
}

/// A state.
#[derive(Select)]
pub enum State {
    /// In use.
    Active,
    /// Out of service.
    OnHold,
}

fn main() {}
