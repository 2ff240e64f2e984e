//! One table of calls over one connector, in process and through the protocol: the results are equal.

use crate::connector::Connector as _;
use crate::context::Invocation;
use crate::prelude::*;
use crate::registry::Registry;
use crate::serve::Service;
use crate::testing;
use test_support::{Listener, Reply};

use super::support::{SIGNING_SECRET, Stub, client, external, invocation, run};

/// Does everything that a handler can do.
#[connector(name = "conformance-lab", version = "1.0.0", errors = explain, lock = false)]
#[derive(Debug)]
pub(super) struct Lab {
    /// Key.
    api_key: Secret,
    /// Where to call.
    base_url: Option<Url>,
    /// Greeting.
    #[config(default = "Hello")]
    greeting: String,
}

/// A greeting.
#[payload]
#[derive(Debug)]
pub(super) struct Greeting {
    /// The sentence.
    text: String,
    /// How often.
    times: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("teapot {0}")]
struct Teapot(u16);

#[connector]
impl Lab {
    /// Greets.
    #[command(effect = read)]
    async fn greet(
        &self,
        /// Whom.
        name: String,
        /// How often.
        #[param(default = 2, min = 1, max = 3)]
        times: u32,
        /// A title.
        title: Option<String>,
    ) -> Outcome<Greeting> {
        let text = format!("{} {}{name}", self.greeting, title.unwrap_or_default());
        succeed(Greeting { text, times }).variable("greeted", &name)
    }

    /// Returns nothing.
    #[command]
    fn nothing(&self) {}

    /// Returns any JSON.
    #[command]
    fn echo(
        &self,
        /// Anything.
        value: Option<Value>,
    ) -> Outcome<Value> {
        succeed(value.unwrap_or(Value::Null))
    }

    /// Fails, with all that a failure has.
    #[command]
    fn refuse(&self) -> Outcome {
        fail(format!("refused {}", self.api_key.expose()))
            .diagnostic("key", self.api_key.expose())
            .diagnostic("status", 418)
            .variable("refused", true)
    }

    /// Throws.
    #[command]
    fn throw(
        &self,
        /// Whether the error map knows it.
        known: bool,
    ) -> Outcome {
        if known {
            return Err(Teapot(418).into());
        }
        Err(std::io::Error::other(format!("plain {}", self.api_key.expose())))?
    }

    /// Panics.
    #[command]
    fn panic(&self) {
        panic!("on purpose");
    }

    /// Returns a whole result.
    #[command]
    fn whole(&self) -> ConnectorResult {
        ConnectorResult {
            success: false,
            payload: Some(json!({ "partial": [1, 2.5, "ä", null] })),
            ..Default::default()
        }
    }

    /// Tells what it knows of its call.
    #[command]
    fn context(&self, cx: &Context) -> Outcome<Value> {
        succeed(json!({
            "variables": cx.variables(), "step": cx.step_id(), "run": cx.run_id(), "key": cx.idempotency_key(),
            "param": cx.config().get("unknown"),
        }))
    }

    /// Calls out, with the key.
    #[command(effect = read)]
    async fn fetch(&self, cx: &Context) -> Outcome<Value> {
        let url = self.base_url.clone().ok_or_else(|| Fail::new("no base URL"))?;
        succeed(cx.http().get(url.join("items")?).bearer(&self.api_key).send().await?.error_for_status()?.json()?)
    }

    /// Old.
    #[command(deprecated = "use greet")]
    fn old(&self) {}
}

fn explain(thrown: &Thrown<'_>) -> Option<Fail> {
    let teapot = thrown.find::<Teapot>()?;
    Some(Fail::new(format!("Teapot says {}", teapot.0)).diagnostic("status", teapot.0))
}

/// Runs a call both ways.
async fn both(call: Invocation) -> (ConnectorResult, ConnectorResult) {
    let registry = || Registry::of([Lab::DESCRIPTOR]).unwrap();
    let service = Service::new(registry()).through(client()).signed_with(Secret::new(SIGNING_SECRET));
    let served = Listener::start(|socket| crate::serve::serve(socket, service.router(), std::future::pending())).await;
    let registry = registry();
    let schema = registry.get("conformance-lab").unwrap().schema();
    let remote = run(&external(&served.url("").parse().unwrap(), schema), schema, call.clone()).await;
    let local = testing::execute(Lab::DESCRIPTOR, Invocation { http: client(), ..call }).await;
    (local.reply.into_result(), remote)
}

#[tokio::test]
async fn in_process_and_through_the_protocol_are_equal() {
    let table = [
        ("greet", json!({ "name": "Ada" }), true),
        ("greet", json!({ "name": "Ada", "times": 3, "title": "Lady " }), true),
        ("greet", json!({}), false),
        ("greet", json!({ "name": "Ada", "times": 4 }), false),
        ("greet", json!({ "name": 1, "title": null }), false),
        ("nothing", json!({}), true),
        ("echo", json!({}), true),
        ("echo", json!({ "value": { "deep": [1, -2.5, "ü\u{0}\"", null, { "": {} }], "success": false } }), true),
        ("echo", json!({ "value": { "data": 1, "outputVariables": {} } }), true),
        ("refuse", json!({}), false),
        ("throw", json!({ "known": true }), false),
        ("throw", json!({ "known": false }), false),
        ("panic", json!({}), false),
        ("whole", json!({}), false),
        ("context", json!({ "unknown": [1] }), true),
        ("fetch", json!({}), false),
        ("old", json!({}), true),
        ("nonsense", json!({}), false),
    ];
    for (command, params, success) in table {
        let mut call = invocation(command, params.clone());
        call.idempotency_key = Some("key-1".to_owned());
        let (local, remote) = both(call).await;
        assert_eq!(local, remote, "{command} {params}");
        assert_eq!(local.success, success, "{command} {params}: {local:?}");
    }
}

#[tokio::test]
async fn a_handler_calls_out_the_same_way_from_both() {
    let upstream = Stub::fixed(Reply::json(200, &json!({ "items": [1] }))).await;
    let mut call = invocation("fetch", json!({}));
    let mut config = (**call.connection).clone();
    config.insert("baseUrl".to_owned(), upstream.url().as_str().into());
    call.connection = std::sync::Arc::new(crate::context::ConnectionConfig::new(config));
    let (local, remote) = both(call).await;
    assert_eq!(local, remote);
    assert_eq!(local.payload, Some(json!({ "items": [1] })));
    let received = upstream.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("authorization"), received[1].header("authorization"));
}

#[tokio::test]
async fn one_that_lacks_the_connection_is_refused_before_anything_leaves() {
    let call = Invocation { connection: std::sync::Arc::default(), ..invocation("nothing", json!({})) };
    let (local, remote) = both(call).await;
    assert_eq!(local, remote);
    assert_eq!(local.error.as_deref(), Some("Missing required field(s): apiKey"));
}
