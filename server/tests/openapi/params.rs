//! Every style of every location, on the wire.

use serde_json::{Value, json};
use test_support::{Received, Reply};

use super::service::Service;

const LIST: [&str; 2] = ["a b", "c/d"];

pub(crate) fn document() -> String {
    let mut paths = serde_json::Map::new();
    let mut add = |id: &str, path: &str, place: &str, more: Value| {
        let mut param = json!({ "name": "p", "in": place, "required": place == "path", "schema": {} });
        param.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        paths.insert(path.to_owned(), json!({ "get": { "operationId": id, "parameters": [param] } }));
    };
    for explode in [false, true] {
        let tail = if explode { "Explode" } else { "" };
        for style in ["simple", "label", "matrix"] {
            add(
                &format!("{style}{tail}"),
                &format!("/{style}{tail}/{{p}}"),
                "path",
                json!({ "style": style, "explode": explode }),
            );
        }
        for style in ["form", "spaceDelimited", "pipeDelimited", "deepObject"] {
            add(
                &format!("{style}{tail}"),
                &format!("/{style}{tail}"),
                "query",
                json!({ "style": style, "explode": explode }),
            );
        }
        add(&format!("header{tail}"), &format!("/header{tail}"), "header", json!({ "explode": explode }));
        add(&format!("cookie{tail}"), &format!("/cookie{tail}"), "cookie", json!({ "explode": explode }));
    }
    add("reserved", "/reserved", "query", json!({ "allowReserved": true }));
    add("content", "/content", "query", json!({ "schema": null, "content": { "application/json": { "schema": {} } } }));
    add("plus", "/files/{+p}", "path", json!({}));
    add("asked", "/asked?fixed=1#part", "query", json!({ "name": "p[x] y" }));
    json!({ "openapi": "3.0.3", "info": { "title": "Styles", "version": "1" }, "paths": paths }).to_string()
}

fn ok(_: &Received, _: &str) -> Reply {
    Reply::text(204, "")
}

#[tokio::test]
async fn lists_objects_and_texts_in_every_style() {
    let service = Service::start(&document(), ok).await;
    assert_eq!(service.problems().await, Vec::<String>::new());
    let list = json!(LIST);
    let object = json!({ "r": 100, "g": "x y" });
    let text = json!("a b&ü/'");
    for (command, value, line) in [
        ("simple", &list, "/simple/a%20b,c%2Fd"),
        ("simple", &object, "/simple/r,100,g,x%20y"),
        ("simple", &text, "/simple/a%20b%26%C3%BC%2F%27"),
        ("simpleExplode", &list, "/simpleExplode/a%20b,c%2Fd"),
        ("simpleExplode", &object, "/simpleExplode/r=100,g=x%20y"),
        ("label", &list, "/label/.a%20b,c%2Fd"),
        ("label", &object, "/label/.r,100,g,x%20y"),
        ("labelExplode", &list, "/labelExplode/.a%20b.c%2Fd"),
        ("labelExplode", &object, "/labelExplode/.r=100.g=x%20y"),
        ("matrix", &list, "/matrix/;p=a%20b,c%2Fd"),
        ("matrix", &object, "/matrix/;p=r,100,g,x%20y"),
        ("matrix", &text, "/matrix/;p=a%20b%26%C3%BC%2F%27"),
        ("matrixExplode", &list, "/matrixExplode/;p=a%20b;p=c%2Fd"),
        ("matrixExplode", &object, "/matrixExplode/;r=100;g=x%20y"),
        ("form", &list, "/form?p=a%20b,c%2Fd"),
        ("form", &object, "/form?p=r,100,g,x%20y"),
        ("form", &text, "/form?p=a%20b%26%C3%BC%2F%27"),
        ("formExplode", &list, "/formExplode?p=a%20b&p=c%2Fd"),
        ("formExplode", &object, "/formExplode?r=100&g=x%20y"),
        ("spaceDelimited", &list, "/spaceDelimited?p=a%20b%20c%2Fd"),
        ("spaceDelimited", &object, "/spaceDelimited?p=r%20100%20g%20x%20y"),
        ("spaceDelimitedExplode", &list, "/spaceDelimitedExplode?p=a%20b&p=c%2Fd"),
        ("pipeDelimited", &list, "/pipeDelimited?p=a%20b%7Cc%2Fd"),
        ("pipeDelimited", &object, "/pipeDelimited?p=r%7C100%7Cg%7Cx%20y"),
        ("pipeDelimitedExplode", &list, "/pipeDelimitedExplode?p=a%20b&p=c%2Fd"),
        ("deepObject", &object, "/deepObject?p%5Br%5D=100&p%5Bg%5D=x%20y"),
        (
            "deepObjectExplode",
            &json!({ "a": { "b": [1, { "c": true }] } }),
            "/deepObjectExplode?p%5Ba%5D%5Bb%5D%5B0%5D=1&p%5Ba%5D%5Bb%5D%5B1%5D%5Bc%5D=true",
        ),
        ("reserved", &json!("a/b?c:d@e;f=g,h&i#j k"), "/reserved?p=a/b?c:d@e;f=g,h%26i%23j%20k"),
        ("content", &json!({ "a": [1, "ü"] }), "/content?p=%7B%22a%22%3A%5B1%2C%22%C3%BC%22%5D%7D"),
        ("plus", &json!("a/b c.txt"), "/files/a/b%20c.txt"),
    ] {
        let sent = service.sends(command, json!({}), json!({ "p": value })).await;
        assert_eq!(sent.line(), format!("GET {line}"), "{command} {value}");
        assert!(sent.body.is_empty());
    }
    let sent = service.sends("asked", json!({}), json!({ "pXY": "1" })).await;
    assert_eq!(sent.line(), "GET /asked?fixed=1&p%5Bx%5D%20y=1");
    let sent = service.sends("form", json!({}), json!({})).await;
    assert_eq!(sent.line(), "GET /form");
}

#[tokio::test]
async fn headers_and_cookies() {
    let service = Service::start(&document(), ok).await;
    let object = json!({ "r": 100, "g": "x y" });
    for (command, value, header, expected) in [
        ("header", json!(["a b", "c"]), "p", "a b,c"),
        ("header", object.clone(), "p", "r,100,g,x y"),
        ("headerExplode", object.clone(), "p", "r=100,g=x y"),
        ("cookie", json!(["a b", "c"]), "cookie", "p=a%20b,c"),
        ("cookieExplode", json!(["a b", "c"]), "cookie", "p=a%20b; p=c"),
        ("cookie", json!("a;b"), "cookie", "p=a%3Bb"),
    ] {
        let sent = service.sends(command, json!({}), json!({ "p": value })).await;
        assert_eq!(sent.header(header), Some(expected), "{command}");
    }
    let (result, sent) = service.run("header", json!({}), json!({ "p": "a\r\nHost: evil" })).await;
    assert_eq!((result["success"].clone(), sent.len()), (json!(false), 0));
}

#[tokio::test]
async fn a_value_never_leads_to_another_path() {
    let service = Service::start(&document(), ok).await;
    for value in [".", "..", "%2e%2E"] {
        let (result, sent) = service.run("plus", json!({}), json!({ "p": value })).await;
        if value.contains('%') {
            // Encoded once more, it is a text like any other.
            assert_eq!(sent[0].line(), "GET /files/%252e%252E");
        } else {
            assert_eq!((result["success"].clone(), sent.len()), (json!(false), 0), "{value}");
        }
    }
    let (result, sent) = service.run("plus", json!({}), json!({ "p": "a/../../b" })).await;
    assert_eq!((result["success"].clone(), sent.len()), (json!(false), 0));
}
