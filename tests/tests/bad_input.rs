//! Bad input: each a clear problem with the place of the mistake, and nothing half written.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use serde_json::{Value, json};
use test_support::{Answer, Client, Floh, eventually};

/// The usual limit of a body.
const TEN_MIB: usize = 10 * 1024 * 1024;

/// A request that must be refused.
struct Case {
    method: &'static str,
    path: String,
    body: Body,
    status: u16,
    /// Places of all mistakes; empty where the request as a whole is refused.
    pointers: Vec<&'static str>,
}

enum Body {
    None,
    Json(Value),
    Bytes(Option<&'static str>, Vec<u8>),
}

fn json_case(method: &'static str, path: &str, body: Value, status: u16, pointers: &[&'static str]) -> Case {
    Case { method, path: path.to_owned(), body: Body::Json(body), status, pointers: pointers.to_vec() }
}

fn bytes_case(
    path: &str,
    content_type: Option<&'static str>,
    body: impl Into<Vec<u8>>,
    status: u16,
    pointers: &[&'static str],
) -> Case {
    let body = Body::Bytes(content_type, body.into());
    Case { method: "POST", path: path.to_owned(), body, status, pointers: pointers.to_vec() }
}

fn bare_case(method: &'static str, path: &str, status: u16) -> Case {
    Case { method, path: path.to_owned(), body: Body::None, status, pointers: Vec::new() }
}

impl Case {
    async fn send(&self, client: &Client) -> Answer {
        match &self.body {
            Body::None => client.send(self.method, &self.path, &[], b"").await,
            Body::Json(body) => client.json(self.method, &self.path, &[], body).await,
            Body::Bytes(content_type, bytes) => {
                let headers: Vec<_> = content_type.iter().map(|text| ("content-type", *text)).collect();
                client.send(self.method, &self.path, &headers, bytes).await
            }
        }
    }

    fn title(&self) -> String {
        let body = match &self.body {
            Body::None => String::new(),
            Body::Json(body) => body.to_string(),
            Body::Bytes(content_type, bytes) => format!("{content_type:?}, {} bytes", bytes.len()),
        };
        format!("{} {} {body:.200}", self.method, self.path)
    }
}

/// Everything that a refused request must leave as it is.
async fn state(admin: &Client) -> Vec<Value> {
    let mut state = Vec::new();
    for path in ["/api/connectors", "/api/connector-types", "/api/tokens", "/api/executions"] {
        let list = admin.get(&format!("{path}?limit=500")).await.expect(200);
        let mut items = list["items"].as_array().unwrap().clone();
        for item in &mut items {
            // Tokens are used by looking.
            item.as_object_mut().unwrap().remove("lastUsedAt");
        }
        state.push(Value::from(items));
    }
    state
}

/// Sends every case before it tells which were not refused as they should be.
async fn refuse(admin: &Client, client: &Client, cases: Vec<Case>) {
    let before = state(admin).await;
    let mut wrong = Vec::new();
    for case in cases {
        let answer = case.send(client).await;
        if let Err(why) = judge(&case, &answer) {
            wrong.push(format!("{}: {why}\n{answer}", case.title()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert_eq!(state(admin).await, before, "nothing is written");
}

fn judge(case: &Case, answer: &Answer) -> Result<(), String> {
    if answer.status != case.status {
        return Err(format!("expected status {}", case.status));
    }
    let problem = answer.problem(case.status);
    let errors = problem["errors"].as_array().cloned().unwrap_or_default();
    if !errors.iter().all(|error| error["message"].as_str().is_some_and(|text| !text.is_empty())) {
        return Err("a mistake without a message".to_owned());
    }
    let mut places: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    let mut wanted = case.pointers.clone();
    wanted.sort_unstable();
    places.sort_unstable();
    if !wanted.is_empty() && places != wanted {
        return Err(format!("expected the pointers {wanted:?}, got {places:?}"));
    }
    match ["panicked", "src/", ".rs:", "sqlx", "SELECT", "INSERT"]
        .iter()
        .find(|word| answer.to_string().contains(*word))
    {
        Some(word) => Err(format!("it tells of the inside: {word}")),
        None => Ok(()),
    }
}

fn new() -> Value {
    json!({ "name": "new", "type": "http", "executionModel": "built_in" })
}

fn with(body: Value, key: &str, value: Value) -> Value {
    let mut body = body;
    body[key] = value;
    body
}

async fn server() -> Floh {
    let floh = Floh::start([]).await;
    let config = json!({ "baseUrl": "https://api.example.com", "token": "t0ken-4711" });
    for name in ["crm", "taken"] {
        let body = json!({ "name": name, "type": "http", "executionModel": "built_in", "config": config });
        floh.admin().post("/api/connectors", &body).await.expect(201);
    }
    floh
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_json_object() {
    let floh = server().await;
    let admin = floh.admin();
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let json = Some("application/json");
    for path in ["/api/connectors", "/api/connectors/crm/execute", "/api/tokens"] {
        let cases = vec![
            bytes_case(path, json, r#"{"name": "#, 422, &[""]),
            bytes_case(path, json, r#"{"name": "x",}"#, 422, &[""]),
            bytes_case(path, json, "[]", 422, &[""]),
            bytes_case(path, json, "null", 422, &[""]),
            bytes_case(path, json, b"{\"name\": \"\xff\"}".to_vec(), 422, &[""]),
            bytes_case(path, json, nested.clone(), 422, &[""]),
            bytes_case(path, None, "{}", 415, &[]),
            bytes_case(path, Some("text/plain"), "{}", 415, &[]),
            bytes_case(path, Some("application/x-www-form-urlencoded"), "name=x", 415, &[]),
        ];
        refuse(&admin, &admin, cases).await;
    }
    let put = vec![json_case("PUT", "/api/connectors/crm", json!([1]), 422, &[""])];
    refuse(&admin, &admin, put).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_too_large() {
    let floh = server().await;
    let admin = floh.admin();
    let json = Some("application/json");
    let filled = |length: usize| format!(r#"{{"params":{{"a":"{}"}}}}"#, "x".repeat(length - 19)).into_bytes();
    let exact = filled(TEN_MIB);
    assert_eq!(exact.len(), TEN_MIB);
    let cases = vec![
        bytes_case("/api/connectors/crm/execute", json, filled(TEN_MIB + 1), 413, &[]),
        bytes_case("/api/tokens", json, filled(TEN_MIB + 1), 413, &[]),
    ];
    refuse(&admin, &admin, cases).await;

    // Sent in pieces, without a length that could warn.
    let mut connection = admin.connect().await.unwrap();
    let token = format!("Bearer {}", test_support::ADMIN_TOKEN);
    let head = format!(
        "POST /api/connectors/crm/execute HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut bytes = head.into_bytes();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    for _ in 0..TEN_MIB / 0x10000 {
        bytes.extend_from_slice(&chunk);
    }
    bytes.extend_from_slice(b"1\r\n \r\n0\r\n\r\n");
    connection.raw(&bytes).await.unwrap().problem(413);

    // A client that reads nothing before it has sent all gets its answer, not a closed connection.
    let length = TEN_MIB + (6 << 20);
    let head = format!(
        "POST /api/connectors/crm/execute HTTP/1.1\r\nhost: x\r\nauthorization: {token}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut connection = admin.connect().await.unwrap();
    connection.raw(&[head.into_bytes(), filled(length)].concat()).await.unwrap().problem(413);

    // One of exactly 10 MiB is read: it is refused for another reason.
    let answer =
        admin.send("POST", "/api/connectors/crm/execute", &[("content-type", "application/json")], &exact).await;
    assert_eq!(answer.expect(200)["error"], "Missing required field(s): url");
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors() {
    let floh = server().await;
    let admin = floh.admin();
    let post =
        |body: Value, status, pointers: &[&'static str]| json_case("POST", "/api/connectors", body, status, pointers);
    let config = |config: Value, pointers: &[&'static str]| post(with(new(), "config", config), 422, pointers);
    let mut cases = vec![
        post(json!({}), 422, &["/name", "/type", "/executionModel"]),
        post(
            json!({ "name": 5, "type": null, "executionModel": "magic" }),
            422,
            &["/name", "/type", "/executionModel"],
        ),
        post(with(new(), "nmae", json!("x")), 422, &["/nmae"]),
        post(with(new(), "a/b~c", json!("x")), 422, &["/a~1b~0c"]),
        post(with(new(), "name", json!("taken")), 409, &["/name"]),
        post(with(new(), "type", json!("nope")), 422, &["/type"]),
        post(with(new(), "tags", json!("x")), 422, &["/tags"]),
        post(with(new(), "tags", json!(["a", 1])), 422, &["/tags/1"]),
        post(with(new(), "enabled", json!("yes")), 422, &["/enabled"]),
        post(with(new(), "logLevel", json!("loud")), 422, &["/logLevel"]),
        post(with(new(), "timeoutMs", json!(0)), 422, &["/timeoutMs"]),
        post(with(new(), "timeoutMs", json!(300_001)), 422, &["/timeoutMs"]),
        post(with(new(), "timeoutMs", json!(1.5)), 422, &["/timeoutMs"]),
        post(with(new(), "version", json!("9.9.9")), 409, &["/version"]),
        post(
            with(new(), "configSchema", json!({ "connectionConfig": {}, "commands": { "fly": {} } })),
            409,
            &["/configSchema"],
        ),
        post(with(new(), "config", json!([])), 422, &["/config"]),
        config(json!({ "tokn": "x" }), &["/config/tokn"]),
        config(
            json!({ "baseUrl": 5, "username": true, "token": ["x"] }),
            &["/config/baseUrl", "/config/username", "/config/token"],
        ),
        config(json!({ "baseUrl": "not a url" }), &["/config/baseUrl"]),
        config(json!({ "authType": "digest" }), &["/config/authType"]),
    ];
    let long = "a".repeat(64);
    for name in [
        "Crm",
        "a_b",
        "-a",
        "a-",
        "a--b",
        "a b",
        "ä",
        &long,
        "agents",
        "parse-oas",
        "0190a6b0-7c1e-7a6e-8b8e-1f2e3d4c5b6a",
    ] {
        cases.push(post(with(new(), "name", json!(name)), 422, &["/name"]));
    }
    let put = |body: Value, status, pointers: &[&'static str]| {
        json_case("PUT", "/api/connectors/crm", body, status, pointers)
    };
    cases.extend([
        put(json!({ "nope": 1 }), 422, &["/nope"]),
        put(json!({ "name": "taken" }), 409, &["/name"]),
        put(json!({ "name": "No Name" }), 422, &["/name"]),
        put(json!({ "config": { "nope": 1 } }), 422, &["/config/nope"]),
        put(json!({ "config": { "token": 5 }, "description": "half" }), 422, &["/config/token"]),
        put(json!({ "description": "half", "tags": [5] }), 422, &["/tags/0"]),
        json_case("PUT", "/api/connectors/nope", json!({}), 404, &[]),
        bare_case("GET", "/api/connectors/nope", 404),
        bare_case("DELETE", "/api/connectors/nope", 404),
        bare_case("GET", "/api/connectors/0190a6b0-7c1e-7a6e-8b8e-1f2e3d4c5b6a", 404),
        bare_case("GET", "/api/connectors?limit=0", 422),
        bare_case("GET", "/api/connectors?limit=501", 422),
        bare_case("GET", "/api/connectors?limit=many", 422),
        bare_case("GET", "/api/connectors?cursor=nowhere", 422),
        bare_case("GET", "/api/executions?cursor=nowhere", 422),
        bare_case("GET", "/api/executions?success=maybe", 422),
        bare_case("GET", "/api/executions/nope", 404),
        bare_case("GET", "/api/connector-types/nope", 404),
        bare_case("GET", "/api/connector-types/nope/capabilities", 404),
        bare_case("GET", "/api/nope", 404),
        bare_case("PATCH", "/api/connectors/crm", 405),
        bare_case("DELETE", "/api/connectors", 405),
    ]);
    refuse(&admin, &admin, cases).await;

    let unregistered = admin.post("/api/connectors", &with(new(), "type", json!("nope"))).await.problem(422);
    let message = unregistered["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("delay") && message.contains("http"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn executes() {
    let floh = server().await;
    let admin = floh.admin();
    let post =
        |body: Value, pointers: &[&'static str]| json_case("POST", "/api/connectors/crm/execute", body, 422, pointers);
    let cases = vec![
        post(json!({ "param": {} }), &["/param"]),
        post(json!({ "params": [] }), &["/params"]),
        post(json!({ "params": "x" }), &["/params"]),
        post(json!({ "command": 5 }), &["/command"]),
        post(json!({ "variables": [] }), &["/variables"]),
        post(json!({ "stepId": 5, "runId": {} }), &["/stepId", "/runId"]),
        post(json!({ "timeoutMs": 0 }), &["/timeoutMs"]),
        post(json!({ "timeoutMs": 300_001 }), &["/timeoutMs"]),
        post(json!({ "timeoutMs": "5" }), &["/timeoutMs"]),
        post(json!({ "mockScenario": 5 }), &["/mockScenario"]),
        json_case("POST", "/api/connectors/nope/execute", json!({}), 404, &[]),
        json_case("POST", "/api/connectors/nope/test", json!({}), 404, &[]),
    ];
    refuse(&admin, &admin, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens() {
    let floh = server().await;
    let admin = floh.admin();
    let token = json!({ "name": "t", "kind": "api", "scopes": ["connectors:read"] });
    let post = |body: Value, pointers: &[&'static str]| json_case("POST", "/api/tokens", body, 422, pointers);
    let cases = vec![
        post(json!({}), &["/name", "/kind", "/scopes"]),
        post(with(token.clone(), "kind", json!("robot")), &["/kind"]),
        post(with(token.clone(), "scopes", json!(["connectors:fly"])), &["/scopes/0"]),
        post(with(token.clone(), "expiresAt", json!("tomorrow")), &["/expiresAt"]),
        post(with(token.clone(), "owner", json!("x")), &["/owner"]),
        bare_case("DELETE", "/api/tokens/0190a6b0-7c1e-7a6e-8b8e-1f2e3d4c5b6a", 404),
    ];
    refuse(&admin, &admin, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn identities() {
    let floh = server().await;
    let admin = floh.admin();
    let issue = async |name: &str, scopes: Value, expires_at: Option<String>| {
        let mut body = json!({ "name": name, "kind": "api", "scopes": scopes });
        if let Some(at) = expires_at {
            body["expiresAt"] = at.into();
        }
        let made = admin.post("/api/tokens", &body).await.expect(201);
        (made["id"].as_str().unwrap().to_owned(), made["token"].as_str().unwrap().to_owned())
    };
    let (_, reader) = issue("reader", json!(["connectors:read"]), None).await;
    let (revoked_id, revoked) = issue("revoked", json!(["admin"]), None).await;
    let (_, expiring) = issue("expiring", json!(["admin"]), Some(in_two_seconds())).await;
    assert_eq!(floh.anyone().with_token(&revoked).get("/api/connectors").await.status, 200);
    admin.delete(&format!("/api/tokens/{revoked_id}")).await.expect(204);
    let expired = floh.anyone().with_token(&expiring);
    eventually("the end of a token", || async { (expired.get("/api/connectors").await.status == 401).then_some(()) })
        .await;

    let cases = || {
        vec![
            bare_case("GET", "/api/connectors", 401),
            bare_case("GET", "/api/executions", 401),
            bare_case("GET", "/metrics", 401),
            bare_case("DELETE", "/api/connectors/crm", 401),
            json_case("POST", "/api/connectors", new(), 401, &[]),
            json_case("POST", "/api/connectors/crm/execute", json!({}), 401, &[]),
            // Who may not ask does not learn whether it is there, nor whether the body is right.
            bare_case("GET", "/api/connectors/nope", 401),
            bytes_case("/api/connectors", Some("text/plain"), "{", 401, &[]),
        ]
    };
    let (start, last) = reader.split_at(reader.len() - 1);
    let never = format!("{start}{}", if last == "x" { "y" } else { "x" });
    for client in [
        floh.anyone(),
        floh.anyone().with_token("nonsense"),
        floh.anyone().with_token(""),
        floh.anyone().with_token(never),
        floh.anyone().with_token(&revoked),
        expired,
    ] {
        refuse(&admin, &client, cases()).await;
        let answer = client.get("/api/connectors").await;
        assert!(answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")), "{answer}");
    }
    let reader = floh.anyone().with_token(reader);
    assert_eq!(reader.get("/api/connectors").await.status, 200);
    let cases = vec![
        json_case("POST", "/api/connectors", new(), 403, &[]),
        json_case("PUT", "/api/connectors/crm", json!({ "enabled": false }), 403, &[]),
        bare_case("DELETE", "/api/connectors/crm", 403),
        json_case("POST", "/api/connectors/crm/execute", json!({}), 403, &[]),
        bare_case("GET", "/api/tokens", 403),
        json_case("POST", "/api/tokens", json!({ "name": "x", "kind": "api", "scopes": ["admin"] }), 403, &[]),
    ];
    refuse(&admin, &reader, cases).await;
}

/// RFC 3339, from the clock that the server has too.
fn in_two_seconds() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() + 2;
    let (days, rest) = (now / 86_400, now % 86_400);
    // Civil date from days (H. Hinnant's algorithm), for dates after 1970.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3_600, rest % 3_600 / 60, rest % 60)
}
