//! Trying a script that is not stored: it runs in the sandbox like a stored one, but nothing leaves. Its requests are
//! answered with mock data, and its secrets are placeholders. Nothing is recorded.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use connector_runtime::Secret;
use connector_runtime::context::{ConnectionConfig, Context, Invocation};
use connector_runtime::dispatch::{Executor, Target, dispatch};
use connector_runtime::log::{LogLevel, LogLine, Logger};
use connector_runtime::mock::{MOCK_SECRET, MockSettings};
use connector_runtime::outcome::{BoxFuture, Failure, Reply};
use connector_runtime::schema::{ConfigSchema, FieldValues, json_type, pointer};
use futures_util::FutureExt;
use futures_util::future::ready;
use parking_lot::Mutex;
use serde_json::{Map, Value};

use crate::auth::{OpContext, Scope};
use crate::error::{Error, MAX_MISTAKES, Mistake};
use crate::script::{CommandScripts, HostCalls, HttpAnswer, HttpCall, HttpFault, ScriptExecutor, TokenCall};
use crate::services::Services;

/// The most answers that the mock data of a trial has.
pub const MAX_MOCK_ANSWERS: usize = 100;
/// The most requests of a trial that are told.
pub const MAX_TOLD_REQUESTS: usize = 100;
/// How long a trial may take, in milliseconds.
pub const MAX_TRIAL_MS: u64 = 30_000;
/// The longest URL of a request that is told, in characters.
const MAX_TOLD_URL: usize = 500;

/// A script and the call that it is tried with.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The schema, which was checked.
    pub schema: Arc<ConfigSchema>,
    /// The script, which was checked.
    pub source: String,
    /// The command.
    pub command: String,
    /// Its params.
    pub params: Map<String, Value>,
    /// The connection, without its secrets.
    pub config: Map<String, Value>,
    /// What answers its requests.
    pub answers: Vec<MockAnswer>,
}

/// An answer to requests of a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct MockAnswer {
    method: Option<String>,
    url: Option<String>,
    status: u16,
    headers: Vec<(String, String)>,
    body: Value,
}

/// What came of a trial.
#[derive(Debug)]
pub struct Tried {
    /// The result.
    pub reply: Reply,
    /// What the script logged.
    pub logs: Vec<LogLine>,
    /// The requests that it would have sent: method and URL, and whether the mock data had an answer.
    pub requests: Vec<ToldRequest>,
    /// How long it took.
    pub took: Duration,
}

/// A request that a script would have sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldRequest {
    /// The method.
    pub method: String,
    /// The URL with its query.
    pub url: String,
    /// The status of the answer in the mock data; `None` if none fits.
    pub status: Option<u16>,
}

/// Reads mock data: a list of answers, each `{ "method"?, "url"?, "status"?, "headers"?, "body"? }`.
///
/// # Errors
/// Invalid at `/answers` and below, with every mistake.
pub fn mock_answers(value: &Value) -> Result<Vec<MockAnswer>, Error> {
    let Some(list) = value.as_array() else {
        let told = format!("expected a list of answers, got {}", json_type(value));
        return Err(Error::invalid_at("/answers", told));
    };
    if list.len() > MAX_MOCK_ANSWERS {
        let told = format!("expected at most {MAX_MOCK_ANSWERS} answers, got {}", list.len());
        return Err(Error::invalid_at("/answers", told));
    }
    let mut mistakes = Vec::new();
    let read = |(number, item): (usize, &Value)| answer(item, &format!("/answers/{number}"), &mut mistakes);
    let answers: Vec<MockAnswer> = list.iter().enumerate().filter_map(read).collect();
    mistakes.truncate(MAX_MISTAKES);
    if mistakes.is_empty() { Ok(answers) } else { Err(Error::invalid(mistakes)) }
}

fn answer(item: &Value, at: &str, mistakes: &mut Vec<Mistake>) -> Option<MockAnswer> {
    const KEYS: [&str; 5] = ["method", "url", "status", "headers", "body"];
    let before = mistakes.len();
    let Some(map) = item.as_object() else {
        mistakes
            .push(Mistake::new(at, format!("expected an answer with {}, got {}", KEYS.join(", "), json_type(item))));
        return None;
    };
    for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        mistakes.push(Mistake::new(pointer::join(at, key), format!("unknown key; an answer has {}", KEYS.join(", "))));
    }
    let mut wrong = |key: &str, wanted: &str, got: &Value| {
        mistakes.push(Mistake::new(format!("{at}/{key}"), format!("expected {wanted}, got {got}")));
    };
    let mut text = |key: &str| match map.get(key) {
        None => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => {
            wrong(key, "a text", other);
            None
        }
    };
    let (method, url) = (text("method").map(|method| method.to_ascii_uppercase()), text("url"));
    let status = match map.get("status") {
        None => 200,
        Some(value) => {
            let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
            status.filter(|status| (100..600).contains(status)).unwrap_or_else(|| {
                wrong("status", "a status from 100 to 599", value);
                200
            })
        }
    };
    let mut headers = Vec::new();
    match map.get("headers") {
        None => {}
        Some(Value::Object(given)) => {
            for (name, value) in given {
                match value {
                    Value::String(text) => headers.push((name.to_ascii_lowercase(), text.clone())),
                    other => wrong("headers", "texts", other),
                }
            }
        }
        Some(other) => wrong("headers", "an object of texts", other),
    }
    let body = map.get("body").cloned().unwrap_or_default();
    (mistakes.len() == before).then_some(MockAnswer { method, url, status, headers, body })
}

impl MockAnswer {
    /// Returns whether the answer is meant for a request: its method is the same, and its URL is part of the request's.
    fn fits(&self, method: &str, url: &str) -> bool {
        self.method.as_ref().is_none_or(|own| own == method) && self.url.as_ref().is_none_or(|own| url.contains(own))
    }

    fn to_http(&self) -> HttpAnswer {
        let (text, kind) = match &self.body {
            Value::Null => (String::new(), None),
            Value::String(text) => (text.clone(), None),
            other => (other.to_string(), Some("application/json")),
        };
        let mut headers = self.headers.clone();
        if let Some(kind) = kind.filter(|_| !headers.iter().any(|(name, _)| name == "content-type")) {
            headers.push(("content-type".to_owned(), kind.to_owned()));
        }
        HttpAnswer { status: self.status, headers, text, ..HttpAnswer::default() }
    }
}

/// Tries a script. Secrets of the connection are placeholders, whatever the caller sends.
///
/// # Errors
/// Denied without `connectors:execute` and one of `types:write` and `connectors:write`; invalid for an unknown command and
/// for a secret in the connection; unavailable if too many calls are running.
pub async fn try_script(ctx: &OpContext, services: &Services, trial: Trial) -> Result<Tried, Error> {
    ctx.authorize(Scope::ConnectorsExecute)?;
    if !ctx.allows(Scope::TypesWrite) {
        ctx.authorize_for(Scope::ConnectorsWrite, "trying a script that is not stored")?;
    }
    let schema = &trial.schema;
    if !schema.commands.contains_key(&trial.command) {
        let known: Vec<&str> = schema.commands.keys().map(String::as_str).take(20).collect();
        let told = format!("the schema has no command {}; it has {}", trial.command, known.join(", "));
        return Err(Error::invalid_at("/command", told));
    }
    let secrets =
        schema.connection.iter().filter(|(name, field)| field.holds_secret() && trial.config.contains_key(*name));
    let told = format!("a secret has no place here: the script gets {MOCK_SECRET}");
    let mistakes: Vec<Mistake> =
        secrets.map(|(name, _)| Mistake::new(pointer::join("/config", name), told.clone())).collect();
    if !mistakes.is_empty() {
        return Err(Error::invalid(mistakes));
    }
    // Trials of one token share a worker, and never one with a connector.
    let owner = format!("trial of {}", ctx.token_id().map(|id| id.to_string()).unwrap_or_default());
    let (worker, stop) = (services.clone(), services.cut.clone());
    let work = async move {
        let busy = || Error::unavailable("the server has too many running calls; try again in a moment");
        let _call = worker.permits.try_acquire().map_err(|_| busy())?;
        Ok(run(&worker, &owner, trial, stop).await)
    };
    services.run_to_completion(work).await
}

async fn run(services: &Services, owner: &str, trial: Trial, stop: tokio_util::sync::CancellationToken) -> Tried {
    let Trial { schema, source, command, params, mut config, answers } = trial;
    for (name, field) in schema.connection.iter().filter(|(_, field)| field.secret) {
        let absent = field.default.as_ref().is_none_or(Value::is_null);
        config.extend(absent.then(|| (name.clone(), MOCK_SECRET.into())));
    }
    let sources = CommandScripts::whole(&source);
    let executor = ScriptExecutor::new(services.scripts.clone(), owner, Arc::clone(&schema), sources);
    let asked = Arc::new(Mutex::new(Asked {
        answers: answers.into_iter().map(|answer| (answer, false)).collect(),
        told: Vec::new(),
    }));
    let rehearsal = Rehearsal { executor, asked: Arc::clone(&asked) };
    let invocation = Invocation {
        command: Some(command),
        params,
        connection: Arc::new(ConnectionConfig::new(config)),
        timeout_ms: Some(MAX_TRIAL_MS),
        log_level: LogLevel::Debug,
        stop: Some(stop),
        ..Invocation::default()
    };
    let target = Target {
        connector: "trial",
        schema: &schema,
        executor: &rehearsal,
        mock: None::<&MockSettings>,
        mock_script: None,
        timeout_ms: None,
    };
    let done = dispatch(target, invocation).await;
    let requests = std::mem::take(&mut asked.lock().told);
    Tried { reply: done.reply, logs: done.logs, requests, took: done.took }
}

/// Runs the script with the network of a trial.
struct Rehearsal {
    executor: ScriptExecutor,
    asked: Arc<Mutex<Asked>>,
}

impl fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rehearsal").finish_non_exhaustive()
    }
}

impl Executor for Rehearsal {
    fn execute<'a>(
        &'a self,
        context: &'a Context,
        command: &'a str,
        params: FieldValues<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let host = MockNetwork { asked: Arc::clone(&self.asked), log: context.log().clone() };
            self.executor.run(context, command, params, &host).await
        }
        .boxed()
    }

    fn grace(&self) -> Duration {
        self.executor.grace()
    }
}

/// What was asked of the network of a trial, and what is left to answer.
struct Asked {
    /// Each with whether it was used.
    answers: Vec<(MockAnswer, bool)>,
    told: Vec<ToldRequest>,
}

impl Asked {
    /// Returns the next answer for a request: the first one that fits and was not used, else the last one that fits.
    fn next(&mut self, method: &str, url: &str) -> Option<HttpAnswer> {
        let fitting = |answer: &(MockAnswer, bool)| answer.0.fits(method, url);
        let unused = self.answers.iter().position(|answer| !answer.1 && fitting(answer));
        let number = unused.or_else(|| self.answers.iter().rposition(fitting))?;
        let (answer, used) = self.answers.get_mut(number)?;
        *used = true;
        Some(answer.to_http())
    }
}

impl Asked {
    /// Keeps what would have been sent, as long as there are few.
    fn tell(&mut self, request: ToldRequest) {
        if self.told.len() < MAX_TOLD_REQUESTS {
            self.told.push(request);
        }
    }
}

/// The network of a trial: nothing leaves.
struct MockNetwork {
    asked: Arc<Mutex<Asked>>,
    log: Logger,
}

impl HostCalls for MockNetwork {
    fn http(&self, call: HttpCall) -> futures_util::future::BoxFuture<'_, Result<HttpAnswer, HttpFault>> {
        let HttpCall { method, mut url, query, .. } = call;
        if !query.is_empty() {
            let pairs = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&query).finish();
            url = format!("{url}{}{pairs}", if url.contains('?') { '&' } else { '?' });
        }
        let mut asked = self.asked.lock();
        let answer = asked.next(&method, &url);
        let status = answer.as_ref().map(|answer| answer.status);
        let told: String = url.chars().take(MAX_TOLD_URL).collect();
        asked.tell(ToldRequest { method: method.clone(), url: told.clone(), status });
        let fault =
            || HttpFault::new("mocked", format!("nothing was sent: the mock data has no answer for {method} {told}"));
        ready(answer.ok_or_else(fault)).boxed()
    }

    fn token(&self, _: TokenCall) -> futures_util::future::BoxFuture<'_, Result<Secret, HttpFault>> {
        ready(Ok(Secret::new(MOCK_SECRET))).boxed()
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.log.write(level, message);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_taken_in_turn_and_the_last_one_stays() {
        let answers = mock_answers(&json!([
            { "method": "get", "url": "/users", "body": [1] },
            { "url": "/users", "status": 503, "body": "busy", "headers": { "Retry-After": "1" } },
            { "status": 404 },
        ]));
        let mut asked =
            Asked { answers: answers.unwrap().into_iter().map(|answer| (answer, false)).collect(), told: Vec::new() };
        let first = asked.next("GET", "https://crm.example.com/users?limit=1").unwrap();
        assert_eq!((first.status, first.text.as_str()), (200, "[1]"));
        assert_eq!(first.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        let second = asked.next("POST", "https://crm.example.com/users").unwrap();
        assert_eq!((second.status, second.text.as_str()), (503, "busy"));
        assert_eq!(second.headers, [("retry-after".to_owned(), "1".to_owned())]);
        assert_eq!(asked.next("GET", "https://crm.example.com/other").unwrap().status, 404);
        assert_eq!(asked.next("GET", "https://crm.example.com/other").unwrap().status, 404, "used again");
        let mut none = Asked { answers: Vec::new(), told: Vec::new() };
        assert!(none.next("GET", "https://x").is_none());
    }

    #[test]
    fn of_many_requests_the_first_are_told() {
        let mut asked = Asked { answers: Vec::new(), told: Vec::new() };
        for number in 0..MAX_TOLD_REQUESTS + 3 {
            asked.tell(ToldRequest { method: "GET".to_owned(), url: number.to_string(), status: None });
        }
        assert_eq!(asked.told.len(), MAX_TOLD_REQUESTS);
        assert_eq!(asked.told.last().unwrap().url, (MAX_TOLD_REQUESTS - 1).to_string());
    }

    #[test]
    fn what_is_no_answer_is_told_at_its_place() {
        for (value, at, text) in [
            (json!({}), "/answers", "expected a list of answers, got object"),
            (json!([1]), "/answers/0", "got number"),
            (json!([{ "stauts": 1 }]), "/answers/0/stauts", "unknown key"),
            (json!([{}, { "status": 99 }]), "/answers/1/status", "a status from 100 to 599, got 99"),
            (json!([{ "status": "200" }]), "/answers/0/status", "got \"200\""),
            (json!([{ "url": 1 }]), "/answers/0/url", "expected a text"),
            (json!([{ "headers": [] }]), "/answers/0/headers", "an object of texts"),
            (json!([{ "headers": { "a": 1 } }]), "/answers/0/headers", "expected texts"),
            (json!(vec![json!({}); MAX_MOCK_ANSWERS + 1]), "/answers", "at most 100"),
        ] {
            let error = mock_answers(&value).unwrap_err();
            let mistake = &error.mistakes()[0];
            assert!(mistake.pointer == at && mistake.message.contains(text), "{value}: {mistake:?}");
        }
    }
}
