//! A service on this machine that keeps what it was sent, and commands of an imported document run against
//! it through the sandbox and egress.

use std::time::Duration;

use connector_runtime::egress::{Client, Policy};
use connector_runtime::log::LogLevel;
use connector_runtime::schema::FieldValues;
use floh_client::answers::ConnectorDraft;
use serde_json::{Map, Value, json};
use server::openapi::{Options, cut_script, import};
use server::script::{EgressCalls, Limits, Pool, PoolSettings, Sandbox, Script, ScriptCall, judge};
use test_support::{Received, Reply, Upstream};
use tokio::time::Instant;

/// Answers a request, given the base URL of the service.
pub(crate) type Answering = fn(&Received, &str) -> Reply;

/// An imported document, a service for it, and a pool to run its commands.
pub(crate) struct Service {
    pub(crate) draft: ConnectorDraft,
    pub(crate) base: String,
    upstream: Upstream,
    pool: Pool,
    client: Client,
}

impl Service {
    pub(crate) async fn start(document: &str, answer: Answering) -> Self {
        let draft = import(document.as_bytes(), &Options::default()).unwrap();
        let base = |request: &Received| format!("http://{}", request.header("host").unwrap());
        let upstream = Upstream::start(move |request| answer(request, &base(request))).await;
        let base = upstream.url("");
        let client = Client::new(Policy::parse(&[upstream.address().to_string()], &[]).unwrap());
        let settings = PoolSettings { program: env!("CARGO_BIN_EXE_floh").into(), ..PoolSettings::default() };
        Self { draft, base, upstream, pool: Pool::new(settings).unwrap(), client }
    }

    /// Runs a command with defaults filled in; answers its result and what was sent meanwhile.
    pub(crate) async fn run(&self, command: &str, config: Value, params: Value) -> (Value, Vec<Received>) {
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
        (result, self.upstream.take())
    }

    /// Runs a command that sends one request and succeeds.
    pub(crate) async fn sends(&self, command: &str, config: Value, params: Value) -> Received {
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
