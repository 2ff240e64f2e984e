//! A service on this machine that keeps what it was sent, and commands of an imported document, executed in both ways:
//! by the server itself, and by a changed function in the sandbox.

use std::sync::Arc;

use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::dispatch::{Executor, Target, dispatch};
use connector_runtime::egress::{Client, EgressScope, Policy};
use connector_runtime::schema::ConfigSchema;
use floh_client::answers::ConnectorDraft;
use serde_json::{Value, json};
use server::openapi::{Options, import};
use server::operations::{OperationExecutor, OperationTable};
use server::script::{CommandScripts, Limits, Pool, PoolSettings, ScriptExecutor, Scripts};
use test_support::{Received, Reply, Upstream};

/// Answers a request, given the base URL of the service.
pub(crate) type Answering = fn(&Received, &str) -> Reply;

/// An imported document, a service for it, and a pool to run changed functions.
pub(crate) struct Service {
    pub(crate) draft: ConnectorDraft,
    pub(crate) base: String,
    upstream: Upstream,
    scripts: Scripts,
    schema: Arc<ConfigSchema>,
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
        let scripts = Scripts { sandbox: Arc::new(Pool::new(settings).unwrap()), limits: Limits::default().imported() };
        let schema = Arc::new(draft.config_schema.clone());
        Self { draft, base, upstream, scripts, schema, client }
    }

    /// Runs a command; answers its result and what was sent meanwhile. A function that calls the operation in the
    /// sandbox must give the same.
    pub(crate) async fn run(&self, command: &str, config: Value, params: Value) -> (Value, Vec<Received>) {
        let source = &self.draft.script_source;
        let call = format!("return floh.operation(\"{command}\");");
        let changed = source.replace(&call, &format!("var own = 1; {call}"));
        let native = self.run_source(source, command, &config, &params).await;
        let scripted = self.run_source(&changed, command, &config, &params).await;
        assert_eq!(native.0, scripted.0, "{command}");
        let lines = |sent: &[Received]| {
            sent.iter().map(|sent| (sent.line().to_owned(), without_boundary(sent))).collect::<Vec<_>>()
        };
        assert_eq!(lines(&native.1), lines(&scripted.1), "{command}");
        native
    }

    /// Runs a command of a source of an earlier import.
    pub(crate) async fn run_earlier(&self, source: &str, command: &str, params: Value) -> (Value, Vec<Received>) {
        assert!(OperationTable::of(source).is_none());
        let scripts = self.scripts.clone();
        let executor = ScriptExecutor::new(scripts, "one", Arc::clone(&self.schema), CommandScripts::cut(source));
        self.run_at(&executor, command, &json!({}), &params).await
    }

    /// Runs a command of a changed source.
    pub(crate) async fn run_changed(&self, source: &str, command: &str, params: &Value) -> (Value, Vec<Received>) {
        self.run_source(source, command, &json!({}), params).await
    }

    async fn run_source(&self, source: &str, command: &str, config: &Value, params: &Value) -> (Value, Vec<Received>) {
        let (scripts, schema) = (self.scripts.clone(), Arc::clone(&self.schema));
        let scripts = ScriptExecutor::new(scripts, "one", Arc::clone(&schema), CommandScripts::cut(source));
        let table = OperationTable::of(source).unwrap().unwrap();
        let executor = OperationExecutor::new(table, schema, scripts.without_assumed_defaults());
        self.run_at(&executor, command, config, params).await
    }

    pub(crate) fn schema(&self) -> Arc<ConfigSchema> {
        Arc::clone(&self.schema)
    }

    pub(crate) fn script_executor(&self, source: &str) -> ScriptExecutor {
        ScriptExecutor::new(self.scripts.clone(), "one", self.schema(), CommandScripts::cut(source))
            .without_assumed_defaults()
    }

    pub(crate) async fn run_at(
        &self,
        executor: &dyn Executor,
        command: &str,
        config: &Value,
        params: &Value,
    ) -> (Value, Vec<Received>) {
        let mut config = config.as_object().unwrap().clone();
        config.entry("baseUrl").or_insert_with(|| json!(self.base));
        let target = Target {
            connector: "one",
            schema: &self.schema,
            executor,
            mock: None,
            mock_script: None,
            timeout_ms: Some(20_000),
        };
        let http = self.client.for_connection(EgressScope::default(), &self.schema, &config, &Arc::default());
        let invocation = Invocation {
            command: Some(command.to_owned()),
            params: params.as_object().unwrap().clone(),
            connection: Arc::new(ConnectionConfig::new(config)),
            http,
            ..Invocation::default()
        };
        let finished = dispatch(target, invocation).await;
        (serde_json::to_value(finished.reply.into_result()).unwrap(), self.upstream.take())
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
        let Scripts { sandbox, limits } = &self.scripts;
        let problems = sandbox.check(&self.draft.script_source, &commands, limits).await.unwrap();
        problems.into_iter().map(|problem| problem.message).collect()
    }
}

/// The body of a request; the boundary between its parts is another one each time.
fn without_boundary(sent: &Received) -> String {
    let kind = sent.header("content-type").unwrap_or_default();
    match kind.split_once("boundary=") {
        Some((_, boundary)) => sent.body.replace(boundary, "boundary"),
        None => sent.body.clone(),
    }
}
