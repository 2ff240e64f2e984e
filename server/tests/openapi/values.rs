//! Absent, null, default and empty: four values in a body, two in a form.

use serde_json::{Value, json};
use test_support::{Received, Reply};

use super::service::Service;

#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
fn body(media: &str, schema: Value) -> Value {
    json!({ "required": true, "content": { media: { "schema": schema } } })
}

pub(crate) fn document() -> String {
    let text = json!({ "type": "string" });
    let nullable = json!({ "type": ["string", "null"] });
    let user = json!({ "type": "object", "properties": { "nickname": nullable, "role": { "type": "string", "default": "guest" },
        "quota": { "type": "integer", "default": 5 }, "tags": { "type": "array", "items": text }, "limits": { "type": "object" } } });
    let moved = json!({ "type": "object", "required": ["parentId", "note", "kind"],
        "properties": { "parentId": nullable, "note": text, "kind": { "type": "string", "default": "file" } } });
    let closed =
        json!({ "type": "object", "additionalProperties": false, "properties": { "title": text, "summary": text } });
    let open = |more: Value| {
        let mut open = json!({ "type": "object", "required": ["title"], "properties": { "title": text } });
        open.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        open
    };
    let long = json!({ "type": "integer", "format": "int64" });
    let order = json!({ "type": "object", "properties": { "parentId": long, "amount": { "type": "number" }, "lines": { "type": "array" } } });
    let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "default": "all" } });
    json!({ "openapi": "3.1.0", "info": { "title": "Values", "version": "1" }, "paths": {
        "/users/{id}": { "parameters": [id],
            "patch": { "operationId": "patchUser", "requestBody": body("application/merge-patch+json", user.clone()) },
            "post": { "operationId": "formUser", "requestBody": body("application/x-www-form-urlencoded", user) },
            "delete": { "operationId": "dropUser" } },
        "/list": { "get": { "operationId": "list", "parameters": [
            { "name": "state", "in": "query", "schema": { "type": "string", "default": "open" } },
            { "name": "version", "in": "query", "required": true, "schema": { "type": "string", "default": "v2" } },
            { "name": "q", "in": "query", "required": true, "schema": text } ] } },
        "/move": { "post": { "operationId": "move", "requestBody": body("application/json", moved) } },
        "/whole": { "post": { "operationId": "whole", "requestBody": { "content": { "application/json": { "schema": { "type": ["array", "null"] } } } } } },
        "/open": { "post": { "operationId": "open", "requestBody": body("application/json", open(json!({ "additionalProperties": true }))) } },
        "/typed": { "post": { "operationId": "typed", "requestBody": body("application/json", open(json!({ "additionalProperties": text }))) } },
        "/silent": { "post": { "operationId": "silent", "requestBody": body("application/json", open(json!({}))) } },
        "/orders/{id}": { "parameters": [{ "name": "id", "in": "path", "required": true, "schema": long }],
            "get": { "operationId": "getOrder", "parameters": [{ "name": "after", "in": "query", "schema": long }],
                "responses": { "200": { "description": "ok", "content": { "application/json": { "schema": { "type": "object" } } } } } },
            "put": { "operationId": "putOrder", "requestBody": body("application/json", order) } },
        "/closed": { "post": { "operationId": "closed", "requestBody": body("application/json", closed) } },
    } })
    .to_string()
}

fn ok(_: &Received, _: &str) -> Reply {
    Reply::text(204, "")
}

#[tokio::test]
async fn a_body_holds_what_was_given_and_nothing_else() {
    let service = Service::start(&document(), ok).await;
    assert_eq!(service.problems().await, Vec::<String>::new());
    for (command, params, sent) in [
        ("patchUser", json!({ "id": "1" }), "{}"),
        ("patchUser", json!({ "id": "1", "nickname": null }), r#"{"nickname":null}"#),
        ("patchUser", json!({ "id": "1", "nickname": "", "tags": [] }), r#"{"nickname":"","tags":[]}"#),
        ("patchUser", json!({ "id": "1", "limits": { "cpu": null } }), r#"{"limits":{"cpu":null}}"#),
        ("move", json!({ "parentId": null, "note": "up" }), r#"{"parentId":null,"note":"up","kind":"file"}"#),
        ("move", json!({ "parentId": "p", "note": "", "kind": "link" }), r#"{"parentId":"p","note":"","kind":"link"}"#),
        ("whole", json!({ "body": null }), "null"),
        ("whole", json!({ "body": [] }), "[]"),
        ("whole", json!({}), ""),
        ("formUser", json!({ "id": "1", "nickname": null, "role": "" }), "role="),
        ("formUser", json!({ "id": "1" }), ""),
    ] {
        let request = service.sends(command, json!({}), params.clone()).await;
        assert_eq!(request.body, sent, "{command} {params}");
    }
}

#[tokio::test]
async fn a_default_is_sent_only_where_a_value_is_required() {
    let service = Service::start(&document(), ok).await;
    let sent = service.sends("list", json!({}), json!({ "q": "" })).await;
    assert_eq!(sent.line(), "GET /list?version=v2&q=");
    let sent = service.sends("list", json!({}), json!({ "q": "x", "state": "open", "version": "v1" })).await;
    assert_eq!(sent.line(), "GET /list?state=open&version=v1&q=x");
    let (result, sent) = service.run("dropUser", json!({}), json!({})).await;
    assert_eq!((&result["error"], sent.len()), (&json!("Missing required field(s): id"), 0));
    let (result, sent) = service.run("move", json!({}), json!({ "note": "x" })).await;
    assert_eq!((&result["error"], sent.len()), (&json!("Missing required field(s): parentId"), 0));
}

#[tokio::test]
async fn what_no_param_names_goes_into_an_open_body_and_is_refused_by_a_closed_one() {
    let service = Service::start(&document(), ok).await;
    for command in ["open", "typed", "silent"] {
        let sent = service.sends(command, json!({}), json!({ "title": "Printer", "u_building": "7" })).await;
        assert_eq!(sent.body, r#"{"title":"Printer","u_building":"7"}"#, "{command}");
    }
    for (command, params, error) in [
        ("closed", json!({ "titel": "x" }), "Unknown param: titel; did you mean title?"),
        ("closed", json!({ "color": "x" }), "Unknown param: color; the command takes title, summary"),
        ("list", json!({ "q": "x", "sate": "x" }), "Unknown param: sate; did you mean state?"),
        ("list", json!({ "q": "x", "allPages": true }), "Unknown param: allPages; the command takes state, version, q"),
    ] {
        let (result, sent) = service.run(command, json!({}), params).await;
        assert_eq!((&result["error"], sent.len()), (&json!(error), 0), "{command}");
    }
}

/// Numbers that no float holds.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn numbers_keep_their_digits_on_the_way_to_the_service() {
    let service = Service::start(&document(), ok).await;
    let sent =
        service.sends("getOrder", json!({}), value(r#"{"id":9007199254740993,"after":-9007199254740993}"#)).await;
    assert_eq!(sent.line(), "GET /orders/9007199254740993?after=-9007199254740993");
    for (params, body) in [
        (
            r#"{"id":1,"parentId":9007199254740993,"amount":12345678901234567.89}"#,
            r#"{"parentId":9007199254740993,"amount":12345678901234567.89}"#,
        ),
        (
            r#"{"id":1,"amount":1.10,"lines":[18446744073709551616,0.10,-0]}"#,
            r#"{"amount":1.10,"lines":[18446744073709551616,0.10,-0]}"#,
        ),
        // The digits as a text: a number again where the body has one.
        (r#"{"id":"1","parentId":"9007199254740993"}"#, r#"{"parentId":9007199254740993}"#),
        (r#"{"id":"1","parentId":"-9223372036854775808"}"#, r#"{"parentId":-9223372036854775808}"#),
    ] {
        let sent = service.sends("putOrder", json!({}), value(params)).await;
        assert_eq!((sent.line(), sent.body.as_str()), ("PUT /orders/1", body), "{params}");
    }
    let sent = service.sends("getOrder", json!({}), json!({ "id": "9007199254740993" })).await;
    assert_eq!(sent.line(), "GET /orders/9007199254740993");
    // JSON knows many spellings of an integer; a path has one, and a JSON body keeps what was given.
    for (given, written) in
        [("5.0", "5"), ("1e3", "1000"), ("-2.50e1", "-25"), ("-0", "0"), ("9007199254740993.0", "9007199254740993")]
    {
        let params = value(&format!(r#"{{"id":{given},"after":{given},"parentId":{given}}}"#));
        let sent = service.sends("getOrder", json!({}), value(&format!(r#"{{"id":{given},"after":{given}}}"#))).await;
        assert_eq!(sent.line(), format!("GET /orders/{written}?after={written}"), "{given}");
        let sent = service.sends("putOrder", json!({}), json!({ "id": 1, "parentId": params["parentId"] })).await;
        assert_eq!(serde_json::from_str::<Value>(&sent.body).unwrap()["parentId"], params["parentId"], "{given}");
    }
    let quota = value(r#"{"id":"1","quota":5.0}"#);
    assert_eq!(service.sends("formUser", json!({}), quota).await.body, "quota=5");
    for wrong in ["x", "", "1.5", "01", "+1", "-0", " 1", "1e3", "99999999999999999999", "1/../2"] {
        let (result, sent) = service.run("getOrder", json!({}), json!({ "id": wrong })).await;
        let error = result["error"].as_str().unwrap();
        assert!(sent.is_empty() && error.contains("expected integer, or a text of its digits"), "{wrong}: {error}");
    }
    let (result, sent) = service.run("getOrder", json!({}), value(r#"{"id":9007199254740993.5}"#)).await;
    assert!(sent.is_empty() && result["error"].as_str().unwrap().contains("expected integer"), "{result}");
}

#[tokio::test]
async fn numbers_keep_their_digits_on_the_way_back() {
    fn answer(_: &Received, _: &str) -> Reply {
        Reply::json(200, &value(r#"{"id":9007199254740993,"more":[123456789012345678901234567890]}"#))
    }
    let service = Service::start(&document(), answer).await;
    let (result, _) = service.run("getOrder", json!({}), json!({ "id": 1 })).await;
    assert_eq!(result["payload"].to_string(), r#"{"id":9007199254740993,"more":[123456789012345678901234567890]}"#);
}

/// A changed function may leave out what the checks of a call ask for.
#[tokio::test]
async fn an_operation_without_what_it_needs_is_not_sent() {
    let service = Service::start(&document(), ok).await;
    for (command, error) in [("move", "Missing required field(s): parentId"), ("list", "Missing required field(s): q")]
    {
        let source = service.draft.script_source.replace(
            &format!("return floh.operation(\"{command}\");"),
            &format!("return floh.operation(\"{command}\", {{}});"),
        );
        let given = json!({ "parentId": "p", "note": "n", "q": "x" });
        let (result, sent) = service.run_changed(&source, command, &given).await;
        assert_eq!((&result["error"], sent.len()), (&json!(error), 0), "{command}: {result}");
    }
}
