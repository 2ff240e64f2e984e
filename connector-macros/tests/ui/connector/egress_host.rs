//! A host without scheme and port is no origin.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", egress = host, lock = false)]
pub struct Widget {
    /// Where the API answers.
    #[config(destination)]
    host: String,
    /// Its key.
    api_key: Secret,
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
