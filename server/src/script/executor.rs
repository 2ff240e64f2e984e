//! Scripts as executors: one that serves the commands of a connector, and one that answers mocked calls as part of
//! the mock chain.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::context::Context;
use connector_runtime::dispatch::Executor;
use connector_runtime::log::{LogLevel, Logger};
use connector_runtime::mock::{MOCK_SECRET, MockScript};
use connector_runtime::outcome::{BoxFuture, Fail, Failure, Reply};
use connector_runtime::schema::destination::TOKEN_FIELDS;
use connector_runtime::schema::{ConfigSchema, Effect, FieldValues, Fields, is_absent};
use futures_util::FutureExt;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use super::answer::judge;
use super::egress::EgressCalls;
use super::failure::ScriptFailure;
use super::limits::{GRACE, Limits};
use super::sandbox::{HostCalls, HttpAnswer, HttpCall, HttpFault, Left, Ran, Sandbox, Script, ScriptCall};
use super::tokens::{AccessTokens, TokenCall};
use crate::openapi::cut_script;

/// How long after its worker is killed the call itself is given up.
const AFTER_THE_KILL: Duration = Duration::from_millis(100);

/// The sandbox of a server, and the limits of a script.
#[derive(Debug, Clone)]
pub struct Scripts {
    /// Where scripts run.
    pub sandbox: Arc<dyn Sandbox>,
    /// The limits of a run.
    pub limits: Limits,
}

/// The source of a type. A worker gets the part that its command needs.
#[derive(Debug)]
pub enum CommandScripts {
    /// Every command gets the whole source.
    Whole(Script),
    /// A command gets the part that the import wrote for it, cut out at the first call.
    Cut {
        /// The whole source.
        source: Arc<str>,
        /// The parts that were cut out, by command.
        cut: Mutex<HashMap<String, Script>>,
    },
}

impl CommandScripts {
    /// Serves every command with the whole source.
    pub fn whole(source: &str) -> Self {
        Self::Whole(Script::new(source))
    }

    /// Serves every command with its part of an imported source.
    pub fn cut(source: &str) -> Self {
        Self::Cut { source: source.into(), cut: Mutex::default() }
    }

    /// Returns the script that serves a command.
    pub fn of(&self, command: &str) -> Script {
        let (source, cut) = match self {
            Self::Whole(script) => return script.clone(),
            Self::Cut { source, cut } => (source, cut),
        };
        let mut cut = cut.lock();
        if let Some(script) = cut.get(command) {
            return script.clone();
        }
        let script = Script::new(cut_script(source, command));
        cut.insert(command.to_owned(), script.clone());
        script
    }
}

/// Serves a connector whose commands are functions of a script.
#[derive(Debug)]
pub struct ScriptExecutor {
    scripts: Scripts,
    connector: String,
    schema: Arc<ConfigSchema>,
    sources: Arc<CommandScripts>,
    tokens: Arc<AccessTokens>,
    defaults: Defaults,
}

/// Which defaults a script finds among its params.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Defaults {
    /// All.
    All,
    /// None: a default is what the service assumes.
    None,
}

/// Answers mocked calls with the functions of a connector's mock script. Its network calls are refused.
#[derive(Debug)]
pub struct ScriptMocks {
    scripts: Scripts,
    connector: String,
    schema: Arc<ConfigSchema>,
    script: Script,
}

impl ScriptExecutor {
    /// Serves the connector with an id.
    pub fn new(
        scripts: Scripts,
        connector: impl Into<String>,
        schema: Arc<ConfigSchema>,
        sources: impl Into<Arc<CommandScripts>>,
    ) -> Self {
        let (connector, sources) = (connector.into(), sources.into());
        Self { scripts, connector, schema, sources, tokens: Arc::default(), defaults: Defaults::All }
    }

    /// Serves commands whose params have no value unless one is given.
    #[must_use]
    pub fn without_assumed_defaults(self) -> Self {
        Self { defaults: Defaults::None, ..self }
    }

    /// Gets access tokens in this way.
    #[must_use]
    pub fn with_tokens(self, tokens: AccessTokens) -> Self {
        Self { tokens: Arc::new(tokens), ..self }
    }

    /// Returns what a call may do outside.
    pub fn host(&self, context: &Context) -> EgressCalls {
        EgressCalls::new(context.http().clone(), self.scripts.limits, logging(context.log())).with_tokens(
            Arc::clone(&self.tokens),
            token_urls(&self.schema, context),
            context.secret_adder(),
        )
    }

    /// Runs a command in the sandbox.
    ///
    /// # Errors
    /// If no worker can take it now.
    pub async fn run(
        &self,
        context: &Context,
        command: &str,
        params: FieldValues<'_>,
        host: &dyn HostCalls,
    ) -> Result<Reply, Failure> {
        let Self { scripts, connector, schema, sources, defaults, .. } = self;
        let script = &sources.of(command);
        let call = Call { connector, schema, script, command, scenario: None, params, defaults: *defaults };
        let reply = match call.run(scripts, context, host).await {
            Ok(ran) => judge(&ran.json),
            Err(failure) => failed(failure)?,
        };
        let only_reads = schema.commands.get(command).is_some_and(|command| command.effect == Some(Effect::Read));
        Ok(match host.left().filter(|_| !reply.success && !only_reads) {
            Some(left) => unknown(reply, left),
            None => reply,
        })
    }
}

/// Says of a failure that a write of it may have taken effect, unless the script says what became of it.
fn unknown(mut reply: Reply, left: Left) -> Reply {
    let diagnostics = reply.diagnostics.get_or_insert_with(|| Box::new(Value::Object(Map::new())));
    if let Value::Object(all) = &mut **diagnostics
        && !all.contains_key("outcome")
    {
        all.insert("outcome".to_owned(), "unknown".into());
        if let Some(status) = left.status.filter(|_| !all.contains_key("statusCode")) {
            all.insert("statusCode".to_owned(), status.into());
        }
    }
    reply
}

/// Returns the URLs where a connection says that access tokens are fetched.
fn token_urls(schema: &ConfigSchema, context: &Context) -> Vec<String> {
    let given = FieldValues::new(&schema.connection, context.connector_config());
    let named = TOKEN_FIELDS.into_iter().filter(|name| schema.connection.contains_key(*name));
    named.filter_map(|name| given.get(name)?.as_str().map(str::to_owned)).collect()
}

impl ScriptMocks {
    /// Mocks the connector with an id.
    pub fn new(scripts: Scripts, connector: impl Into<String>, schema: Arc<ConfigSchema>, source: &str) -> Self {
        Self { scripts, connector: connector.into(), schema, script: Script::new(source) }
    }
}

impl Executor for ScriptExecutor {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move { self.run(context, command, params, &self.host(context)).await }.boxed()
    }

    fn grace(&self) -> Duration {
        GRACE + AFTER_THE_KILL
    }
}

impl MockScript for ScriptMocks {
    fn answer<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        scenario: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Option<Result<Reply, Failure>>> {
        let Self { scripts, connector, schema, script } = self;
        async move {
            let host = NoNetwork(context.log().clone());
            let call =
                Call { connector, schema, script, command, scenario: Some(scenario), params, defaults: Defaults::All };
            match call.run(scripts, context, &host).await {
                Ok(ran) if !ran.returned => None,
                Ok(ran) => Some(Ok(judge(&ran.json))),
                Err(ScriptFailure::NoCommand { .. }) => None,
                Err(failure) => Some(failed(failure)),
            }
        }
        .boxed()
    }
}

/// A command of a script, and what it is called with.
struct Call<'a> {
    connector: &'a str,
    schema: &'a ConfigSchema,
    script: &'a Script,
    command: &'a str,
    scenario: Option<&'a str>,
    params: FieldValues<'a>,
    defaults: Defaults,
}

impl Call<'_> {
    async fn run(&self, scripts: &Scripts, context: &Context, host: &dyn HostCalls) -> Result<Ran, ScriptFailure> {
        let params = self.params();
        let config = self.config(context);
        let call = ScriptCall {
            connector: self.connector,
            script: self.script,
            command: self.command,
            config: &config,
            params: &params,
            variables: context.variables(),
            idempotency_key: context.idempotency_key(),
            mock_scenario: self.scenario,
            deadline: context.deadline(),
            timeout: context.timeout(),
            limits: &scripts.limits,
            log_level: context.log().level(),
        };
        scripts.sandbox.run(call, host).await
    }

    /// The connection, with defaults where it lacks something.
    fn config<'c>(&self, context: &'c Context) -> Cow<'c, Map<String, Value>> {
        let given: &Map<String, Value> = context.connector_config();
        let fields = &self.schema.connection;
        if self.scenario.is_some() {
            return Cow::Owned(without_secrets(fields, FieldValues::new(fields, given).with_defaults()));
        }
        let lacking = fields.iter().any(|(name, field)| field.default.is_some() && is_absent(given.get(name)));
        if !lacking {
            return Cow::Borrowed(given);
        }
        Cow::Owned(FieldValues::new(fields, context.connector_config()).with_defaults())
    }

    /// All params, also those without a field, with their defaults; and the command, also if it is the default one.
    fn params(&self) -> Map<String, Value> {
        let given = match self.defaults {
            Defaults::All => self.params.with_defaults(),
            Defaults::None => self.params.given().clone(),
        };
        let mut params = Map::with_capacity(given.len() + 1);
        params.insert("command".to_owned(), self.command.into());
        params.extend(given);
        params
    }
}

/// Replaces every secret: a mock needs none.
fn without_secrets(fields: &Fields, mut values: Map<String, Value>) -> Map<String, Value> {
    for (name, field) in fields {
        let Some(value) = values.get_mut(name).filter(|value| !value.is_null()) else { continue };
        if field.secret {
            *value = Value::from(MOCK_SECRET);
        } else if let Some(schema) = &field.schema {
            *value = schema.mask_secrets(value, MOCK_SECRET);
        }
    }
    values
}

fn logging(log: &Logger) -> impl Fn(LogLevel, &str) + Send + Sync + 'static {
    let log = log.clone();
    move |level, message| log.write(level, message)
}

fn failed(failure: ScriptFailure) -> Result<Reply, Failure> {
    metrics::counter!("floh_script_failures_total", "class" => failure.class()).increment(1);
    if failure.is_unavailable() {
        let fail = Fail::new(failure.to_string()).diagnostics(failure.diagnostics());
        return Err(Failure::unavailable(fail));
    }
    Ok(failure.into_reply())
}

fn mocked() -> HttpFault {
    let message = "a mocked call sends nothing: let the mock script return what the service would answer";
    HttpFault::new("mocked", message)
}

/// What a mock script may use: its log, and nothing else.
struct NoNetwork(Logger);

impl HostCalls for NoNetwork {
    fn http(&self, _: HttpCall) -> BoxFuture<'_, Result<HttpAnswer, HttpFault>> {
        std::future::ready(Err(mocked())).boxed()
    }

    fn token(&self, _: TokenCall) -> BoxFuture<'_, Result<Secret, HttpFault>> {
        std::future::ready(Err(mocked())).boxed()
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.0.write(level, message);
    }
}
