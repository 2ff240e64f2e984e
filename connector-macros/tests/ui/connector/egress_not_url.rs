//! Secrets are kept to the origin of a URL, which a key is not.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", egress = [base_url, api_key], lock = false)]
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
