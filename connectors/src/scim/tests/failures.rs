//! What is told when a service does not do what it was asked.

use std::time::Duration;

use connector_runtime::testing::Answer;

use super::super::*;
use super::fixture::{Service, done, error, failed, page, scim};

#[tokio::test]
async fn what_left_and_was_not_answered_is_unknown() {
    for answer in [
        Answer::closes(),
        Answer::raw("HTTP/1.1 banana\r\n\r\n"),
        scim(json!({ "id": "1" })).cut_after(3),
        Answer::never(),
    ] {
        let service = Service::usual().await;
        service.on("POST /scim/Users", answer);
        let lost = failed(
            service.call("createUser").param("userName", "ada").param("password", "s3cret-pass").timeout_ms(500),
        )
        .await;
        assert_eq!((&lost["code"], &lost["outcome"]), (&json!("outcomeUnknown"), &json!("unknown")), "{lost}");
        assert!(!lost.to_string().contains("s3cret"));
        assert_eq!(service.bodies("POST").len(), 1, "it is not sent again");
    }
    let service = Service::usual().await;
    service.on("GET /scim/Users", Answer::never());
    let lost = failed(service.call("listUsers").timeout_ms(300)).await;
    assert_eq!((&lost["code"], lost.get("outcome")), (&json!("timeout"), None));
}

/// A change that was refused for its rate had no effect, which is not known of one that was answered 503.
#[tokio::test]
async fn changes_are_sent_again_only_where_nothing_was_done() {
    let service = Service::usual().await;
    service.on("POST /scim/Users", Answer::empty(429).header("retry-after", "0"));
    service.on("POST /scim/Users", scim(json!({ "id": "1" })).status(201));
    assert_eq!(done(service.call("createUser").param("userName", "ada")).await["created"], true);
    assert_eq!(service.bodies("POST").len(), 2);
    let service = Service::usual().await;
    service.on("POST /scim/Users", error(503, None, "later"));
    assert_eq!(failed(service.call("createUser").param("userName", "ada")).await["code"], "unavailable");
    assert_eq!(service.bodies("POST").len(), 1);
}

#[tokio::test]
async fn statuses_are_codes() {
    for (status, scim_type, code) in [
        (400, Some("invalidValue"), "invalid"),
        (400, Some("mutability"), "invalid"),
        (400, Some("tooMany"), "tooLarge"),
        (401, None, "unauthenticated"),
        (403, Some("sensitive"), "denied"),
        (404, None, "notFound"),
        (409, Some("uniqueness"), "exists"),
        (409, None, "exists"),
        (413, None, "tooLarge"),
        (429, None, "rateLimited"),
        (500, None, "unavailable"),
        (501, None, "unsupported"),
    ] {
        let service = Service::usual().await;
        service.on("POST /scim/Users", error(status, scim_type, "because").header("retry-after", "999"));
        let refused = failed(service.call("createUser").param("userName", "ada")).await;
        assert_eq!((&refused["code"], &refused["statusCode"]), (&json!(code), &json!(status)));
        assert_eq!(refused["systemMessage"], "because");
        assert_eq!(refused.get("systemCode").and_then(Value::as_str), scim_type);
    }
}

#[tokio::test]
async fn the_column_of_a_filter_is_shown() {
    let service = Service::usual().await;
    service.on("GET /scim/Users", error(400, Some("invalidFilter"), "invalid syntax at column 10"));
    let refused = failed(service.call("listUsers").param("filter", "userName zz 1")).await;
    assert_eq!((&refused["column"], &refused["near"]), (&json!(10), &json!("zz 1")));
    let service = Service::usual().await;
    service.on("GET /scim/Users", error(400, Some("invalidFilter"), "at column 99999"));
    let refused = failed(service.call("listUsers").param("filter", "é zz 1")).await;
    assert_eq!(refused["near"], "");
}

#[tokio::test]
async fn a_secret_that_a_service_repeats_is_not_shown() {
    let service = Service::usual().await;
    let echo = format!("the token {} and the password s3cret-pass-word are wrong", service.token);
    service.on("POST /scim/Users", error(400, None, &echo));
    service.on("GET /scim/Users", Answer::text(echo).status(500).header("retry-after", "999"));
    let call = service.call("createUser").param("userName", "ada").param("password", "s3cret-pass-word");
    let done = call.done().await;
    let told = format!("{:?} {:?}", done.reply, done.logs);
    assert!(told.contains("redacted") && !told.contains("s3cret") && !told.contains(&service.token), "{told}");
    let told = failed(service.call("listUsers")).await.to_string();
    assert!(told.contains("redacted") && !told.contains(&service.token), "{told}");
    let operations = json!([{ "method": "POST", "path": "/Users", "data": { "Password": "x" } }]);
    let bulk = Service::usual().await;
    assert_eq!(failed(bulk.call("bulk").param("operations", operations)).await["code"], "unsupported");
}

#[tokio::test]
async fn an_answer_without_an_end_is_refused() {
    let service = Service::usual().await;
    let large = format!("{{\"totalResults\":1,\"Resources\":[\"{}\"]}}", "x".repeat(33 * 1024 * 1024));
    service.on("GET /scim/Users", Answer::text(large));
    assert_eq!(failed(service.call("listUsers")).await["code"], "tooLarge");
    let service = Service::usual().await;
    service.on("GET /scim/Users", Answer::text("[".repeat(100_000)));
    assert_eq!(failed(service.call("listUsers")).await["code"], "unavailable");
}

#[tokio::test]
async fn a_slow_service_is_waited_for_as_long_as_the_call_may_take() {
    let service = Service::usual().await;
    service.on("GET /scim/Users", scim(page(1..=1, Some(1))).after(Duration::from_millis(200)));
    assert_eq!(done(service.call("listUsers")).await["count"], 1);
}
