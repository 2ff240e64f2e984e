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

    // What a service wants beside, and its own scope instead of those of the operation.
    let mut more = client("/token");
    let own = json!({ "scope": "api/.default", "audience": "https://a/", "resource": "urn:r", "clientAuthentication": "post" });
    more.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
    let (_, sent) = service.run("oauth", more, json!({})).await;
    let more = "&scope=api%2F.default&audience=https%3A%2F%2Fa%2F&resource=urn%3Ar&client_id=i+d&client_secret=s%3A1";
    assert_eq!(sent[0].body, format!("grant_type=client_credentials{more}"));
    assert_eq!(sent[0].header("authorization"), None);

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

/// What the signature of a request would be, made of what arrived.
fn signature(sent: &Received, secret: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let authorization = sent.header("authorization").unwrap();
    let part = |name: &str| authorization.split([' ', ',']).find_map(|part| part.strip_prefix(name)).unwrap();
    let (scope, names) = (part("Credential=").split_once('/').unwrap().1, part("SignedHeaders="));
    let hash = const_hex::encode(Sha256::digest(&sent.body));
    assert_eq!(sent.header("x-amz-content-sha256"), Some(&*hash));
    let (method, target) = sent.line().split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut pairs: Vec<String> = query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    pairs.sort_unstable();
    let spaced = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    let headers: String =
        names.split(';').map(|name| format!("{name}:{}\n", spaced(sent.header(name).unwrap()))).collect();
    let path = path.replace('%', "%25");
    let request = format!("{method}\n{path}\n{}\n{headers}\n{names}\n{hash}", pairs.join("&"));
    let hmac = |key: &[u8], text: &str| {
        ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
    };
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    let hashed = const_hex::encode(Sha256::digest(request));
    let date = sent.header("x-amz-date").unwrap();
    const_hex::encode(hmac(&key, &format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}")))
}

/// A document as AWS's are published.
fn aws() -> String {
    let header = |name: &str| json!({ "name": name, "in": "header", "schema": { "type": "string" } });
    let query = json!({ "name": "q", "in": "query", "schema": { "type": "string" } });
    json!({ "openapi": "3.0.0", "info": { "title": "Pools", "version": "1", "x-providerName": "amazonaws.com", "x-serviceName": "email" },
        "servers": [{ "url": "https://email.{region}.amazonaws.com", "variables": { "region": { "default": "eu-west-1", "enum": ["eu-west-1", "us-east-1"] } } }],
        "security": [{ "hmac": [] }],
        "components": { "securitySchemes": { "hmac": { "type": "apiKey", "name": "Authorization", "in": "header",
            "description": "Amazon Signature authorization v4", "x-amazon-apigateway-authtype": "awsSigv4" } } },
        "paths": {
            "/pools/{name}": { "parameters": [header("X-Amz-Date"), header("X-Amz-Signature")], "post": { "operationId": "list",
                "parameters": [query, { "name": "name", "in": "path", "required": true, "schema": { "type": "string" } }, header("X-Amz-Target")],
                "requestBody": { "content": { "application/json": { "schema": { "type": "object", "properties": { "max": { "type": "integer" } } } } } } } },
            "/busy": { "get": { "operationId": "busy" } }, "/moved": { "get": { "operationId": "moved" } }, "/late": { "get": { "operationId": "late" } },
        } })
    .to_string()
}

#[tokio::test]
async fn requests_to_aws_are_signed_as_they_are_sent() {
    static BUSY: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let service = Service::start(&aws(), |sent, base| match sent.path() {
        "/busy" if BUSY.fetch_add(1, std::sync::atomic::Ordering::SeqCst).is_multiple_of(2) => {
            Reply::json(503, &json!({})).with_header("retry-after", "1")
        }
        "/moved" => Reply::text(307, "").with_header("location", &format!("{base}/elsewhere")),
        "/late" => Reply::json(403, &json!({ "message": "Signature expired" }))
            .with_header("date", "Tue, 03 Feb 2015 04:02:06 GMT"),
        _ => Reply::json(200, &json!({})),
    })
    .await;
    let fields = &service.draft.config_schema.connection;
    let names: Vec<&String> = fields.keys().collect();
    assert_eq!(names, ["baseUrl", "region", "accessKeyId", "secretAccessKey", "sessionToken", "service"]);
    assert!(fields["secretAccessKey"].secret && fields["sessionToken"].secret && fields["secretAccessKey"].required);
    assert_eq!(fields["service"].default, Some(json!("ses")));
    let params: Vec<&String> = service.draft.config_schema.commands["list"].params.keys().collect();
    assert_eq!(params, ["name", "q", "xAmzTarget", "max"], "a signature brings its own headers");
    assert!(
        service.draft.operations.iter().all(|operation| operation.reasons.is_empty()),
        "{:?}",
        service.draft.operations
    );

    let secret = "canary/secret+key";
    let config = json!({ "accessKeyId": "AKID", "secretAccessKey": secret, "sessionToken": "canary-session" });
    let params = json!({ "name": "ä b/c", "q": "x+y z*", "max": 3, "xAmzTarget": " Pools  List " });
    let sent = service.sends("list", config.clone(), params).await;
    assert_eq!(sent.line(), "POST /pools/%C3%A4%20b%2Fc?q=x%2By%20z%2A");
    let authorization = sent.header("authorization").unwrap();
    assert!(authorization.contains("/eu-west-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-target, "), "{authorization}");
    assert_eq!(sent.header("x-amz-security-token"), Some("canary-session"));
    assert!(authorization.ends_with(&signature(&sent, secret)), "{authorization}");
    assert!(!format!("{sent:?}").contains(secret));

    // Each attempt is signed anew, a redirect is not followed, and a clock that is wrong is told.
    let (result, sent) = service.run("busy", config.clone(), json!({})).await;
    assert_eq!((result["success"].clone(), sent.len()), (json!(true), 2), "{result}");
    for sent in &sent {
        assert!(sent.header("authorization").unwrap().ends_with(&signature(sent, secret)));
    }
    assert_ne!(sent[0].header("x-amz-date"), sent[1].header("x-amz-date"));
    let (result, sent) = service.run("moved", config.clone(), json!({})).await;
    assert_eq!(sent.len(), 1);
    assert!(result["error"].as_str().unwrap().contains("a signed request follows no redirect"), "{result}");
    let (result, _) = service.run("late", config.clone(), json!({})).await;
    assert!(result["error"].as_str().unwrap().contains("minutes ahead of the service's"), "{result}");
    let mut lacking = config;
    lacking["service"] = json!("a/b");
    let (result, sent) = service.run("busy", lacking, json!({})).await;
    assert!(result["error"].as_str().unwrap().contains("fill in `service`") && sent.is_empty(), "{result}");
}
