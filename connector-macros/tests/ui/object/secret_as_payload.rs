//! An object with a secret is not shown.

use connector_runtime::prelude::*;

/// Widgets.
#[connector(name = "widget", version = "1.0.0", lock = false)]
pub struct Widget {
    /// Where the API answers.
    base_url: Url,
}

/// A login.
#[object]
#[derive(Debug)]
pub struct Login {
    /// Who.
    user: String,
    /// The password.
    password: Secret,
}

#[connector]
impl Widget {
    /// Shows the login.
    #[command]
    fn list(
        &self,
        /// A login.
        login: Login,
    ) -> Outcome<Login> {
        succeed(login)
    }
}

fn main() {}
