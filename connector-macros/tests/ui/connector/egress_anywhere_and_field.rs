//! Secrets go to some fields or anywhere, not both.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", egress = [base_url, anywhere], lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
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
