//! What the rest of the server sees of the sandbox: the call, what a script may ask of the host, and the answer.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connector_runtime::Secret;
use connector_runtime::log::LogLevel;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::failure::{ScriptFailure, ScriptProblem};
use super::limits::{Limits, MAX_SLEEPS};
use super::tokens::TokenCall;

/// Runs scripts in a sandbox.
///
/// A trait, so that the execution of connectors can be tested without processes.
pub trait Sandbox: Send + Sync + fmt::Debug {
    /// Runs one command of a script. Dropping the future ends the run.
    ///
    /// # Errors
    /// If the script has no result, whatever the reason. It concerns this call only.
    fn run<'a>(&'a self, call: ScriptCall<'a>, host: &'a dyn HostCalls) -> BoxFuture<'a, Result<Ran, ScriptFailure>>;

    /// Compiles a source, runs its top level with every host call refused, and looks for its commands.
    /// Returns what is wrong with it; an empty list if it is valid.
    ///
    /// # Errors
    /// If there is no worker.
    fn check<'a>(
        &'a self,
        source: &'a str,
        commands: &'a [&'a str],
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Vec<ScriptProblem>, ScriptFailure>>;

    /// Prepares workers, so that a first call is quick.
    fn prepare(&self) {}

    /// Ends the idle workers; the others end after their call.
    fn close(&self) {}

    /// Counts the workers.
    fn workers(&self) -> Workers {
        Workers::default()
    }
}

/// The workers of a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Workers {
    /// Those that serve a call.
    pub working: usize,
    /// Those that wait for one.
    pub waiting: usize,
}

/// A script's source, with the hash that names it. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Script {
    source: Arc<str>,
    hash: [u8; 32],
}

impl Script {
    /// Wraps a source.
    pub fn new(source: impl Into<Arc<str>>) -> Self {
        let source = source.into();
        Self { hash: Sha256::digest(source.as_bytes()).into(), source }
    }

    /// Returns the source.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns the SHA-256 of the source.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("bytes", &self.source.len()).finish_non_exhaustive()
    }
}

/// A command to run. The data are secret: `Debug` shows none of them.
#[derive(Clone, Copy)]
pub struct ScriptCall<'a> {
    /// Whose script it is: a worker serves one connector and one script.
    pub connector: &'a str,
    /// The script.
    pub script: &'a Script,
    /// The command: a function of the script.
    pub command: &'a str,
    /// The decrypted connection config: `floh.config`.
    pub config: &'a Map<String, Value>,
    /// The validated params, with `command`: `floh.params`.
    pub params: &'a Map<String, Value>,
    /// The run's variables: `floh.variables`.
    pub variables: &'a Map<String, Value>,
    /// `floh.idempotencyKey`.
    pub idempotency_key: Option<&'a str>,
    /// The scenario that a mock script is to answer: `floh.mockScenario`.
    pub mock_scenario: Option<&'a str>,
    /// When the run must have ended.
    pub deadline: Instant,
    /// How long the call had in all; for the text of a timeout.
    pub timeout: Duration,
    /// How much it may take.
    pub limits: &'a Limits,
    /// Lowest level of log lines that leave the worker.
    pub log_level: LogLevel,
}

impl fmt::Debug for ScriptCall<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptCall")
            .field("connector", &self.connector)
            .field("command", &self.command)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What a script may ask of the server.
pub trait HostCalls: Send + Sync {
    /// Carries out an HTTP call. The future is dropped at the run's deadline.
    fn http(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpAnswer, HttpFault>>;

    /// Returns an access token. The future is dropped at the run's deadline. From then on, what the host records of the
    /// run hides the token. By default there are no tokens.
    fn token(&self, _: TokenCall) -> BoxFuture<'_, Result<Secret, HttpFault>> {
        let message = "access tokens are not to be had here".to_owned();
        Box::pin(std::future::ready(Err(HttpFault::new("token", message))))
    }

    /// Sends an imported operation and returns its result as JSON text. The future is dropped at the run's deadline. By
    /// default there are no operations.
    fn operation(&self, _: OperationCall) -> BoxFuture<'_, Result<String, HttpFault>> {
        let message =
            "only the commands of an imported type have operations; send the request with floh.http".to_owned();
        Box::pin(std::future::ready(Err(HttpFault::new("operation", message))))
    }

    /// Returns what is known of the last write that left and was not answered to its end. By default there is none.
    fn left(&self) -> Option<Left> {
        None
    }

    /// Takes a log line, as the script wrote it: it may hold anything, secrets too.
    fn log(&self, level: LogLevel, message: &str);
}

/// An HTTP call, as the script asked for it. Nothing in it is checked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpCall {
    /// The method, in upper case.
    pub method: String,
    /// The URL.
    pub url: String,
    /// Pairs for the query.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: HttpBody,
    /// How long it may take, with all repeats; never longer than the run.
    pub timeout_ms: Option<u64>,
    /// How it is sent again after a temporary failure.
    pub retry: Option<Repeats>,
}

/// How often and when a request is sent again; see [`connector_runtime::egress::Retry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// How often it is sent again.
    pub times: u32,
    /// The limit of the first wait.
    pub first_wait_ms: u32,
    /// The limit of all waits.
    pub max_wait_ms: u32,
    /// The longest `Retry-After` that is waited for.
    pub max_retry_after_ms: u32,
    /// Whether the author knows that sending it twice does no harm.
    pub even_if_not_idempotent: bool,
}

impl fmt::Debug for HttpCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCall").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A script's request to send an imported operation. Nothing in it is checked.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationCall {
    /// The operation.
    pub name: String,
    /// Its params; those of the call if absent.
    pub params: Option<Map<String, Value>>,
}

impl fmt::Debug for OperationCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationCall").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The body of an HTTP call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HttpBody {
    /// None.
    None,
    /// A text, sent as it is.
    Text(String),
    /// JSON text.
    Json(String),
    /// Pairs, sent as a form.
    Form(Vec<(String, String)>),
    /// Texts and bytes, sent one after the other.
    Parts(Vec<BodyPart>),
    /// A form of several parts (RFC 7578).
    Multipart(Vec<FormPart>),
}

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormPart {
    /// The name of the field.
    pub name: String,
    /// What it holds.
    pub content: BodyPart,
    /// The name of the file, if it is one.
    pub file_name: Option<String>,
    /// The type of what it holds.
    pub content_type: Option<String>,
}

/// A part of a body that is not only text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyPart {
    /// A text, sent as UTF-8.
    Text(String),
    /// Bytes, in base64.
    Base64(String),
}

impl fmt::Debug for BodyPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text",
            Self::Base64(_) => "Base64",
        })
    }
}

impl fmt::Debug for HttpBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Text(_) => "Text",
            Self::Json(_) => "Json",
            Self::Form(_) => "Form",
            Self::Parts(_) => "Parts",
            Self::Multipart(_) => "Multipart",
        })
    }
}

/// The answer to an HTTP call, whatever its status.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as a text.
    pub text: String,
    /// The body's bytes, if they are not the UTF-8 of the text.
    pub bytes: Option<Bytes>,
    /// Whether the body is bytes rather than a text.
    pub is_binary: bool,
    /// The URL of the next page, as the header `Link` names it.
    pub next: Option<String>,
}

impl HttpAnswer {
    /// Returns the size of the body.
    pub(super) fn size(&self) -> usize {
        self.bytes.as_ref().map_or(self.text.len(), Bytes::len)
    }
}

impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// Why an HTTP call has no answer. The script sees it as an `HttpError`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpFault {
    /// The kind, in snake_case: those of [`connector_runtime::egress::EgressError`] and the sandbox's own.
    pub code: Cow<'static, str>,
    /// What happened.
    pub message: String,
    /// Set if a write left and was not answered to its end.
    pub left: Option<Left>,
}

/// Returns whether a method only reads (RFC 9110, section 9.2.1).
pub(super) fn only_reads(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// What is known of a write that left and was not answered to its end. It may have taken effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Left {
    /// The status of the answer, if its head had come.
    pub status: Option<u16>,
}

/// The outcome of a run.
#[derive(Clone)]
pub struct Ran {
    /// What the command returned, as JSON text; `null` if it returned nothing. Interpret it with
    /// [`judge`](super::judge).
    pub json: String,
    /// Whether it returned a value: false for undefined.
    pub returned: bool,
    /// The resources that it used.
    pub figures: Figures,
}

impl fmt::Debug for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ran").field("bytes", &self.json.len()).field("figures", &self.figures).finish()
    }
}

/// The resources that a run used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// CPU time of the worker.
    pub cpu: Duration,
    /// HTTP calls.
    pub calls: u32,
}

impl HttpFault {
    /// Makes a fault of a request that has not left, or that only reads.
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), left: None }
    }

    pub(super) fn too_many_sleeps() -> Self {
        Self::new("too_many_sleeps", format!("a command may wait {MAX_SLEEPS} times; wait for longer at a time"))
    }

    /// The code of an HTTP call beyond the limit.
    pub(super) const TOO_MANY_CALLS: &'static str = "too_many_calls";

    pub(super) fn too_many_calls(limit: u32) -> Self {
        Self::new(
            Self::TOO_MANY_CALLS,
            format!("a command may make {limit} HTTP calls; ask for more at a time, for example with paging"),
        )
    }

    pub(super) fn too_large(limits: &Limits) -> Self {
        let Limits { body, bodies, .. } = *limits;
        Self::new(
            "too_large",
            format!(
                "a body may have {} MiB, and all answers of a command together {} MiB; ask for less at a time",
                body >> 20,
                bodies >> 20
            ),
        )
    }
}
