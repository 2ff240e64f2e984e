//! Every kind of body, on the wire, and what is made of answers.

use serde_json::{Value, json};
use test_support::{Received, Reply};

use super::service::Service;

#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
fn object(properties: Value) -> Value {
    json!({ "schema": { "type": "object", "properties": properties, "required": ["a"] } })
}

pub(crate) fn document() -> String {
    let post = |id: &str, media: &str, content: Value| json!({ "post": { "operationId": id, "requestBody": { "required": true, "content": { media: content } } } });
    let text = json!({ "type": "string" });
    let file = json!({ "type": "string", "format": "binary" });
    let nested = json!({ "type": "object" });
    let list = json!({ "type": "array", "items": text });
    let mut form = object(json!({ "a": text, "list": list, "csv": list, "plain": nested, "deep": nested }));
    form["encoding"] = json!({ "deep": { "style": "deepObject", "explode": true }, "csv": { "explode": false } });
    let mut parts = object(
        json!({ "a": text, "my \"file\"": file, "files": { "type": "array", "items": file }, "meta": nested, "n": { "type": "integer" }, "scan": { "contentMediaType": "application/pdf" } }),
    );
    parts["encoding"] = json!({ "my \"file\"": { "contentType": "image/png" } });
    json!({ "openapi": "3.1.0", "info": { "title": "Bodies", "version": "1" }, "paths": {
        "/json/{id}": { "put": { "operationId": "putJson", "parameters": [{ "name": "id", "in": "path", "required": true, "schema": text }],
            "requestBody": { "required": true, "content": { "application/scim+json": object(json!({ "a": text, "id": text, "b-c": nested, "__proto__": text, "when": { "type": "string", "readOnly": true } })) } } } },
        "/list": post("postList", "application/json", json!({ "schema": { "type": "array", "items": {} } })),
        "/form": post("postForm", "application/x-www-form-urlencoded", form),
        "/parts": post("postParts", "multipart/form-data", parts),
        "/bytes": post("postBytes", "application/octet-stream", json!({})),
        "/text": post("postText", "text/plain", json!({ "schema": text })),
        "/xml": post("postXml", "application/xml", object(json!({ "a": text }))),
        "/optional": { "delete": { "operationId": "deleteWithBody", "requestBody": { "content": { "application/json": object(json!({ "a": text })) } } } },
        "/answers/{status}": { "get": { "operationId": "getAnswer", "parameters": [{ "name": "status", "in": "path", "required": true, "schema": text }] } },
        "/trace": { "trace": { "operationId": "traceIt" } },
    } })
    .to_string()
}

fn answer(sent: &Received, _: &str) -> Reply {
    match sent.line() {
        "GET /answers/204" => Reply::text(204, ""),
        "GET /answers/404" => Reply::json(404, &json!({ "message": "no such thing" })),
        "GET /answers/500" => Reply::text(500, "broken"),
        _ => Reply::json(200, &json!({ "ok": true })),
    }
}

#[tokio::test]
async fn every_kind_of_body() {
    let service = Service::start(&document(), answer).await;
    assert_eq!(service.problems().await, Vec::<String>::new());
    let none = json!({});
    let sent = service
        .sends(
            "putJson",
            none.clone(),
            json!({ "id": "p/1", "a": "x", "bodyId": "b", "bC": { "d": [1] }, "bodyProto": "y" }),
        )
        .await;
    assert_eq!(sent.line(), "PUT /json/p%2F1");
    assert_eq!(sent.header("content-type"), Some("application/scim+json"));
    assert_eq!(sent.body, r#"{"a":"x","id":"b","b-c":{"d":[1]},"__proto__":"y"}"#);

    let sent = service.sends("postList", none.clone(), json!({ "body": [1, "ü", null] })).await;
    assert_eq!((sent.header("content-type"), sent.body.as_str()), (Some("application/json"), r#"[1,"ü",null]"#));

    let form = json!({ "a": "x y&z", "list": ["1", "2 3"], "csv": ["1", "2"], "plain": { "k": [1] }, "deep": { "k": { "l": 1 } } });
    let sent = service.sends("postForm", none.clone(), form).await;
    assert_eq!(sent.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(sent.body, "a=x+y%26z&list=1&list=2+3&csv=1,2&plain=%7B%22k%22%3A%5B1%5D%7D&deep%5Bk%5D%5Bl%5D=1");

    let sent = service.sends("postBytes", none.clone(), json!({ "body": "AP/+gA==" })).await;
    assert_eq!(
        (sent.header("content-type"), sent.bytes.as_slice()),
        (Some("application/octet-stream"), &[0, 255, 254, 128][..])
    );
    let sent = service.sends("postText", none.clone(), json!({ "body": "{\"a\": 1}" })).await;
    assert_eq!((sent.header("content-type"), sent.body.as_str()), (Some("text/plain"), "{\"a\": 1}"));
    let sent = service.sends("postXml", none.clone(), json!({ "body": "<a>ü</a>" })).await;
    assert_eq!((sent.header("content-type"), sent.body.as_str()), (Some("application/xml"), "<a>ü</a>"));
    let sent = service.sends("deleteWithBody", none.clone(), json!({})).await;
    assert_eq!((sent.line(), sent.header("content-type"), sent.body.len()), ("DELETE /optional", None, 0));
    let sent = service.sends("deleteWithBody", none, json!({ "a": "x" })).await;
    assert_eq!(sent.body, r#"{"a":"x"}"#);
}

#[tokio::test]
async fn parts_and_files() {
    let service = Service::start(&document(), answer).await;
    let params = json!({ "a": "ü", "myFile": "AP8=", "files": ["YQ==", "Yg=="], "meta": { "k": 1 }, "n": 7 });
    let sent = service.sends("postParts", json!({}), params).await;
    let kind = sent.header("content-type").unwrap();
    let boundary = kind.strip_prefix("multipart/form-data; boundary=").unwrap();
    let part = |head: &str, body: &[u8]| {
        [format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n").as_bytes(), body, b"\r\n"].concat()
    };
    let expected = [
        part("name=\"a\"", "ü".as_bytes()),
        part("name=\"my %22file%22\"; filename=\"my %22file%22\"\r\nContent-Type: image/png", &[0, 255]),
        part("name=\"files\"; filename=\"files\"\r\nContent-Type: application/octet-stream", b"a"),
        part("name=\"files\"; filename=\"files\"\r\nContent-Type: application/octet-stream", b"b"),
        part("name=\"meta\"\r\nContent-Type: application/json", b"{\"k\":1}"),
        part("name=\"n\"", b"7"),
        format!("--{boundary}--\r\n").into_bytes(),
    ]
    .concat();
    assert_eq!(String::from_utf8_lossy(&sent.bytes), String::from_utf8_lossy(&expected));
    assert_eq!(sent.bytes, expected);
    let named = json!({ "base64": "YQ==", "name": "a \"b\".txt", "contentType": "text/plain" });
    let sent = service.sends("postParts", json!({}), json!({ "a": "x", "myFile": named, "scan": "AP8=" })).await;
    let body = String::from_utf8_lossy(&sent.bytes);
    let head = "name=\"my %22file%22\"; filename=\"a %22b%22.txt\"\r\nContent-Type: text/plain\r\n\r\na\r\n";
    assert!(body.contains(head), "{body}");
    assert!(body.contains("name=\"scan\"; filename=\"scan\"\r\nContent-Type: application/pdf\r\n\r\n"), "{body}");
    assert!(sent.bytes.windows(4).any(|bytes| bytes == [b'\r', b'\n', 0, 255]));
    let (result, sent) = service.run("postParts", json!({}), json!({ "a": "x", "myFile": "no base64!" })).await;
    assert_eq!((result["success"].clone(), sent.len()), (json!(false), 0));
    assert!(result["error"].as_str().unwrap().contains("base64"), "{result}");
}

#[tokio::test]
async fn answers_become_results() {
    let service = Service::start(&document(), answer).await;
    let status = |status: &str| json!({ "status": status });
    assert_eq!(service.run("getAnswer", json!({}), status("204")).await.0, json!({ "success": true }));
    assert_eq!(
        service.run("getAnswer", json!({}), status("200")).await.0,
        json!({ "success": true, "payload": { "ok": true } })
    );
    let (result, _) = service.run("getAnswer", json!({}), status("404")).await;
    let diagnostics = json!({ "statusCode": 404, "responseBody": { "message": "no such thing" } });
    let error = "GET /answers/{status} answered 404: no such thing";
    assert_eq!(result, json!({ "success": false, "error": error, "diagnostics": diagnostics }));
    let (result, _) = service.run("getAnswer", json!({}), status("500")).await;
    assert_eq!(result["diagnostics"], json!({ "statusCode": 500, "responseBody": "broken" }));
    let (result, sent) = service.run("traceIt", json!({}), json!({})).await;
    assert!(result["error"].as_str().unwrap().contains("cannot be called"), "{result}");
    assert!(sent.is_empty());
}
