//! `allPages`: a part is never shown as the whole.

use serde_json::{Value, json};
use test_support::{Received, Reply};

use super::service::Service;

fn document() -> String {
    let page = json!({ "name": "page", "in": "query", "schema": { "type": "integer", "format": "int64" } });
    let cursor = json!({ "name": "cursor", "in": "query", "schema": { "type": "string" } });
    let answers = |next: Value| {
        let mut properties = json!({ "items": { "type": "array", "items": {} }, "hasMore": { "type": "boolean" } });
        properties.as_object_mut().unwrap().extend(next.as_object().unwrap().clone());
        json!({ "200": { "description": "", "content": { "application/json": { "schema": { "type": "object", "properties": properties } } } } })
    };
    let list = |id: &str, parameter: &Value, next: Value| json!({ "get": { "operationId": id, "parameters": [parameter], "responses": answers(next) } });
    json!({ "openapi": "3.1.0", "info": { "title": "Pages", "version": "1" }, "paths": {
        "/filtered": list("filtered", &page, json!({})),
        "/turned": list("turned", &page, json!({})),
        "/lost": list("lost", &cursor, json!({ "nextCursor": { "type": "string" } })),
    } })
    .to_string()
}

fn answer(sent: &Received, _: &str) -> Reply {
    let page = |items: Value, more: bool| Reply::json(200, &json!({ "items": items, "hasMore": more }));
    match sent.target.as_str() {
        "/filtered?page=1" | "/turned?page=1" | "/lost" => page(json!([1]), true),
        // What was on this page did not pass the service's filter.
        "/filtered?page=2" | "/lost?cursor=a" => page(json!([]), true),
        _ => page(json!([3]), false),
    }
}

#[tokio::test]
async fn an_empty_page_that_says_more_is_no_end() {
    let service = Service::start(&document(), answer).await;
    let (result, sent) = service.run("filtered", json!({}), json!({ "allPages": true })).await;
    assert_eq!((&result["payload"], sent.len()), (&json!({ "items": [1, 3] }), 3), "{result}");
    let (result, _) = service.run("lost", json!({}), json!({ "allPages": true, "cursor": "a" })).await;
    let error = result["error"].as_str().unwrap();
    assert!(error.contains("1 page was read") && error.contains("not where"), "{error}");
}

#[tokio::test]
async fn a_page_number_may_be_written_in_any_way() {
    let service = Service::start(&document(), answer).await;
    let number = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    for first in [json!(1), json!("1"), Value::Null] {
        let (result, sent) = service.run("turned", json!({}), json!({ "allPages": true, "page": first })).await;
        assert_eq!(result["payload"], json!({ "items": [1, 3] }), "{first}: {result}");
        assert_eq!(sent[1].target, "/turned?page=2", "{first}");
    }
    // In a query an integer is its digits.
    let (result, sent) = service.run("turned", json!({}), json!({ "allPages": true, "page": number("4.0") })).await;
    assert_eq!((result["payload"].clone(), sent[0].target.as_str()), (json!({ "items": [3] }), "/turned?page=4"));
}
