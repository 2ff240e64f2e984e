//! The pump against servers that a test plays.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use test_support::{Gate, Listener, Received, Reply, Upstream, until, within_bound};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;

use super::*;

/// A pump without standard input and output.
struct Rig {
    input: Option<mpsc::Sender<Line>>,
    output: mpsc::Receiver<String>,
    pump: JoinHandle<()>,
}

impl Rig {
    fn start(server: &str, gone: impl Future<Output = ()> + Send + 'static) -> Self {
        let client = Client::new(server, &"t0ken".into()).unwrap();
        let (input, lines) = mpsc::channel(16);
        let (send, output) = mpsc::channel(16);
        let pump = tokio::spawn(pump::run(client, lines, send, gone));
        Self { input: Some(input), output, pump }
    }

    fn of(server: &Upstream) -> Self {
        Self::start(&server.url(""), pending())
    }

    async fn say(&self, text: impl Into<Vec<u8>>) {
        self.input.as_ref().unwrap().send(Line::Whole(text.into())).await.unwrap();
    }

    async fn ask(&self, id: impl Into<Value>, method: &str, params: Value) {
        let id = id.into();
        self.say(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()).await;
    }

    async fn next(&mut self) -> Value {
        let text = within_bound("a line", self.output.recv()).await.unwrap();
        assert!(!text.contains('\n'), "{text:?}");
        serde_json::from_str(&text).unwrap()
    }

    /// Returns code, text and id of the next line, which is an error.
    async fn next_error(&mut self) -> (i64, String, Value) {
        let line = self.next().await;
        let text = line["error"]["message"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned();
        (line["error"]["code"].as_i64().unwrap(), text, line["id"].clone())
    }

    /// Ends the input and waits for the end of the pump; returns the lines that still came.
    async fn end(mut self) -> Vec<String> {
        drop(self.input.take());
        self.pump.await.unwrap();
        let mut rest = Vec::new();
        while let Some(line) = self.output.recv().await {
            rest.push(line);
        }
        rest
    }
}

fn modern(params: &Value) -> Value {
    let mut params = params.clone();
    params["_meta"] = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28" });
    params
}

/// Answers with the method, under the id of the request.
fn echo(request: &Received) -> Reply {
    let asked = request.json();
    match asked.get("id") {
        Some(id) => Reply::json(200, &json!({ "jsonrpc": "2.0", "id": id, "result": { "was": asked["method"] } })),
        None => Reply::text(202, ""),
    }
}

#[tokio::test]
async fn a_line_is_a_post_and_an_answer_is_a_line() {
    let server = Upstream::start(echo).await;
    let mut rig = Rig::of(&server);
    let line = r#" {"method":"tools/call" , "id":"a b","params":{"name":"crm__list","arguments":{"n":1.50},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}},"jsonrpc":"2.0"}"#;
    rig.say(line).await;
    assert_eq!(rig.next().await, json!({ "jsonrpc": "2.0", "id": "a b", "result": { "was": "tools/call" } }));
    let sent = server.only();
    assert_eq!((sent.line(), sent.body.as_str()), ("POST /mcp", line));
    for (name, wanted) in [
        ("authorization", "Bearer t0ken"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "crm__list"),
    ] {
        assert_eq!(sent.header(name), Some(wanted), "{name}");
    }
    assert!(rig.end().await.is_empty());
}

#[tokio::test]
async fn a_name_is_written_as_headers_carry_it() {
    let server = Upstream::start(echo).await;
    let mut rig = Rig::of(&server);
    for (method, params, wanted) in [
        ("prompts/get", json!({ "name": "write_run" }), Some("write_run")),
        ("prompts/get", json!({ "name": "größe" }), Some("=?base64?Z3LDtsOfZQ==?=")),
        ("prompts/get", json!({ "name": " x" }), Some("=?base64?IHg=?=")),
        ("prompts/get", json!({ "name": "x\t" }), Some("=?base64?eAk=?=")),
        ("prompts/get", json!({ "name": "=?base64?eA==?=" }), Some("=?base64?PT9iYXNlNjQ/ZUE9PT89?=")),
        ("resources/read", json!({ "uri": "floh://guide/runs", "name": "n" }), Some("floh://guide/runs")),
        ("tools/list", json!({ "name": "n", "uri": "u" }), None),
        ("tools/call", json!({ "name": 5 }), None),
    ] {
        server.take();
        rig.ask(1, method, modern(&params)).await;
        rig.next().await;
        assert_eq!(server.only().header("mcp-name"), wanted, "{method} {params}");
    }
}

#[tokio::test]
async fn a_message_without_a_version_has_the_negotiated_one() {
    let server = Upstream::start(|request| match &request.json()["method"] {
        method if method == "initialize" => {
            let result = json!({ "protocolVersion": "2025-06-18", "capabilities": {} });
            Reply::json(200, &json!({ "jsonrpc": "2.0", "id": request.json()["id"], "result": result }))
        }
        _ => echo(request),
    })
    .await;
    let mut rig = Rig::of(&server);
    // All at once: what follows waits for the answer.
    rig.ask(0, "initialize", json!({ "protocolVersion": "2025-11-25" })).await;
    rig.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    rig.ask(1, "tools/call", json!({ "name": "x" })).await;
    assert_eq!(rig.next().await["result"]["protocolVersion"], "2025-06-18");
    assert_eq!(rig.next().await["id"], 1);
    rig.ask(2, "tools/list", modern(&json!({}))).await;
    rig.next().await;
    assert!(rig.end().await.is_empty(), "the notification has no answer");
    let sent = |method: &str| server.received().into_iter().find(|one| one.json()["method"] == method).unwrap();
    for (method, version, named) in [
        ("initialize", None, None),
        ("notifications/initialized", Some("2025-06-18"), None),
        ("tools/call", Some("2025-06-18"), None),
        ("tools/list", Some("2026-07-28"), Some("tools/list")),
    ] {
        let sent = sent(method);
        assert_eq!((sent.header("mcp-protocol-version"), sent.header("mcp-method")), (version, named), "{method}");
    }
}

#[tokio::test]
async fn events_are_lines_and_an_answer_without_an_id_gets_it() {
    let server = Upstream::start(|request| match request.json()["method"].as_str() {
        Some("tools/call") => Reply::text(
            200,
            "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\ndata: \"params\":{\"progress\":1}}\n\n\
             : alive\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n\n\
             data: {\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"isError\":false}}\n\n",
        )
        .with_header("content-type", "text/event-stream"),
        _ => Reply::json(
            400,
            &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32020, "message": "m", "data": 1 } }),
        ),
    })
    .await;
    let mut rig = Rig::of(&server);
    rig.ask("c", "tools/call", json!({})).await;
    assert_eq!(rig.next().await["params"], json!({ "progress": 1 }));
    assert_eq!(rig.next().await, json!({ "jsonrpc": "2.0", "id": "c", "result": { "isError": false } }));
    rig.ask("d", "tools/list", json!({})).await;
    let wanted = json!({ "jsonrpc": "2.0", "id": "d", "error": { "code": -32020, "message": "m", "data": 1 } });
    assert_eq!(rig.next().await, wanted);
}

#[tokio::test]
async fn requests_run_beside_each_other() {
    let (gate, shut) = (Gate::shut(), Gate::shut());
    let (held, never) = (gate.clone(), shut.clone());
    let server = Upstream::start(move |request| match request.json()["method"].as_str() {
        Some("slow") => echo(request).behind(&held),
        Some("never") => echo(request).behind(&never),
        _ => echo(request),
    })
    .await;
    let mut rig = Rig::of(&server);
    rig.ask(1, "slow", json!({})).await;
    rig.ask(2, "fast", json!({})).await;
    assert_eq!(rig.next().await["id"], 2);
    rig.ask(1, "fast", json!({})).await;
    let (code, text, id) = rig.next_error().await;
    assert!((code, &id) == (-32600, &Value::Null) && text.contains("id 1"), "{text}");
    gate.open();
    assert_eq!(rig.next().await["id"], 1);

    for number in 0..pump::MAX_RUNNING {
        rig.ask(number, "never", json!({})).await;
    }
    rig.ask("more", "fast", json!({})).await;
    let (code, text, id) = rig.next_error().await;
    assert!(code == -32603 && id == "more" && text.contains("too many requests"), "{text}");
    shut.open();
    for _ in 0..pump::MAX_RUNNING {
        rig.next().await;
    }
    rig.ask("more", "fast", json!({})).await;
    assert_eq!(rig.next().await["id"], "more");
}

#[tokio::test]
async fn a_cancelled_request_closes_its_connection_and_is_not_answered() {
    let closed = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&closed);
    let server = Upstream::play(move |mut stream, log| {
        let count = Arc::clone(&count);
        async move {
            while let Some(request) = test_support::upstream::receive(&mut stream).await {
                let hangs = request.json()["method"] == "hang";
                log.lock().unwrap().push(request);
                if hangs {
                    assert_eq!(stream.read(&mut [0]).await.unwrap_or_default(), 0);
                    count.fetch_add(1, Ordering::SeqCst);
                    return;
                }
                let body = r#"{"jsonrpc":"2.0","id":8,"result":{}}"#;
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    let mut rig = Rig::of(&server);
    rig.ask(7, "hang", json!({})).await;
    server.arrival("/mcp").await;
    rig.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"7"}}"#).await;
    rig.ask(8, "go", json!({})).await;
    assert_eq!(rig.next().await["id"], 8);
    assert_eq!(closed.load(Ordering::SeqCst), 0, "\"7\" is another id than 7");
    rig.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"r"}}"#).await;
    until("the end of the connection", || closed.load(Ordering::SeqCst) == 1).await;
    // The id is free again, and unknown ids are passed over.
    rig.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#).await;
    rig.say(r#"{"jsonrpc":"2.0","method":"notifications/cancelled"}"#).await;
    assert!(rig.end().await.is_empty());
    assert!(server.received().iter().all(|sent| sent.json()["method"] != "notifications/cancelled"));
}

#[tokio::test]
async fn a_server_that_goes_away_is_told_and_asked_again() {
    let connections = AtomicUsize::new(0);
    let server = Upstream::play(move |mut stream, log| {
        let first = connections.fetch_add(1, Ordering::SeqCst) < 2;
        async move {
            if first {
                drop(test_support::upstream::receive(&mut stream).await);
            } else {
                test_support::upstream::serve(stream, &log, &echo).await;
            }
        }
    })
    .await;
    let mut rig = Rig::of(&server);
    rig.ask(1, "tools/list", json!({})).await;
    let (code, text, id) = rig.next_error().await;
    assert!(code == -32603 && id == 1 && text.contains("cannot reach") && !text.contains("may have"), "{text}");
    rig.ask(2, "tools/call", json!({})).await;
    let (_, text, _) = rig.next_error().await;
    assert!(text.contains("the call may have happened: look before you repeat it"), "{text}");
    rig.ask(3, "tools/call", json!({})).await;
    assert_eq!(rig.next().await["id"], 3);

    let mut rig = Rig::start(&format!("http://{}", Listener::gone().await), pending());
    rig.ask(1, "tools/call", json!({})).await;
    let (_, text, _) = rig.next_error().await;
    assert!(text.contains("floh serve") && !text.contains("may have happened"), "{text}");
}

#[tokio::test]
async fn an_answer_that_is_missing_or_refused_is_an_error_of_the_request() {
    let problem = json!({ "type": "about:blank", "title": "T", "status": 401, "code": "unauthorized", "detail": "unknown token" });
    for (reply, wanted) in [
        (Reply::json(401, &problem), "refused the token: unknown token; give a valid one in FLOH_TOKEN"),
        (
            Reply::text(200, "").with_header("content-type", "text/event-stream"),
            "ended before the answer; the call may",
        ),
        (Reply::text(202, ""), "ended before the answer"),
        (Reply::text(404, "<html>"), "--server takes the address without /mcp"),
        (Reply::text(200, "<html>"), "not a message"),
    ] {
        let server = Upstream::start(move |_| reply.clone()).await;
        let mut rig = Rig::of(&server);
        rig.ask(1, "tools/call", json!({})).await;
        let (code, text, id) = rig.next_error().await;
        assert!(code == -32603 && id == 1 && text.contains(wanted), "{wanted}: {text}");
        // Of a notification nobody is told.
        rig.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert!(rig.end().await.is_empty(), "{wanted}");
    }
}

#[tokio::test]
async fn a_line_that_is_no_message_is_refused_here() {
    let server = Upstream::start(echo).await;
    let mut rig = Rig::of(&server);
    for (line, wanted, told) in [
        ("hello", -32700, "not JSON"),
        ("{\"id\":1,", -32700, "not JSON"),
        ("{\"id\":\"\u{fffd}", -32700, "not JSON"),
        ("[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600, "batch"),
        ("7", -32600, "not an object"),
        ("{}", -32600, "neither a method nor an id"),
        ("{\"id\":null,\"method\":\"ping\"}", -32600, "id must be"),
        ("{\"id\":{},\"method\":\"ping\"}", -32600, "id must be"),
        ("{\"id\":1,\"method\":7}", -32600, "method must be a text"),
        ("{\"id\":1,\"id\":2,\"method\":\"ping\"}", -32600, "be there once"),
    ] {
        rig.say(line).await;
        let (code, text, id) = rig.next_error().await;
        assert!((code, &id) == (wanted, &Value::Null) && text.contains(told), "{line}: {code} {text}");
    }
    rig.say([b"{\"id\":\"\xff\"}".as_slice()].concat()).await;
    assert_eq!(rig.next_error().await.0, -32700);
    rig.input.as_ref().unwrap().send(Line::TooLong).await.unwrap();
    let (code, text, _) = rig.next_error().await;
    assert!(code == -32600 && text.contains("16 MiB"), "{text}");
    assert!(server.received().is_empty());
    // Deep and odd, but a message: the server judges it.
    let deep = format!("{{\"id\":1,\"method\":\"x\",\"params\":{}{}}}", "[".repeat(5_000), "]".repeat(5_000));
    rig.say(deep.clone()).await;
    within_bound("the arrival", server.arrival("/mcp")).await;
    assert_eq!(server.only().body, deep);
}

#[tokio::test]
async fn the_end_of_the_input_waits_for_calls_but_not_for_listeners() {
    let gate = Gate::shut();
    let held = gate.clone();
    let server = Upstream::start(move |request| match request.json()["method"].as_str() {
        Some("tools/call") => echo(request).behind(&held),
        _ => Reply::never(),
    })
    .await;
    let rig = Rig::of(&server);
    rig.ask(1, "subscriptions/listen", json!({})).await;
    rig.ask(2, "tools/call", json!({})).await;
    until("both requests", || server.received().len() == 2).await;
    let end = tokio::spawn(rig.end());
    gate.open();
    let rest = within_bound("the end", end).await.unwrap();
    assert!(rest.len() == 1 && rest[0].contains("\"id\":2"), "{rest:?}");

    // Nobody is left to read the answer: nothing is waited for.
    let server = Upstream::start(|_| Reply::never()).await;
    let rig = Rig::start(&server.url(""), std::future::ready(()));
    rig.ask(1, "tools/call", json!({})).await;
    server.arrival("/mcp").await;
    assert!(rig.end().await.is_empty());
}

#[tokio::test]
async fn a_call_that_does_not_end_is_answered_at_last() {
    let server = Upstream::start(|_| Reply::never()).await;
    let rig = Rig::of(&server);
    rig.ask(1, "tools/call", json!({})).await;
    server.arrival("/mcp").await;
    tokio::time::pause();
    let rest = rig.end().await;
    assert!(rest.len() == 1 && rest[0].contains("standard input has ended"), "{rest:?}");
}

#[tokio::test]
async fn the_start_looks_for_a_server_that_takes_the_token() {
    let problem = |status: u16| json!({ "type": "about:blank", "title": "T", "status": status, "code": "c", "detail": "an agent's token" });
    for (reply, wanted) in [
        (Reply::json(200, &json!({ "jsonrpc": "2.0", "id": "floh-mcp", "result": {} })), None),
        (Reply::json(400, &json!({ "jsonrpc": "2.0", "id": null, "error": { "code": 1, "message": "" } })), None),
        (Reply::json(429, &problem(429)), None),
        (Reply::json(503, &problem(503)), None),
        (Reply::json(401, &problem(401)), Some("refused the token: an agent's token")),
        (Reply::json(403, &problem(403)), Some("an agent's token")),
        (Reply::text(404, "nothing"), Some("without /mcp")),
    ] {
        let server = Upstream::start(move |_| reply.clone()).await;
        let found = check(&Client::new(&server.url(""), &"t".into()).unwrap()).await;
        assert_eq!(found.is_ok(), wanted.is_none(), "{wanted:?}");
        assert!(found.is_ok() || found.unwrap_err().contains(wanted.unwrap()), "{wanted:?}");
        assert_eq!(server.only().header("mcp-protocol-version"), Some("2025-11-25"));
    }
    let gone = format!("http://{}", Listener::gone().await);
    let why = check(&Client::new(&gone, &"t".into()).unwrap()).await.unwrap_err();
    assert!(why.contains(&gone) && why.contains("floh serve") && !why.contains('\n'), "{why}");
}
