//! What is masked by its name: query pairs, in objects, lists and URLs.

use serde_json::json;

use super::super::{MASK, mask_named, may_hold_named};

#[test]
fn query_pairs_of_sensitive_names_are_masked_like_headers() {
    let mut value = json!({
        "query": { "api_key": "k1", "page": 2, "access_token": null, "list-secret": ["k2"] },
        "queryParams": [["apikey", "k3"], ["q", "x"]],
        "search_params": [{ "name": "token", "value": "k4" }, { "key": "q", "value": "x" }],
        "headers": [["Authorization", "k5"], "X-Api-Key: k6", "accept: */*"],
        "other": { "api_key": "shown" },
    });
    assert!(may_hold_named(&value.to_string()));
    mask_named(&mut value);
    let expected = json!({
        "query": { "api_key": MASK, "page": 2, "access_token": null, "list-secret": MASK },
        "queryParams": [["apikey", MASK], ["q", "x"]],
        "search_params": [{ "name": "token", "value": MASK }, { "key": "q", "value": "x" }],
        "headers": [["Authorization", MASK], format!("X-Api-Key: {MASK}"), "accept: */*"],
        "other": { "api_key": "shown" },
    });
    assert_eq!(value, expected);
}

#[test]
fn query_pairs_in_urls_are_masked() {
    for (text, expected) in [
        ("https://a.test/x?api_key=k&page=2", "https://a.test/x?api_key=[redacted]&page=2"),
        (
            "https://a.test/x?page=2&X-Amz-Security-Token=k%2B#top",
            "https://a.test/x?page=2&X-Amz-Security-Token=[redacted]#top",
        ),
        ("see /x?client%5Fsecret=k, and b", "see /x?client%5Fsecret=[redacted] and b"),
        ("<a href=\"/x?a=1&amp;token=k\">", "<a href=\"/x?a=1&amp;token=[redacted]\">"),
        ("{\"u\":\"/x?a=1\\u0026key=k\"}", "{\"u\":\"/x?a=1\\u0026key=[redacted]\"}"),
        ("https://a.test/#access_token=k&state=1", "https://a.test/#access_token=[redacted]&state=1"),
        ("?key=&token", "?key=&token"),
        ("?page=2&limit=3", "?page=2&limit=3"),
        ("let key=1", "let key=1"),
        ("?key=[redacted]", "?key=[redacted]"),
    ] {
        let mut value = json!({ "text": text });
        let may = may_hold_named(&value.to_string());
        mask_named(&mut value);
        assert_eq!(value, json!({ "text": expected }));
        assert!(may || text == expected, "{text}");
    }
    let mut value = json!({ "query": "api_key=k&x=1", "text": "api_key=k" });
    assert!(may_hold_named(&value.to_string()));
    mask_named(&mut value);
    assert_eq!(value, json!({ "query": format!("api_key={MASK}&x=1"), "text": "api_key=k" }));
}
