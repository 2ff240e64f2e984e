//! The test service: what it answers, how it fails, and what it has seen, through a real connector.

use std::time::Duration;

use super::{Answer, Upstream, call};
use crate::outcome::ConnectorResult;
use crate::prelude::*;

/// A caller of anything.
#[connector(name = "upstream-caller", version = "0.1.0-draft", lock = false)]
#[derive(Debug)]
struct Caller {
    /// Where to.
    base_url: Url,
    /// A key.
    key: Secret,
}

#[connector]
impl Caller {
    /// Posts a body and gives back the answer.
    #[command(effect = create, outputs("answer"))]
    async fn post(
        &self,
        cx: &Context,
        /// Segments of the path.
        path: Vec<String>,
        /// What is sent.
        #[param(default = json!({ "a": 1 }))]
        body: Value,
    ) -> Outcome<Value> {
        let request = cx.http().post(self.base_url.at(&path)?).query(&[("q", "a b&c")]).bearer(&self.key).json(&body);
        // Longer than any call of these tests: the deadline of the call counts.
        let request = request.idempotency_key(cx.idempotency_key()).timeout(Duration::from_secs(60));
        let answer: Value = request.send().await?.error_for_status()?.json()?;
        succeed(json!({ "answer": answer }))
    }

    /// Asks for the head alone.
    #[command(effect = read, outputs("length"))]
    async fn head(&self, cx: &Context) -> Outcome<Value> {
        let response = cx.http().head(self.base_url.at(["x"])?).send().await?;
        succeed(json!({ "length": response.header("content-length") }))
    }
}

async fn post(upstream: &Upstream, timeout_ms: u64) -> ConnectorResult {
    let call = call::<Caller>("post").upstream("baseUrl", upstream).config("key", "s3cret-key");
    call.param("path", ["x"]).timeout_ms(timeout_ms).run().await
}

#[tokio::test]
async fn a_request_is_seen_as_it_was_sent() {
    let upstream = Upstream::start().await;
    upstream.on("POST /a%2Fb/c", Answer::json(json!([1])).status(201).header("x-one", "1"));
    let call = call::<Caller>("post").upstream("baseUrl", &upstream).config("key", "s3cret-key");
    let result = call.param("path", ["a/b", "c"]).run().await;
    assert_eq!(result.payload, Some(json!({ "answer": [1] })), "{result:?}");
    let seen = upstream.only();
    assert_eq!((seen.method(), seen.path(), seen.line().as_str()), ("POST", "/a%2Fb/c", "POST /a%2Fb/c?q=a+b%26c"));
    assert_eq!((seen.query("q"), seen.query("r")), (Some("a b&c".to_owned()), None));
    assert_eq!(seen.header("Authorization"), Some("Bearer s3cret-key"));
    assert_eq!((seen.json(), seen.text().as_str()), (json!({ "a": 1 }), r#"{"a":1}"#));
    assert_eq!(upstream.take_seen().len(), 1);
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn a_call_has_the_idempotency_key_that_the_test_gives() {
    let upstream = Upstream::start().await;
    upstream.on("POST /x", Answer::json(json!(1)));
    let call = || {
        let call = call::<Caller>("post").upstream("baseUrl", &upstream).config("key", "s3cret-key");
        call.param("path", ["x"])
    };
    assert!(call().run().await.success);
    assert_eq!(upstream.take_seen()[0].header("idempotency-key"), None);
    assert!(call().idempotency_key("order-7").run().await.success);
    assert_eq!(upstream.take_seen()[0].header("idempotency-key"), Some("order-7"));
}

#[tokio::test]
async fn answers_of_a_route_follow_each_other_and_the_last_repeats() {
    let upstream = Upstream::start().await;
    upstream
        .on("POST /x", Answer::json(json!(1)))
        .on("POST /x", Answer::empty(500))
        .on("POST /x", Answer::json(json!(2)));
    let mut answers = Vec::new();
    for _ in 0..4 {
        let result = post(&upstream, 5_000).await;
        answers.push(result.payload.map(|payload| payload["answer"].clone()));
    }
    assert_eq!(answers, [Some(json!(1)), None, Some(json!(2)), Some(json!(2))]);
    // Another route has answers of its own, and what has none says so.
    let other = Upstream::start().await;
    other.on("GET /x", Answer::json(json!(1)));
    let error = post(&other, 5_000).await.error.unwrap();
    assert!(error.contains("501"), "{error}");
    other.otherwise(|seen| Answer::json(json!({ "path": seen.path() })));
    assert_eq!(post(&other, 5_000).await.payload, Some(json!({ "answer": { "path": "/x" } })));
}

#[tokio::test]
async fn each_fault_is_a_failure_of_the_command() {
    for (answer, text) in [
        (Answer::closes(), "closed"),
        (Answer::json(json!({ "long": "body" })).cut_after(4), ""),
        (Answer::text("{").header("content-type", "application/json"), "JSON"),
        (Answer::json(json!({})).content_length(100), ""),
        (Answer::raw("HTTP/1.1 banana\r\n\r\n"), ""),
        (Answer::empty(404), "404"),
    ] {
        let upstream = Upstream::start().await;
        let said = format!("{answer:?}");
        upstream.on("POST /x", answer);
        let result = post(&upstream, 5_000).await;
        let error = result.error.unwrap_or_default();
        assert!(!result.success && error.contains(text), "{said}: {error}");
        assert_eq!(upstream.seen().len(), 1, "{said}");
    }
    for answer in [Answer::never(), Answer::json(json!({})).after(Duration::from_secs(30))] {
        let upstream = Upstream::start().await;
        upstream.on("POST /x", answer);
        let error = post(&upstream, 300).await.error.unwrap_or_default();
        assert!(error.contains("300 ms"), "{error}");
    }
    let upstream = Upstream::start().await;
    upstream.on("POST /x", Answer::json(json!(1)).after(Duration::from_millis(1)));
    assert!(post(&upstream, 5_000).await.success, "late is not wrong");
}

#[tokio::test]
async fn a_call_that_its_deadline_cut_has_an_unknown_outcome() {
    let upstream = Upstream::start().await;
    upstream.on("POST /x", Answer::never());
    let result = post(&upstream, 300).await;
    assert_eq!(result.error.as_deref(), Some("Timed out after 300 ms"));
    assert_eq!(result.diagnostics, Some(json!({ "outcome": "unknown" })));
    // What only reads has had no effect.
    let upstream = Upstream::start().await;
    upstream.on("HEAD /x", Answer::never());
    let call = call::<Caller>("head").upstream("baseUrl", &upstream).config("key", "s3cret-key").timeout_ms(300);
    assert_eq!(call.run().await.diagnostics, None);
}

#[tokio::test]
async fn a_head_has_no_body_and_the_connection_goes_on() {
    let upstream = Upstream::start().await;
    upstream.on("HEAD /x", Answer::text("four"));
    for _ in 0..2 {
        let call = call::<Caller>("head").upstream("baseUrl", &upstream).config("key", "s3cret-key");
        assert_eq!(call.run().await.payload, Some(json!({ "length": "4" })));
    }
}

#[tokio::test]
async fn the_client_of_a_test_service_reaches_nothing_else() {
    let (own, other) = (Upstream::start().await, Upstream::start().await);
    other.on("POST /x", Answer::json(json!(1)));
    let call = call::<Caller>("post").upstream("baseUrl", &own).config("baseUrl", other.url());
    let result = call.config("key", "s3cret-key").param("path", ["x"]).run().await;
    assert!(!result.success && other.seen().is_empty(), "{result:?}");
}

#[tokio::test]
#[should_panic(expected = "expected one request, got 0")]
async fn only_one_means_one() {
    Upstream::start().await.only();
}

#[tokio::test]
#[should_panic(expected = "`/x` is not a route")]
async fn a_route_has_a_method() {
    Upstream::start().await.on("/x", Answer::empty(204));
}

/// One that sets variables.
#[connector(name = "variable-setter", version = "0.1.0-draft", lock = false)]
#[derive(Debug)]
struct Setter {}

#[connector]
impl Setter {
    /// Sets what it is told to, and declares one of it.
    #[command(effect = read, variables(widget_count = u64, last_name = Option<String>))]
    fn declared(
        &self,
        /// Names of variables.
        names: Vec<String>,
    ) -> Outcome {
        names.into_iter().fold(succeed(()), |outcome, name| outcome.variable(&name, 1))
    }

    /// Declares that it sets none.
    #[command(effect = read, variables())]
    fn none(&self) -> Outcome {
        succeed(()).variable("stray", 1)
    }

    /// Declares nothing.
    #[command(effect = read)]
    fn undeclared(&self) -> Outcome {
        succeed(()).variable("anything", 1)
    }
}

#[tokio::test]
async fn a_result_may_set_what_its_command_declares_and_anything_where_it_declares_nothing() {
    let result = call::<Setter>("declared").param("names", ["widgetCount"]).run().await;
    assert_eq!(result.variables, json!({ "widgetCount": 1 }).as_object().cloned());
    assert_eq!(call::<Setter>("undeclared").run().await.variables, json!({ "anything": 1 }).as_object().cloned());
}

#[tokio::test]
#[should_panic(
    expected = "the result of `declared` sets variables that the command does not declare: stray, other; it \
                           declares widgetCount, lastName\nto mend it: add them to #[command(variables(..))]"
)]
async fn a_result_that_sets_undeclared_variables_fails_the_test() {
    call::<Setter>("declared").param("names", ["stray", "widgetCount", "other"]).run().await;
}

#[tokio::test]
#[should_panic(expected = "does not declare: stray; it declares none")]
async fn a_command_that_declares_no_variables_sets_none() {
    call::<Setter>("none").run().await;
}

#[test]
fn declared_variables_are_in_the_schema_and_the_lock() {
    let schema = crate::schema::describe(<Setter as crate::connector::Connector>::DESCRIPTOR);
    let declared = schema.commands["declared"].to_value();
    assert_eq!(declared["variables"]["widgetCount"]["type"], "number");
    assert_eq!(declared["variables"]["widgetCount"]["required"], true);
    assert_eq!(declared["variables"]["lastName"], json!({ "type": "string", "default": null }));
    assert_eq!(schema.commands["none"].variables.as_ref().map(|variables| variables.len()), Some(0));
    assert_eq!(schema.commands["undeclared"].variables, None);
    let lock = crate::lock::print(<Setter as crate::connector::Connector>::DESCRIPTOR);
    let lines: Vec<&str> =
        lock.lines().filter(|line| line.starts_with("command") || line.starts_with("variable")).collect();
    assert_eq!(
        lines[..3],
        [
            "command declared effect=read variables",
            "command none effect=read variables",
            "command undeclared effect=read",
        ]
    );
    assert!(lines[3].starts_with("variable declared lastName string default=null"), "{lines:?}");
    assert!(lines[4].starts_with("variable declared widgetCount number required"), "{lines:?}");
    assert_eq!(lines.len(), 5);
}
