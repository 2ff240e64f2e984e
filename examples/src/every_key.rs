//! Every key that an annotation takes, once: what the table of docs/writing-connectors.md quotes.

use std::collections::BTreeMap;
use std::time::Duration;

use connector_runtime::prelude::*;

/// Show every key of every attribute.
#[connector(
    name = "every-key",
    version = "1.2.0-draft",
    category = "demo",
    tags("docs", "example"),
    default_command = "findThings",
    egress = [base_url, token_url],
    errors = explain,
    lock = false,
    crate = "::connector_runtime"
)]
#[derive(Debug)]
pub struct EveryKey {
    /// Where the API is.
    #[config(label = "API address", placeholder = "https://…", example = "https://api.example.com")]
    base_url: Url,
    /// Where tokens are.
    token_url: Url,
    /// The host that mail goes through.
    #[config(destination, default = "mail.example.com")]
    relay: String,
    /// The password.
    #[config(name = "pass")]
    password: Secret,
    /// The account.
    #[config(default = "main", min_length = 2, max_length = 20, pattern = "^[a-z]+$")]
    account: String,
    /// Seconds to wait.
    #[config(default = 30, min = 1, max = 300)]
    wait: u32,
}

/// In which order.
#[derive(Debug, Clone, Copy, Select)]
#[select(crate = "::connector_runtime")]
pub enum Order {
    /// The newest first.
    #[select(label = "Newest first")]
    Newest,
    /// The oldest first.
    #[select(name = "OLD")]
    Oldest,
}

/// What to look for.
#[object(crate = "::connector_runtime")]
#[derive(Debug)]
pub struct Filter {
    /// A part of the name.
    #[param(name = "q", label = "Query", min_length = 1, max_length = 100, pattern = "^[^%]+$", example = "blue")]
    query: String,
    /// How many at least.
    #[param(default = 0, min = 0, max = 9)]
    at_least: u8,
}

/// What was found.
#[payload(crate = "::connector_runtime")]
#[derive(Debug)]
pub struct Found {
    /// The things.
    things: Vec<Value>,
    /// How they were looked for.
    #[output(name = "by")]
    filter: Option<Filter>,
}

#[connector]
impl EveryKey {
    /// Find things.
    #[command(
        effect = read,
        since = "1.1.0",
        timeout = 5_000,
        mock(default = nothing, asked = as_asked)
    )]
    fn find_things(
        &self,
        /// What to look for.
        filter: Option<Filter>,
        /// In which order.
        #[param(default = "newest")]
        order: Order,
        /// Which kinds.
        #[param(default = ["book", "film"])]
        kinds: Vec<String>,
        /// Limits by kind.
        #[param(default = json!({ "book": 10 }))]
        limits: BTreeMap<String, u32>,
    ) -> Outcome<Found> {
        let things = vec![json!({ "order": order, "kinds": kinds, "limits": limits })];
        succeed(Found { things, filter })
    }

    /// Put a thing in its place.
    #[command(
        name = "put",
        effect = update,
        idempotent,
        timeout = time_to_put,
        outputs("place"),
        variables(last_place = String)
    )]
    fn put_thing(
        &self,
        /// Id of the thing.
        id: String,
    ) -> Outcome<Value> {
        let place = format!("{}/{id}", self.relay);
        succeed(json!({ "place": place })).variable("lastPlace", place)
    }

    /// Find things the old way.
    #[command(effect = read, deprecated = "use findThings")]
    async fn search(&self, cx: &Context) -> Outcome {
        let log_in = cx.http().post(self.token_url.as_str()).basic(&self.account, &self.password);
        log_in.send().await?.error_for_status()?;
        let search = cx.http().get(self.base_url.at(["things"])?).query(&[("wait", self.wait)]);
        search.send().await?.error_for_status()?;
        succeed(())
    }
}

fn nothing() -> Outcome<Found> {
    succeed(Found { things: Vec::new(), filter: None })
}

fn as_asked(params: &FindThingsParams) -> Outcome<Found> {
    succeed(Found { things: params.kinds.iter().map(|kind| json!(kind)).collect(), filter: None })
}

fn time_to_put(params: &PutThingParams) -> Duration {
    Duration::from_secs(if params.id.len() > 10 { 60 } else { 5 })
}

fn explain(error: &Thrown<'_>) -> Option<Fail> {
    error.find::<HttpError>().map(|http| Fail::new(format!("The API answered {}", http.status())))
}

#[cfg(test)]
mod tests {
    use connector_runtime::testing;

    use super::*;

    #[tokio::test]
    async fn defaults_are_applied_before_the_handler() {
        let call = testing::call::<EveryKey>("findThings").config("baseUrl", "https://api.example.com");
        let call = call.config("tokenUrl", "https://api.example.com").config("pass", "s3cret-pass");
        let things = json!([{ "order": "newest", "kinds": ["book", "film"], "limits": { "book": 10 } }]);
        assert_eq!(call.run().await.payload, Some(json!({ "things": things, "by": null })));
        let mocked = testing::call::<EveryKey>("findThings").param("kinds", ["x"]).mock("asked").run().await;
        assert_eq!(mocked.payload.unwrap()["things"], json!(["x"]));
    }
}
