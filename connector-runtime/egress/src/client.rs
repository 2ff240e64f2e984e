//! The client: one policy, one pool of connections, shared by all its clones.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Engine;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::connection_opener::ConnectionOpener;
use super::dialer::SystemDialer;
use super::exchange::Unanswered;
use super::in_flight::InFlight;
use super::look_ups;
use super::memory::MemoryBudget;
use super::named_hosts::NamedHosts;
use super::oauth::Tokens;
use super::own_tls::{GivenCertificate, KeptPools, OwnTls};
use super::resolver::SystemResolver;
use super::scope::Scope;
use super::status_seen::{Departing, StatusSeen};
use super::stream::Opened;
use super::suspicious_headers::Notes;
use super::{EgressError, IntoUrl, Policy, Request};
use crate::Secret;
use crate::redact::{Redactor, RuntimeSecret};

/// How long a request may take unless it says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an idle connection is kept.
const POOL_IDLE: Duration = Duration::from_secs(30);
/// The most idle connections that are kept to one origin.
const POOL_PER_ORIGIN: usize = 16;
/// The most bytes of an answer's head, in HTTP/1 (read buffer) and HTTP/2 (header list).
pub(super) const MAX_HEAD_BYTES: u32 = 64 * 1024;

/// Time between two pings of a busy HTTP/2 connection.
const PING: Duration = Duration::from_secs(20);

pub(super) type HttpEngine = Engine<ConnectionOpener, Departing>;

/// Sends HTTP requests to destinations that the policy allows. Cheap to clone.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use connector_egress::{Client, Policy};
///
/// let client = Client::new(Policy::strict());
/// let answer = client.get("https://api.example.com/items").query(&[("limit", 50)]).send().await?;
/// let items: serde_json::Value = answer.error_for_status()?.json()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    pub(super) scope: Scope,
    pub(super) timeout: Duration,
    /// The most bytes of an answer's body.
    pub(super) most_bytes: usize,
    /// When the sender of the requests is stopped, whether it is done or not.
    deadline: Option<Instant>,
    /// How many names the requests may look up at the same time.
    look_ups: Arc<Semaphore>,
    /// What is logged of the requests.
    notes: Arc<Notes>,
    /// The pool of the connection's own certificate, if it has one.
    own: Option<Arc<OwnTls>>,
    /// The access tokens of the client's connection.
    pub(super) tokens: Arc<Tokens>,
    /// The hosts that other protocols than HTTP may be spoken to; `None` if the client is that of no connection.
    pub(super) named_hosts: Option<Arc<NamedHosts>>,
    /// The requests that are on their way, if somebody wants to know.
    pub(super) in_flight: Option<InFlight>,
}

struct Shared {
    connector: ConnectionOpener,
    engine: HttpEngine,
    memory: MemoryBudget,
    kept: KeptPools,
}

impl Client {
    /// Returns a client with a pool of its own. Nothing is opened or read before the first request.
    pub fn new(policy: Policy) -> Self {
        Self::with_memory(policy, MemoryBudget::unlimited())
    }

    /// Returns a client with a pool of its own, whose answers count against a budget of memory.
    pub fn with_memory(policy: Policy, memory: MemoryBudget) -> Self {
        Self::over(ConnectionOpener::new(policy, Arc::new(SystemResolver), Arc::new(SystemDialer), Vec::new()), memory)
    }

    pub(super) fn over(connector: ConnectionOpener, memory: MemoryBudget) -> Self {
        let engine = engine(connector.clone());
        let kept = KeptPools::default();
        let shared = Arc::new(Shared { connector, engine, memory, kept });
        Self {
            shared,
            scope: Scope::default(),
            timeout: DEFAULT_TIMEOUT,
            most_bytes: super::body::MAX_BYTES,
            deadline: None,
            look_ups: look_ups::permits(),
            notes: Arc::default(),
            own: None,
            tokens: Arc::default(),
            named_hosts: None,
            in_flight: None,
        }
    }

    /// Returns the policy.
    pub fn policy(&self) -> &Policy {
        self.shared.connector.policy()
    }

    /// Returns a client over the same pool that sends secrets only to these origins.
    ///
    /// An origin is the scheme, host and port of a URL; its path does not count. A request to another origin is
    /// sent only if it carries no secret. Earlier origins are replaced.
    ///
    /// # Errors
    ///
    /// Fails if an origin is not a URL that may be called.
    pub fn scoped<U: IntoUrl>(&self, origins: impl IntoIterator<Item = U>) -> Result<Self, EgressError> {
        Ok(Self { scope: self.scope.with_origins(origins)?, ..self.clone() })
    }

    /// Returns a client over the same pool that sends secrets anywhere.
    ///
    /// This is for secrets that come with a call and belong to the destination that the call names. Send the
    /// secrets of the connection with the client that was given.
    #[must_use]
    pub fn unscoped(&self) -> Self {
        Self { scope: self.scope.without_origins(), ..self.clone() }
    }

    /// Returns a client over the same pool that recognises these secrets.
    ///
    /// A header, query value or body that holds one counts as secret even if it was passed as a plain text.
    /// Secrets of fewer than six characters are not searched for.
    #[must_use]
    pub fn watching(&self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        self.guarding(Arc::new(Redactor::of(secrets)))
    }

    /// Returns a client over the same pool that recognises the secrets which a redactor knows, as [`Client::watching`]
    /// does. One structure then serves both.
    #[must_use]
    pub fn guarding(&self, redactor: Arc<Redactor>) -> Self {
        Self { scope: self.scope.with_redactor(redactor), ..self.clone() }
    }

    /// Returns whether a text holds a secret that this client recognises, in any form in which one is sent.
    pub fn recognises(&self, text: &str) -> bool {
        self.scope.watched().any(|redactor| redactor.finds(text))
    }

    /// Returns a client over the same pool that recognises a secret which came up while a call runs, as
    /// [`Client::watching`] does.
    #[must_use]
    pub fn learning(&self, secret: RuntimeSecret) -> Self {
        Self { scope: self.scope.with_runtime_secret(secret), ..self.clone() }
    }

    /// Returns a client over the same pool whose requests may take this long, unless they say otherwise.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { timeout, ..self.clone() }
    }

    /// Returns a client over the same pool whose answers may have bodies of this many bytes, unless a request says
    /// otherwise. It is 10 MiB for a new client.
    #[must_use]
    pub fn accepting(&self, most_bytes: usize) -> Self {
        Self { most_bytes, ..self.clone() }
    }

    /// Returns how many bytes the body of an answer may have.
    pub const fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// Returns a client over the same pool for work that is stopped at a point in time: no request waits past it
    /// for its next attempt.
    pub fn ending_at(&self, deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..self.clone() }
    }

    /// Returns a client over the same pool that keeps which of its requests left and were not answered, but for those
    /// [without effect](Request::without_effect). Its clones keep
    /// them together.
    #[must_use]
    pub fn noting_unanswered(&self) -> Self {
        Self { in_flight: Some(InFlight::default()), ..self.clone() }
    }

    /// Returns a request that left and was not answered to its end, because it is still on its way or its sender was
    /// stopped. None is known unless the client is [noting them](Client::noting_unanswered).
    pub fn unanswered(&self) -> Option<StatusSeen> {
        self.in_flight.as_ref()?.left()
    }

    /// Returns when a request that starts now and may take this long has to be done.
    pub(super) fn end_of(&self, timeout: Duration) -> Option<Instant> {
        let own = Instant::now().checked_add(timeout);
        own.into_iter().chain(self.deadline).min()
    }

    /// Starts a GET request.
    pub fn get(&self, url: impl IntoUrl) -> Request {
        self.request(Method::GET, url)
    }

    /// Starts a HEAD request.
    pub fn head(&self, url: impl IntoUrl) -> Request {
        self.request(Method::HEAD, url)
    }

    /// Starts a POST request.
    pub fn post(&self, url: impl IntoUrl) -> Request {
        self.request(Method::POST, url)
    }

    /// Starts a PUT request.
    pub fn put(&self, url: impl IntoUrl) -> Request {
        self.request(Method::PUT, url)
    }

    /// Starts a PATCH request.
    pub fn patch(&self, url: impl IntoUrl) -> Request {
        self.request(Method::PATCH, url)
    }

    /// Starts a DELETE request.
    pub fn delete(&self, url: impl IntoUrl) -> Request {
        self.request(Method::DELETE, url)
    }

    /// Starts a request with any method but CONNECT and TRACE. Mistakes are reported when it is sent.
    pub fn request(&self, method: impl AsRef<str>, url: impl IntoUrl) -> Request {
        Request::new(self.clone(), method.as_ref(), url.into_url())
    }

    /// Returns what opens connections.
    pub(super) fn opener(&self) -> &ConnectionOpener {
        &self.shared.connector
    }

    /// Returns the permits for the look-ups of the client's requests.
    pub(super) fn look_up_permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.look_ups)
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Returns a client over the same pool whose requests do not share limits with others: those of name look-ups and of
    /// log lines; nor access tokens. Each connection and each service has its own.
    #[must_use]
    pub fn with_own_limits(&self) -> Self {
        Self { look_ups: look_ups::permits(), notes: Arc::default(), tokens: Arc::default(), ..self.clone() }
    }

    /// Returns a client that shows a certificate where the connection says. `is_kept` says that the connection comes anew
    /// with each call, so that its pool is kept for the next one.
    pub(super) fn showing(&self, given: Option<GivenCertificate>, is_kept: bool) -> Self {
        let make = |given| {
            OwnTls::new(given, |certificate| {
                engine(self.shared.connector.showing(Arc::clone(certificate.certified_key())))
            })
        };
        let own = given.map(|given| match is_kept {
            true => self.shared.kept.get(given, make),
            false => Arc::new(make(given)),
        });
        Self { own, ..self.clone() }
    }

    /// Returns the connection's own certificate, if it has one.
    pub(super) fn own_tls(&self) -> Option<&OwnTls> {
        self.own.as_deref()
    }

    #[cfg(test)]
    pub(super) fn kept_pools(&self) -> usize {
        self.shared.kept.len()
    }

    /// Sends a request to a URL with the HTTP engine: that of the connection's own certificate, where it is shown.
    pub(super) async fn send(
        &self,
        url: &Url,
        request: http::Request<Departing>,
    ) -> Result<http::Response<Incoming>, Unanswered> {
        let engine = self.own_tls().and_then(|own| own.engine_for(url)).unwrap_or(&self.shared.engine);
        let opened = Opened::default();
        let sending = opened.noting(engine.request(request));
        let answer = look_ups::with_permits(Arc::clone(&self.look_ups), sending).await;
        answer.map_err(|error| Unanswered { error, opened })
    }

    pub(super) fn memory(&self) -> &MemoryBudget {
        &self.shared.memory
    }
}

/// Makes a pool of connections.
fn engine(connector: ConnectionOpener) -> HttpEngine {
    Engine::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_PER_ORIGIN)
        .http1_max_buf_size(MAX_HEAD_BYTES as usize)
        .http2_max_header_list_size(MAX_HEAD_BYTES)
        .http2_keep_alive_interval(PING)
        .build(connector)
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("policy", self.policy())
            .field("scope", &self.scope)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// A client under the strict policy.
impl Default for Client {
    fn default() -> Self {
        Self::new(Policy::strict())
    }
}
