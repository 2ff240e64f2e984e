//! Lists: all pages, to the limit, and what hostile pages do.

use connector_runtime::prelude::*;
use connector_runtime::testing::{Answer, Seen};

use super::support::{api_requests, call, google, lines, route, token_requests};

/// Serves numbered items, so many on each page as Google would, in a domain of so many.
fn page(seen: &Seen, name: &str, total: usize, most: usize) -> Answer {
    let number = |name: &str| seen.query(name).and_then(|text| text.parse::<usize>().ok());
    let first = number("pageToken").unwrap_or(0);
    let size = number("maxResults").unwrap_or(100).min(most);
    let items: Vec<Value> = (first..total).take(size).map(|n| json!({ "id": n.to_string() })).collect();
    let mut body = Map::from_iter([("kind".to_owned(), json!("admin#directory#list"))]);
    if !items.is_empty() {
        body.insert(name.to_owned(), json!(items));
    }
    if first + size < total {
        body.insert("nextPageToken".to_owned(), json!((first + size).to_string()));
    }
    Answer::json(Value::Object(body))
}

#[tokio::test]
async fn a_thousand_and_fifty_of_each_with_one_token() {
    let upstream = google().await;
    upstream.otherwise(|seen| match seen.path() {
        "/admin/directory/v1/users" => page(seen, "users", 1050, 500),
        "/admin/directory/v1/groups" => page(seen, "groups", 1050, 200),
        _ => page(seen, "members", 1050, 200),
    });
    // The calls of a connection share a client, and with it the token.
    let client = upstream.client();
    for (command, name, pages) in
        [("listUsers", "users", 3), ("listGroups", "groups", 6), ("listMembers", "members", 6)]
    {
        let before = api_requests(&upstream).len();
        let list = call(command, &upstream).param("limit", 5000);
        let list = if name == "members" { list.param("groupKey", "staff@example.com") } else { list };
        let list = list.http(client.clone());
        let payload = list.run().await.payload.unwrap();
        assert_eq!((&payload["count"], &payload["truncated"]), (&json!(1050), &json!(false)), "{command}");
        let ids: Vec<_> = payload[name].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        let expected: Vec<_> = (0..1050).map(|n| n.to_string()).collect();
        assert_eq!(ids, expected, "{command}");
        assert_eq!(api_requests(&upstream).len() - before, pages, "{command}");
    }
    assert_eq!(token_requests(&upstream), 1);
}

#[tokio::test]
async fn a_limit_ends_a_list_and_says_so() {
    for (total, limit, count, truncated) in
        [(0, 5, 0, false), (4, 5, 4, false), (5, 5, 5, false), (6, 5, 5, true), (1001, 1000, 1000, true)]
    {
        let upstream = google().await;
        upstream.otherwise(move |seen| page(seen, "users", total, 500));
        let payload = call("listUsers", &upstream).param("limit", limit).run().await.payload.unwrap();
        assert_eq!(payload["count"], count, "{total} {limit}");
        assert_eq!(payload["truncated"], truncated, "{total} {limit}");
        assert_eq!(payload["users"].as_array().unwrap().len(), count, "{total} {limit}");
    }
}

#[tokio::test]
async fn an_empty_page_in_the_middle_is_passed() {
    let upstream = google().await;
    let users = route("GET", "users");
    upstream.on(&users, Answer::json(json!({ "users": [{ "id": "1" }], "nextPageToken": "a" })));
    upstream.on(&users, Answer::json(json!({ "nextPageToken": "b" })));
    upstream.on(&users, Answer::json(json!({ "users": [{ "id": "2" }, { "id": "1" }] })));
    let payload = call("listUsers", &upstream).run().await.payload.unwrap();
    assert_eq!(payload["users"], json!([{ "id": "1" }, { "id": "2" }, { "id": "1" }]));
}

#[tokio::test]
async fn pages_that_lie_are_failures() {
    for (answer, code) in [
        (Answer::json(json!({ "users": [], "nextPageToken": "again" })), "unavailable"),
        (Answer::json(json!({ "users": { "id": 1 } })), "unavailable"),
        (Answer::json(json!([])), "unavailable"),
        (Answer::text("{"), "unavailable"),
        (Answer::empty(200), "unavailable"),
        (Answer::closes(), "unavailable"),
    ] {
        let upstream = google().await;
        let shown = format!("{answer:?}");
        upstream.on(&route("GET", "users"), answer);
        let result = call("listUsers", &upstream).run().await;
        assert!(!result.success, "{shown}");
        assert_eq!(result.diagnostics.unwrap()["code"], code, "{shown}");
    }
}

#[tokio::test]
async fn a_search_is_joined_and_quoted() {
    let upstream = google().await;
    upstream.otherwise(|seen| page(seen, "users", 0, 500));
    let list = call("listUsers", &upstream)
        .param("query", "givenName:Ada")
        .param("orgUnitPath", "/corp/o'brien isAdmin=true")
        .param("suspended", true)
        .param("fields", ["primaryEmail", "name/givenName"]);
    assert!(list.run().await.success);
    let seen = api_requests(&upstream).pop().unwrap();
    let query = seen.query("query").unwrap();
    assert_eq!(query, r"givenName:Ada orgUnitPath='/corp/o\'brien isAdmin=true' isSuspended=true");
    assert_eq!(seen.query("customer").unwrap(), "my_customer");
    assert_eq!(seen.query("fields").unwrap(), "nextPageToken,users(primaryEmail,name/givenName)");
}

#[tokio::test]
async fn fields_cannot_reach_out_of_the_selection() {
    let upstream = google().await;
    for fields in [json!(["id)"]), json!([""]), json!(["a,b"])] {
        let result = call("listUsers", &upstream).param("fields", fields).run().await;
        assert_eq!(result.diagnostics.unwrap()["code"], "invalid");
    }
    assert!(lines(&upstream).is_empty());
}

#[tokio::test]
async fn units_come_in_one_answer() {
    let upstream = google().await;
    let units = json!({ "organizationUnits": [{ "name": "a" }, { "name": "b" }] });
    upstream.on(&route("GET", "customer/my_customer/orgunits"), Answer::json(units));
    let payload = call("listOrgUnits", &upstream).param("limit", 1).run().await.payload.unwrap();
    assert_eq!(payload, json!({ "orgUnits": [{ "name": "a" }], "count": 1, "truncated": true }));
}
