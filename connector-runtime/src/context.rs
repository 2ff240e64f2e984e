//! What a handler knows about its call: params, connection, variables, step and run, a logger, the deadline and the HTTP
//! client. [`Invocation`] is what callers fill in; [`Context`] is what handlers see.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use uuid::Uuid;

use crate::egress::oauth::{Authorized, TokenSource};
use crate::egress::{Client, Effect, EgressError, Protocol, Wire};
use crate::log::{LogLevel, LogRate, Logger};
use crate::outcome::Fail;
use crate::redact::{Redactor, RuntimeSecret};

/// A decrypted connection config. It reads as a map; its `Debug` shows the names of the fields and no value.
#[derive(Clone, Default, PartialEq)]
pub struct ConnectionConfig {
    values: Map<String, Value>,
    is_stored: bool,
}

impl ConnectionConfig {
    /// Wraps decrypted values. A call checks all of them.
    pub fn new(values: Map<String, Value>) -> Self {
        Self { values, is_stored: false }
    }

    /// Wraps decrypted values that were checked when they were stored. A call does not judge secrets again
    /// ([`FieldValues::check_stored`](crate::schema::FieldValues::check_stored)).
    pub fn stored(values: Map<String, Value>) -> Self {
        // A server keeps it: without room for more fields.
        let mut kept = Map::with_capacity(values.len());
        kept.extend(values);
        Self { values: kept, is_stored: true }
    }

    /// Returns whether the values were checked when they were stored.
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }
}

impl Deref for ConnectionConfig {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.values
    }
}

impl fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// A call of a connector: the command, its params, and what else belongs to the call. The server, the command
/// line, an agent or a test makes it; handlers see a [`Context`].
#[derive(Clone, Default)]
pub struct Invocation {
    /// The command; `None` for the type's default command.
    pub command: Option<String>,
    /// The params, also those that the schema does not name.
    pub params: Map<String, Value>,
    /// The decrypted connection config.
    pub connection: Arc<ConnectionConfig>,
    /// The run's variables.
    pub variables: Map<String, Value>,
    /// Id of the workflow step.
    pub step_id: Option<String>,
    /// Id of the run.
    pub run_id: Option<String>,
    /// The key under which systems recognise a repetition of this call.
    pub idempotency_key: Option<String>,
    /// The id under which a server records this call; `None` if it is not recorded.
    pub call_id: Option<Uuid>,
    /// The caller's deadline, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// The mock scenario that answers instead of the connector.
    pub mock_scenario: Option<String>,
    /// The lowest level of log lines that are kept.
    pub log_level: LogLevel,
    /// Limits how much of the connector's log reaches the log of the process; `None` for no limit.
    pub log_rate: Option<Arc<LogRate>>,
    /// The HTTP client; make it with [`Client::for_connection`], once for each connection config.
    pub http: Client,
    /// When the call arrived: its deadline counts from then; `None` for now.
    pub began: Option<Instant>,
    /// Knows the secrets of the connection; `None` to have it made from the schema.
    pub redactor: Option<Arc<Redactor>>,
    /// Cancelled when the process must end: a call that is then still running is cut, with a failure that says so.
    pub stop: Option<CancellationToken>,
    /// Cancelled when the caller does not want the answer any more: a call that is then still running is cut likewise.
    pub cancel: Option<CancellationToken>,
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("command", &self.command).finish_non_exhaustive()
    }
}

/// What a handler knows about its call.
pub struct Context {
    pub(crate) command: String,
    pub(crate) params: Map<String, Value>,
    /// Command and params in one map, made at the first request.
    pub(crate) config: OnceLock<Map<String, Value>>,
    pub(crate) connection: Arc<ConnectionConfig>,
    pub(crate) variables: Map<String, Value>,
    pub(crate) step_id: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) call_id: Option<Uuid>,
    pub(crate) scope: CallScope,
    pub(crate) deadline: Instant,
    pub(crate) stop: Option<CancellationToken>,
    pub(crate) cancel: Option<CancellationToken>,
    /// Made at the first request.
    pub(crate) cancelled: OnceLock<Cancelled>,
}

/// What the log and the HTTP client of a call are made from. Many handlers use neither, so each is made at
/// the first request.
pub(crate) struct CallScope {
    pub(crate) connector: String,
    pub(crate) log_level: LogLevel,
    pub(crate) log_rate: Option<Arc<LogRate>>,
    pub(crate) redactor: Arc<Redactor>,
    pub(crate) log: OnceLock<Logger>,
    pub(crate) pool: Client,
    pub(crate) timeout: Duration,
    pub(crate) http: OnceLock<Client>,
}

impl Context {
    /// Returns the raw config of the step: `command` and all params, also those that the schema does not name.
    pub fn config(&self) -> &Map<String, Value> {
        self.config.get_or_init(|| {
            let mut config = Map::with_capacity(self.params.len() + 1);
            config.insert("command".to_owned(), self.command.as_str().into());
            config.extend(self.params.iter().map(|(name, value)| (name.clone(), value.clone())));
            config
        })
    }

    /// Returns the name of the command.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the params as they were given, also those that the schema does not name.
    pub fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// Returns the raw decrypted connection config.
    pub fn connector_config(&self) -> &ConnectionConfig {
        &self.connection
    }

    /// Returns the run's variables.
    pub fn variables(&self) -> &Map<String, Value> {
        &self.variables
    }

    /// Returns the id of the workflow step, if the call belongs to one.
    pub fn step_id(&self) -> Option<&str> {
        self.step_id.as_deref()
    }

    /// Returns the id of the run, if the call belongs to one.
    pub fn run_id(&self) -> Option<&str> {
        self.run_id.as_deref()
    }

    /// Returns the key to send to systems that must not act on this call twice.
    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Returns the id under which a server records this call, if one does.
    pub fn call_id(&self) -> Option<Uuid> {
        self.call_id
    }

    /// Returns the log of this call.
    pub fn log(&self) -> &Logger {
        let CallScope { connector, log_level, log_rate, redactor, log, .. } = &self.scope;
        log.get_or_init(|| Logger::new(connector, *log_level, Arc::clone(redactor), log_rate.clone()))
    }

    /// Returns the HTTP client. Requests end at the call's deadline, and requests that carry a secret go only
    /// where the connector's `egress` allows; [`Client::unscoped`] lifts that limit.
    pub fn http(&self) -> &Client {
        let CallScope { pool, timeout, http, .. } = &self.scope;
        http.get_or_init(|| pool.with_timeout(*timeout).ending_at(self.deadline).noting_unanswered())
    }

    /// Returns what sends requests with access tokens of a source (RFC 6749): client credentials or a signed assertion. A
    /// token is fetched once for all calls of the connection, renewed before it expires, and once more after a 401. It is
    /// masked in everything that the call leaves behind.
    pub fn oauth(&self, source: impl Into<TokenSource>) -> Authorized {
        self.http().authorized(source, self.secret_adder())
    }

    /// Opens a connection on which another protocol than HTTP is spoken, to a host and a port that a field of the
    /// connection names. The policy, the proxy and the limits are those of requests.
    ///
    /// # Errors
    /// If the policy refuses it, no field names it, or nobody answers there.
    pub async fn connect(&self, protocol: Protocol, host: &str, port: u16) -> Result<Wire, EgressError> {
        self.http().connect(protocol, host, port).await
    }

    /// Notes that something leaves on such a connection that may take effect. If the call is cut before it is settled, its
    /// failure says that the outcome is unknown.
    pub fn begin_effect(&self) -> Effect {
        self.http().begin_effect()
    }

    /// Adds to a failure of a call that was cut what is known of a request that left and was not answered.
    pub(crate) fn with_unanswered(&self, fail: Fail) -> Fail {
        let Some(request) = self.scope.http.get().and_then(Client::unanswered) else { return fail };
        let fail = fail.diagnostic("outcome", "unknown");
        request.get().into_iter().fold(fail, |fail, status| fail.diagnostic("statusCode", status))
    }

    /// Adds a secret that came up while the call runs, such as an access token: it is masked from now on in
    /// the call's log, in its failure, and in its record.
    pub fn add_secret(&self, secret: RuntimeSecret) {
        self.scope.redactor.add_secret(secret);
    }

    /// Returns [`Context::add_secret`] as a function that may outlive the handler's borrow.
    pub fn secret_adder(&self) -> impl Fn(RuntimeSecret) + Send + Sync + 'static {
        let redactor = Arc::clone(&self.scope.redactor);
        move |secret| redactor.add_secret(secret)
    }

    /// Returns what knows the secrets of this call, and those that `known` knows.
    pub fn redactor_with(&self, known: &Arc<Redactor>) -> Arc<Redactor> {
        Redactor::joined(&self.scope.redactor, known)
    }

    /// Returns when the call ends, whether it is done or not.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns how long the call may take in total.
    pub fn timeout(&self) -> Duration {
        self.scope.timeout
    }

    /// Returns how long the call may still take.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Completes when the call ends before the handler does, by a timeout or because its caller disconnected.
    /// This is for work that a handler moved to another task; the handler itself is dropped.
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        self.cancellation().cancelled()
    }

    /// Returns the token behind [`Context::cancelled`], to pass to another task.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancelled.get_or_init(|| Cancelled(CancellationToken::new())).0
    }
}

/// Cancels the token of a call when it is dropped: however a call ends (done, timed out, or dropped because its
/// caller disconnected), its context is dropped, and this with it.
pub(crate) struct Cancelled(CancellationToken);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("command", &self.command)
            .field("connection", &self.connection)
            .field("step_id", &self.step_id)
            .field("run_id", &self.run_id)
            .finish_non_exhaustive()
    }
}
