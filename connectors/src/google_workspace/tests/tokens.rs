//! Tokens: fetched once, renewed once, and what it means if there is none.

use std::sync::atomic::{AtomicUsize, Ordering};

use connector_runtime::egress::Policy;
use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, Upstream};

use super::support::{KEY, api_requests, call, google, lines, route, token, token_requests};

#[tokio::test]
async fn a_token_that_is_rejected_in_the_middle_of_a_list_is_renewed_once() {
    let upstream = Upstream::start().await;
    upstream.on("POST /token", token("first-token-of-the-tests"));
    upstream.on("POST /token", token("second-token-of-the-tests"));
    let served = AtomicUsize::new(0);
    upstream.otherwise(move |seen| {
        let first = seen.query("pageToken").map_or(0, |text| text.parse().unwrap());
        let bearer = seen.header("authorization").unwrap();
        // The first token is good for two pages.
        if bearer.ends_with("first-token-of-the-tests") && served.fetch_add(1, Ordering::Relaxed) >= 2 {
            return Answer::json(json!({ "error": { "code": 401, "message": "Invalid Credentials" } })).status(401);
        }
        let next = (first < 4).then(|| (first + 1).to_string());
        Answer::json(json!({ "users": [{ "id": first.to_string() }], "nextPageToken": next }))
    });
    let payload = call("listUsers", &upstream).run().await.payload.unwrap();
    let ids: Vec<_> = payload["users"].as_array().unwrap().iter().map(|user| user["id"].clone()).collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4"]);
    assert_eq!(token_requests(&upstream), 2);
    assert_eq!(api_requests(&upstream).len(), 6, "each page once, and the rejected one again");
}

#[tokio::test]
async fn many_calls_at_once_fetch_one_token_and_renew_one() {
    let upstream = Upstream::start().await;
    upstream.on("POST /token", token("first-token-of-the-tests"));
    upstream.on("POST /token", token("second-token-of-the-tests"));
    upstream.otherwise(|seen| match seen.header("authorization").unwrap() {
        "Bearer first-token-of-the-tests" => Answer::empty(401),
        _ => Answer::json(json!({ "id": "1" })),
    });
    let client = upstream.client();
    let calls = (0..8).map(|_| {
        let call = call("getUser", &upstream).param("userKey", "ada@example.com").http(client.clone());
        tokio::spawn(call.run())
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(call.await.unwrap().success);
    }
    assert_eq!(token_requests(&upstream), 2);
}

#[tokio::test]
async fn a_fresh_token_that_is_rejected_is_a_failure() {
    let upstream = google().await;
    upstream.on(&route("GET", "users/ada"), Answer::empty(401));
    let result = call("getUser", &upstream).param("userKey", "ada").run().await;
    assert_eq!(result.diagnostics.unwrap()["code"], "unauthenticated");
    assert_eq!(api_requests(&upstream).len(), 2, "once more with a new token, and no more");
}

#[tokio::test]
async fn the_assertion_says_who_and_for_whom() {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;

    let upstream = google().await;
    upstream.on(&route("GET", "users/ada"), Answer::json(json!({ "id": "1" })));
    assert!(call("getUser", &upstream).param("userKey", "ada").run().await.success);
    let form = upstream.seen().remove(0).form();
    assert_eq!(form[0], ("grant_type".to_owned(), "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned()));
    assert_eq!(form.len(), 2);
    let part = |at: usize| -> Value {
        let part = form[1].1.split('.').nth(at).unwrap();
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    assert_eq!(part(0), json!({ "alg": "RS256", "typ": "JWT", "kid": "5f1c0e2a9b7d" }));
    let claims = part(1);
    assert_eq!(claims["iss"], "floh@floh-tests.iam.gserviceaccount.com");
    assert_eq!(claims["sub"], "admin@example.com");
    // The document's token_uri is another one, which is not followed.
    assert_eq!(claims["aud"], format!("{}/token", upstream.url()));
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 3600);
    assert_eq!(claims["scope"].as_str().unwrap().split(' ').count(), 3);
}

#[tokio::test]
async fn no_token_says_which_step_failed() {
    for (error, description, step) in [
        ("unauthorized_client", "Client is unauthorized to retrieve access tokens", "delegation"),
        ("invalid_grant", "Invalid JWT Signature.", "signIn"),
        ("invalid_grant", "Invalid email or User ID", "subject"),
        ("invalid_scope", "Invalid OAuth scope", "scope"),
    ] {
        let upstream = Upstream::start().await;
        let body = json!({ "error": error, "error_description": description });
        upstream.on("POST /token", Answer::json(body).status(400));
        let result = call("test", &upstream).run().await;
        let diagnostics = result.diagnostics.unwrap();
        assert_eq!((&diagnostics["step"], &diagnostics["code"]), (&json!(step), &json!("unauthenticated")), "{error}");
        assert_eq!(diagnostics["systemCode"], error);
        assert!(lines(&upstream).is_empty());
    }
}

#[tokio::test]
async fn a_bad_key_is_told_without_a_part_of_it() {
    let without = |name: &str| {
        let mut key: Value = serde_json::from_str(KEY).unwrap();
        key.as_object_mut().unwrap().remove(name);
        key.to_string()
    };
    let mut pkcs1: Value = serde_json::from_str(KEY).unwrap();
    pkcs1["private_key"] =
        json!("-----BEGIN RSA PRIVATE KEY-----\ncanaryCanaryCanaryCanary\n-----END RSA PRIVATE KEY-----");
    let upstream = google().await;
    for (key, word) in [
        ("canary canary".to_owned(), "not JSON"),
        ("{\"type\": \"service_account\", \"private_key\": \"canary".to_owned(), "not JSON"),
        ("[\"canary\"]".to_owned(), "service_account"),
        ("{\"type\": \"canary\"}".to_owned(), "service_account"),
        ("{\"type\": \"authorized_user\", \"refresh_token\": \"canary\"}".to_owned(), "person"),
        ("{\"installed\": { \"client_secret\": \"canary\" } }".to_owned(), "OAuth client"),
        ("-----BEGIN PRIVATE KEY-----\ncanary".to_owned(), "whole JSON document"),
        (without("private_key"), "private_key"),
        (without("client_email"), "client_email"),
        (pkcs1.to_string(), "PKCS#1"),
    ] {
        let result = call("test", &upstream).config("credentials", &key).run().await;
        let text = format!("{:?} {:?}", result.error, result.diagnostics);
        assert!(result.error.unwrap().contains(word), "{text}");
        assert_eq!(result.diagnostics.unwrap()["step"], "key", "{text}");
        assert!(!text.contains("canary") && !text.contains("Canary"), "{text}");
    }
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn the_token_url_and_the_api_are_two_places() {
    let (tokens, api) = (google().await, Upstream::start().await);
    api.on(&route("GET", "users/ada"), Answer::json(json!({ "id": "1" })));
    let client = Client::new(Policy::parse(&["127.0.0.1"], &[]).unwrap());
    let call = call("getUser", &api).config("tokenUrl", format!("{}/token", tokens.url())).http(client);
    let result = call.param("userKey", "ada").run().await;
    assert!(result.success, "{result:?}");
    assert_eq!((tokens.seen().len(), api.seen().len()), (1, 1));
    assert_eq!(api.only().header("authorization"), Some("Bearer ya29.a0AfH6SMC-token-of-the-tests"));
}
