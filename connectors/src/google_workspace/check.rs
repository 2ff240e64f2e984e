//! The test of a connection.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::GoogleWorkspace;
use super::api::Ask;
use super::types::Checked;

impl GoogleWorkspace {
    /// Fetches a token, and reads one thing of each kind that the scopes are for.
    pub(super) async fn check(&self, cx: &Context) -> Result<Checked, Fail> {
        let api = self.api(cx)?;
        let has = |word: &str| self.scopes.iter().any(|scope| scope.contains(word));
        let list = |what: &'static str, doing| {
            Ask::get(
                match what {
                    "users" => &["users"],
                    _ => &["groups"],
                },
                doing,
            )
            .query("customer", api.customer())
            .query("maxResults", "1")
        };
        let mut read = Vec::new();
        if has("directory.user") {
            api.ask(list("users", "list users")).await?;
            read.push("users".to_owned());
        }
        if has("directory.group") {
            api.ask(list("groups", "list groups")).await?;
            read.push("groups".to_owned());
        }
        if has("directory.orgunit") {
            let path = ["customer", api.customer(), "orgunits"];
            api.ask(Ask::get(&path, "list organizational units").query("type", "children")).await?;
            read.push("orgUnits".to_owned());
        }
        if read.is_empty() {
            api.token().await?;
        }
        let domain = self.subject.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
        Ok(Checked { subject: self.subject.clone(), domain, read })
    }
}
