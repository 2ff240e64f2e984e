//! Every kind of credential and of server, on the wire, and the turning of pages.

use serde_json::{Value, json};
use test_support::{Received, Reply};

use super::service::Service;

fn document() -> String {
    let get = |id: &str, security: Value| json!({ "get": { "operationId": id, "security": security } });
    let query = |name: &str| json!({ "name": name, "in": "query", "schema": { "type": if name == "cursor" { "string" } else { "integer" } } });
    let list = json!({ "type": "object", "properties": { "items": { "type": "array", "items": {} }, "nextCursor": { "type": "string" } } });
    let paged = |id: &str, name: &str, schema: Value| {
        json!({ "get": { "operationId": id, "security": [], "parameters": [query(name)],
            "responses": { "200": { "description": "", "content": { "application/json": { "schema": schema } } } } } })
    };
    json!({ "openapi": "3.0.3", "info": { "title": "Secrets", "version": "1" },
        "security": [{ "bearer": [] }],
        "components": { "securitySchemes": {
            "bearer": { "type": "http", "scheme": "Bearer" }, "basic": { "type": "http", "scheme": "basic" },
            "header_key": { "type": "apiKey", "in": "header", "name": "X-API-Key" },
            "queryKey": { "type": "apiKey", "in": "query", "name": "key[1]" },
            "cookieKey": { "type": "apiKey", "in": "cookie", "name": "session" },
            "oauth": { "type": "oauth2", "flows": { "clientCredentials": { "tokenUrl": "https://id.example.com/token", "scopes": {} } } },
            "oidc": { "type": "openIdConnect", "openIdConnectUrl": "https://id.example.com/.well-known/openid-configuration" },
            "digest": { "type": "http", "scheme": "digest" },
        } },
        "paths": {
            "/usual": { "get": { "operationId": "usual" } },
            "/basic": get("basic", json!([{ "basic": [] }])),
            "/keys": get("keys", json!([{ "header_key": [], "queryKey": [], "cookieKey": [] }])),
            "/either": get("either", json!([{ "basic": [] }, { "header_key": [] }])),
            "/optional": get("optional", json!([{ "bearer": [] }, {}])),
            "/none": get("none", json!([])),
            "/oauth": get("oauth", json!([{ "oauth": ["read", "write"] }])),
            "/oidc": get("oidc", json!([{ "oidc": [] }])),
            "/digest": get("digest", json!([{ "digest": [] }])),
            "/elsewhere": { "servers": [{ "url": "/v2/" }], "get": { "operationId": "elsewhere", "security": [] } },
            "/cursor": paged("listByCursor", "cursor", list.clone()),
            "/endless": paged("listEndless", "cursor", list),
            "/page": paged("listByPage", "page", json!({ "type": "array", "items": {} })),
            "/offset": paged("listByOffset", "offset", json!({ "type": "array", "items": {} })),
            "/link": { "get": { "operationId": "listByLink", "security": [], "responses": { "200": { "description": "", "headers": { "Link": {} },
                "content": { "application/json": { "schema": { "type": "array", "items": {} } } } } } } },
        } })
    .to_string()
}

fn answer(sent: &Received, base: &str) -> Reply {
    let body = match sent.line() {
        "POST /token" => json!({ "access_token": "at-1", "expires_in": 60 }),
        "POST /form-token" if sent.header("authorization").is_some() => return Reply::text(401, ""),
        "POST /form-token" => json!({ "access_token": "at-2" }),
        "GET /discovery" => json!({ "token_endpoint": format!("{base}/token") }),
        "GET /cursor" => json!({ "items": [1, 2], "nextCursor": "n&1" }),
        "GET /cursor?cursor=n%261" => json!({ "items": [3], "nextCursor": null }),
        line if line.starts_with("GET /endless") => json!({ "items": [1], "nextCursor": "more" }),
        "GET /page?page=1" | "GET /offset?offset=0" => json!([1, 2]),
        "GET /page?page=2" | "GET /offset?offset=2" => json!([3]),
        "GET /page?page=3" | "GET /offset?offset=3" => json!([]),
        "GET /link" => return linked("</link?p=2>; rel=\"next\"", "[1]"),
        "GET /link?p=2" => return linked("<https://evil.example.com/>; rel=\"next\"", "[2]"),
        _ => json!({}),
    };
    Reply::json(200, &body)
}

fn linked(link: &str, body: &str) -> Reply {
    Reply::text(200, body).with_header("link", link)
}

#[tokio::test]
async fn every_kind_of_credential() {
    let service = Service::start(&document(), answer).await;
    assert_eq!(service.problems().await, Vec::<String>::new());
    let none = || json!({});
    let sent = service.sends("usual", json!({ "bearerToken": "tok" }), none()).await;
    assert_eq!(sent.header("authorization"), Some("Bearer tok"));
    let sent = service.sends("basic", json!({ "username": "ü", "password": "p:w" }), none()).await;
    assert_eq!(sent.header("authorization"), Some("Basic w7w6cDp3"));
    let keys = json!({ "headerKey": "h k", "queryKey": "q&k", "cookieKey": "c;k" });
    let sent = service.sends("keys", keys, none()).await;
    assert_eq!(sent.line(), "GET /keys?key%5B1%5D=q%26k");
    assert_eq!((sent.header("x-api-key"), sent.header("cookie")), (Some("h k"), Some("session=c%3Bk")));
    let sent = service.sends("optional", none(), none()).await;
    assert_eq!(sent.header("authorization"), None);
    let sent = service.sends("none", json!({ "bearerToken": "tok" }), none()).await;
    assert_eq!(sent.header("authorization"), None);
    let sent = service.sends("digest", none(), none()).await;
    assert_eq!(sent.header("authorization"), None);
}

#[tokio::test]
async fn alternatives_are_chosen_by_what_is_filled_in_or_by_name() {
    let service = Service::start(&document(), answer).await;
    let both = json!({ "username": "u", "password": "p", "headerKey": "k" });
    let sent = service.sends("either", json!({ "headerKey": "k" }), json!({})).await;
    assert_eq!((sent.header("x-api-key"), sent.header("authorization")), (Some("k"), None));
    let sent = service.sends("either", both.clone(), json!({})).await;
    assert_eq!((sent.header("x-api-key"), sent.header("authorization")), (None, Some("Basic dTpw")));
    let mut chosen = both;
    chosen["authMethod"] = json!("headerKey");
    let sent = service.sends("either", chosen, json!({})).await;
    assert_eq!((sent.header("x-api-key"), sent.header("authorization")), (Some("k"), None));
    let (result, sent) = service.run("either", json!({}), json!({})).await;
    assert!(result["error"].as_str().unwrap().contains("basic or headerKey"), "{result}");
    assert!(sent.is_empty());
}

#[tokio::test]
async fn a_client_fetches_its_token() {
    let service = Service::start(&document(), answer).await;
    let client =
        |path: &str| json!({ "clientId": "i d", "clientSecret": "s:1", "tokenUrl": format!("{}{path}", service.base) });
    let (result, sent) = service.run("oauth", client("/token"), json!({})).await;
    assert_eq!(result["success"], json!(true), "{result}");
    assert_eq!(sent[0].line(), "POST /token");
    assert_eq!(sent[0].header("authorization"), Some("Basic aSUyMGQ6cyUzQTE="));
    assert_eq!(sent[0].body, "grant_type=client_credentials&scope=read+write");
    assert_eq!((sent[1].line(), sent[1].header("authorization")), ("GET /oauth", Some("Bearer at-1")));

    let (_, sent) = service.run("oauth", client("/form-token"), json!({})).await;
    assert_eq!(sent[1].body, "grant_type=client_credentials&scope=read+write&client_id=i+d&client_secret=s%3A1");
    assert_eq!(sent[2].header("authorization"), Some("Bearer at-2"));

    let mut discovered = client("/token");
    discovered["openIdConnectUrl"] = json!(format!("{}/discovery", service.base));
    let (_, sent) = service.run("oidc", discovered, json!({})).await;
    let lines: Vec<&str> = sent.iter().map(|sent| sent.line()).collect();
    assert_eq!(lines, ["GET /discovery", "POST /token", "GET /oidc"]);
}

#[tokio::test]
async fn another_server_keeps_the_origin() {
    let service = Service::start(&document(), answer).await;
    let base = format!("{}/v1/", service.base);
    let sent = service.sends("elsewhere", json!({ "baseUrl": base }), json!({})).await;
    assert_eq!(sent.line(), "GET /v2/elsewhere");
    let sent = service.sends("none", json!({ "baseUrl": base }), json!({})).await;
    assert_eq!(sent.line(), "GET /v1/none");
}

#[tokio::test]
async fn pages_are_turned_to_the_last() {
    let service = Service::start(&document(), answer).await;
    let all = || json!({ "allPages": true });
    let (result, _) = service.run("listByCursor", json!({}), all()).await;
    assert_eq!(result["payload"], json!({ "items": [1, 2, 3] }), "{result}");
    for command in ["listByPage", "listByOffset"] {
        let (result, sent) = service.run(command, json!({}), all()).await;
        assert_eq!((result["payload"].clone(), sent.len()), (json!([1, 2, 3]), 3), "{command}: {result}");
    }
    let (result, sent) = service.run("listByLink", json!({}), all()).await;
    // A link to another host is followed on the connection's own origin, where nothing of the kind is served.
    let lines: Vec<&str> = sent.iter().map(|sent| sent.line()).collect();
    assert_eq!(lines, ["GET /link", "GET /link?p=2", "GET /"]);
    let told = "2 pages were read, but not the rest: the page is not a list";
    assert_eq!((&result["success"], &result["error"]), (&json!(false), &json!(told)), "half a list would look whole");
    let (result, sent) = service.run("listByPage", json!({}), json!({ "page": 2 })).await;
    assert_eq!((result["payload"].clone(), sent.len()), (json!([3]), 1));
    let (result, sent) = service.run("listEndless", json!({}), all()).await;
    assert_eq!((result["success"].clone(), sent.len()), (json!(false), 45), "half a list would look whole");
    assert!(result["error"].as_str().unwrap().contains("more than 45 pages"), "{result}");
}
