//! Lists of many pages.

use connector_runtime::prelude::*;
use connector_runtime::testing::{self, Answer, Seen, TestCall, Upstream};

use crate::http::Http;

fn call(upstream: &Upstream) -> TestCall {
    testing::call::<Http>("paginate").upstream("baseUrl", upstream)
}

/// Serves the numbers from 1 to 7, three on each page.
fn numbers(seen: &Seen, upstream: &str) -> Answer {
    let number = |name: &str| seen.query(name).and_then(|text| text.parse::<usize>().ok());
    let first = match seen.path() {
        "/page" => (number("page").unwrap() - 1) * 3,
        "/offset" => number("offset").unwrap(),
        _ => number("from").unwrap_or(0),
    };
    let items: Vec<usize> = (first + 1..=7).take(3).collect();
    let next = (first + 3 < 7).then(|| first + 3);
    match seen.path() {
        "/link" => {
            let answer = Answer::json(json!(items));
            match next {
                Some(next) => answer.header("link", &format!("<{upstream}/link?from={next}>; rel=\"next\"")),
                None => answer,
            }
        }
        "/next" => Answer::json(json!({ "items": items, "next": next.map(|next| format!("/next?from={next}")) })),
        _ => Answer::json(json!({ "items": items, "next": next.map(|next| next.to_string()), "total": 7 })),
    }
}

async fn upstream() -> Upstream {
    let upstream = Upstream::start().await;
    let url = upstream.url();
    upstream.otherwise(move |seen| numbers(seen, &url));
    upstream
}

#[tokio::test]
async fn every_way_to_the_next_page_ends_with_the_last_one() {
    for (url, params) in [
        ("link", json!({ "by": "link" })),
        ("next", json!({ "by": "next_url", "next": "/next", "items": "/items" })),
        ("cursor", json!({ "by": "cursor", "next": "/next", "param": "from", "items": "/items" })),
        ("page", json!({ "by": "page", "param": "page", "items": "/items" })),
        ("page", json!({ "by": "page", "param": "page", "items": "/items", "total": "/total" })),
        ("offset", json!({ "by": "offset", "param": "offset", "items": "/items" })),
    ] {
        let upstream = upstream().await;
        let call = || {
            let call = call(&upstream).param("url", url);
            params.as_object().unwrap().iter().fold(call, |call, (name, value)| call.param(name, value))
        };
        let all = call().run().await;
        let payload = all.payload.unwrap_or_else(|| panic!("{params}: {:?}", all.error));
        assert_eq!(payload["items"], json!([1, 2, 3, 4, 5, 6, 7]), "{params}");
        assert_eq!((&payload["count"], &payload["truncated"]), (&json!(7), &json!(false)), "{params}");
        for (limit, truncated) in [(3, true), (4, true), (6, true), (7, false)] {
            let some = call().param("limit", limit).run().await.payload.unwrap();
            assert_eq!((&some["count"], &some["truncated"]), (&json!(limit), &json!(truncated)), "{params} {limit}");
        }
    }
}

#[tokio::test]
async fn what_is_declared_wrongly_is_said() {
    let upstream = upstream().await;
    for (params, text) in [
        (json!({ "by": "cursor", "param": "from" }), "Missing required field(s): next (by is cursor)"),
        (json!({ "by": "page" }), "Missing required field(s): param (by is page)"),
        (json!({ "by": "link", "start": 1 }), "only page and offset are counted"),
        (json!({ "by": "link", "items": "/nothing", "method": "DELETE" }), "method"),
        (
            json!({ "by": "cursor", "next": "/next", "param": "from", "items": "/total" }),
            "Page 1 has no list at `/total`",
        ),
        (json!({ "by": "cursor", "next": "/total", "param": "from", "items": "/items" }), ""),
    ] {
        let call = call(&upstream).param("url", "cursor");
        let call = params.as_object().unwrap().iter().fold(call, |call, (name, value)| call.param(name, value));
        let result = call.run().await;
        assert!(!result.success, "{params}");
        assert!(result.error.as_deref().unwrap().contains(text), "{params}: {:?}", result.error);
    }
    upstream.on("GET /loop", Answer::json(json!({ "items": [1], "next": "same" })));
    let looping =
        call(&upstream).param("url", "loop").param("by", "cursor").param("next", "/next").param("param", "from");
    let result = looping.param("items", "/items").run().await;
    assert!(result.error.unwrap().contains("leads back to an earlier one"));
    assert_eq!(result.diagnostics.unwrap()["pages"], 2);
}

#[tokio::test]
async fn pages_and_requests_carry_tokens_that_are_valid_then() {
    let upstream = Upstream::start().await;
    for number in 1..=2 {
        let token = json!({ "access_token": format!("token-number-{number}"), "expires_in": 3600 });
        upstream.on("POST /token", Answer::json(token));
    }
    upstream.otherwise(|seen| match (seen.query("from").as_deref(), seen.header("authorization")) {
        (None, Some("Bearer token-number-1")) => Answer::json(json!({ "items": [1], "next": "2" })),
        // The first token has expired meanwhile.
        (Some("2"), Some("Bearer token-number-2")) => Answer::json(json!({ "items": [2], "next": null })),
        _ => Answer::empty(401),
    });
    let signed_in = |command: &str| {
        testing::call::<Http>(command)
            .upstream("baseUrl", &upstream)
            .config("authType", "oauth2")
            .config("tokenUrl", format!("{}/token", upstream.url()))
            .config("clientId", "client")
            .config("clientSecret", "canary-secret")
            .config("scopes", ["read"])
            .config("audience", "api")
            .param("url", "items")
    };
    let list = signed_in("paginate")
        .param("by", "cursor")
        .param("next", "/next")
        .param("param", "from")
        .param("items", "/items");
    assert_eq!(list.run().await.payload.unwrap()["items"], json!([1, 2]));
    let asked: Vec<_> = upstream.take_seen().into_iter().filter(|seen| seen.path() == "/token").collect();
    assert_eq!(asked.len(), 2, "once, and once more when it was rejected");
    let form = asked[0].form();
    assert!(
        form.contains(&("scope".to_owned(), "read".to_owned()))
            && form.contains(&("audience".to_owned(), "api".to_owned())),
        "{form:?}"
    );
    // A rejected client is told apart, and its secret is in no part of it.
    upstream.on("POST /refused", Answer::json(json!({ "error": "invalid_client" })).status(401));
    let refused = signed_in("request").config("tokenUrl", format!("{}/refused", upstream.url())).run().await;
    assert!(!format!("{refused:?}").contains("canary"));
    assert_eq!(refused.diagnostics.unwrap()["code"], "unauthenticated");
    let incomplete =
        testing::call::<Http>("request").upstream("baseUrl", &upstream).config("authType", "oauth2").param("url", "x");
    assert_eq!(
        incomplete.run().await.error.unwrap(),
        "Missing required field(s): tokenUrl (the connection authenticates by oauth2)"
    );
}
