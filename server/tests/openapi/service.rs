//! A service on this machine that keeps what it was sent, and commands of an imported document run against
//! it through the sandbox and egress.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::log::LogLevel;
use connector_runtime::schema::FieldValues;
use serde_json::{Map, Value, json};
use server::openapi::{ConnectorDraft, Options, cut_script, import};
use server::script::{EgressCalls, Limits, Pool, PoolSettings, Sandbox, Script, ScriptCall, judge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// Method and target, as in the request line.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Makes an answer of a request: status, headers that end lines, body.
pub(crate) type Answering = fn(&Sent, &str) -> (u16, String, String);

/// An imported document, a service for it, and a pool to run its commands.
pub(crate) struct Service {
    pub(crate) draft: ConnectorDraft,
    pub(crate) base: String,
    sent: Arc<Mutex<Vec<Sent>>>,
    pool: Pool,
    client: Client,
    serving: JoinHandle<()>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Service {
    pub(crate) async fn start(document: &str, answer: Answering) -> Self {
        let draft = import(document.as_bytes(), &Options::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let base = format!("http://{address}");
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (kept, own) = (Arc::clone(&sent), base.clone());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &kept, &own, answer).await;
            }
        });
        let client = Client::new(Policy::parse(&[address.as_str()], &[]).unwrap());
        let settings = PoolSettings { program: env!("CARGO_BIN_EXE_floh").into(), ..PoolSettings::default() };
        Self { draft, base, sent, pool: Pool::new(settings).unwrap(), client, serving }
    }

    /// Runs a command with defaults filled in; answers its result and what was sent meanwhile.
    pub(crate) async fn run(&self, command: &str, config: Value, params: Value) -> (Value, Vec<Sent>) {
        let schema = &self.draft.config_schema;
        let mut config = config.as_object().unwrap().clone();
        config.entry("baseUrl").or_insert_with(|| json!(self.base));
        let params = params.as_object().unwrap().clone();
        let config = FieldValues::new(&schema.connection, &config).with_defaults();
        let mut params = FieldValues::new(&schema.commands[command].params, &params).with_defaults();
        params.insert("command".to_owned(), json!(command));
        let source = cut_script(&self.draft.script_source, command);
        let script = Script::new(&*source);
        let timeout = Duration::from_secs(20);
        let call = ScriptCall {
            connector: "one",
            script: &script,
            command,
            config: &config,
            params: &params,
            variables: &Map::new(),
            idempotency_key: None,
            deadline: Instant::now() + timeout,
            timeout,
            limits: &Limits::default(),
            log_level: LogLevel::Trace,
            mock_scenario: None,
        };
        let host = EgressCalls::new(self.client.clone(), Limits::default(), |_, _| {});
        let result = match self.pool.run(call, &host).await {
            Ok(ran) => serde_json::to_value(judge(&ran.json).into_result()).unwrap(),
            Err(failure) => json!({ "success": false, "error": failure.to_string() }),
        };
        (result, std::mem::take(&mut *self.sent.lock().unwrap()))
    }

    /// Runs a command that sends one request and succeeds.
    pub(crate) async fn sends(&self, command: &str, config: Value, params: Value) -> Sent {
        let (result, mut sent) = self.run(command, config, params).await;
        assert_eq!(result["success"], json!(true), "{command}: {result}");
        assert_eq!(sent.len(), 1, "{command}: {sent:?}");
        sent.remove(0)
    }

    /// Asks the sandbox what it thinks of the whole source.
    pub(crate) async fn problems(&self) -> Vec<String> {
        let commands: Vec<&str> = self.draft.operations.iter().map(|operation| operation.name.as_str()).collect();
        let limits = Limits { source: 32 << 20, ..Limits::default() };
        let problems = self.pool.check(&self.draft.script_source, &commands, &limits).await.unwrap();
        problems.into_iter().map(|problem| problem.message).collect()
    }
}

async fn serve(mut stream: TcpStream, kept: &Mutex<Vec<Sent>>, base: &str, answer: Answering) {
    let Some(sent) = read(&mut stream).await else { return };
    let (status, headers, body) = answer(&sent, base);
    kept.lock().unwrap().push(sent);
    let length = body.len();
    let text = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
}

async fn read(stream: &mut TcpStream) -> Option<Sent> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next()?.strip_suffix(" HTTP/1.1").unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < end + 4 + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    Some(Sent { line, headers, body: bytes[end + 4..].to_vec() })
}
