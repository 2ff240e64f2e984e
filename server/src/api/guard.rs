//! Authorization for every route, including unmatched ones: who sent a request, and whether that is enough. Other doors that speak
//! HTTP use both halves, [`identity_of`] and [`demand`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{ConnectInfo, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use connector_runtime::Secret;
use futures_util::future::BoxFuture;
use tower::{Layer, Service};

use super::Problem;
use super::cookie::session_of;
use super::site::Site;
use crate::app::App;
use crate::auth::{AuthError, Identity, OpContext, RequestId, Scope, Session};
use crate::error::Error;
use crate::store::ExecutionSource;

/// This door in the metrics and the log of refused logins.
const DOOR: &str = "rest";

/// What a route requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: for liveness and readiness.
    Public,
    /// A valid token with any scopes.
    Authenticated,
    /// A token with this scope.
    Needs(Scope),
    /// A token with one of these scopes: the use case shows less to a caller without the first.
    NeedsOneOf([Scope; 2]),
    /// A token with this scope, which may also be sent later, in the first message of the socket that the route opens.
    NeedsInBand(Scope),
    /// A token with this scope; while the database is silent, one that it has accepted lately: for what tells how the
    /// server is.
    NeedsInOutage(Scope),
}

impl Access {
    /// Returns which credentials a request may bring.
    pub fn accepts(self) -> Accepts {
        match self {
            Self::NeedsInBand(_) => Accepts::Bearer,
            Self::NeedsInOutage(_) => Accepts::KnownInOutage,
            _ => Accepts::BearerOrSession,
        }
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Authenticated => f.write_str("any token"),
            Self::Needs(scope) | Self::NeedsInOutage(scope) => write!(f, "{scope}"),
            Self::NeedsOneOf([one, other]) => write!(f, "{one} or {other}"),
            Self::NeedsInBand(scope) => write!(f, "{scope} (the token may come in the first message)"),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for OpContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| Error::internal("a route without authorization asked for its caller").into())
    }
}

/// Which credentials a route accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepts {
    /// A token in `Authorization` alone: for what no browser calls.
    Bearer,
    /// A token, or else the cookie of a session.
    BearerOrSession,
    /// The same; while the database is silent, what it has accepted lately is taken.
    KnownInOutage,
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The identity of the token, or of the session's token.
    pub identity: Arc<Identity>,
    /// The session, if it was not a token.
    pub session: Option<Session>,
}

impl Caller {
    /// Returns the context of the request for use cases.
    pub fn context(&self, source: ExecutionSource, request: &Request) -> OpContext {
        let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
        OpContext::of_token(Arc::clone(&self.identity), source, request_id).from_peer(peer(request))
    }
}

/// Adds [`Guard`] to a route. As a service: a function as a layer boxes what is inside it once more for each request.
#[derive(Debug, Clone)]
pub(super) struct GuardLayer {
    app: App,
    access: Access,
}

impl GuardLayer {
    /// Makes the layer for a route that requires something of its caller.
    pub(super) fn new(app: &App, access: Access) -> Self {
        Self { app: app.clone(), access }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guard<S>;

    fn layer(&self, inner: S) -> Guard<S> {
        Guard { inner, app: self.app.clone(), access: self.access }
    }
}

/// Passes a request on if its caller is authorized.
#[derive(Debug, Clone)]
pub(super) struct Guard<S> {
    inner: S,
    app: App,
    access: Access,
}

impl<S> Service<Request> for Guard<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let accepts = self.access.accepts();
        let is_in_band = accepts == Accepts::Bearer && !request.headers().contains_key(header::AUTHORIZATION);
        if self.access == Access::Public || is_in_band {
            return Box::pin(self.inner.call(request));
        }
        let caller = identity_of(&self.app, &request, accepts, DOOR);
        let access = self.access;
        // The one that said that it is ready goes, and a copy stays.
        let copy = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, copy);
        Box::pin(async move {
            match caller.await.and_then(|caller| demand(&caller.identity, access).map(|()| caller)) {
                Ok(caller) => {
                    let ctx = caller.context(ExecutionSource::Rest, &request);
                    request.extensions_mut().insert(ctx);
                    inner.call(request).await
                }
                Err(problem) => Ok(problem.into_response()),
            }
        })
    }
}

/// Returns who sent a request: the holder of its token or, without a token, of its session. A session counts only at an address
/// of this server, and where something may change only from its own pages. `door` names the door where a refusal is told.
///
/// # Errors
/// 401 without a valid token or session; 403 and 421 for a session from elsewhere; 503 if the database does not answer.
pub fn identity_of(
    app: &App,
    request: &Request,
    accepts: Accepts,
    door: &'static str,
) -> impl Future<Output = Result<Caller, Problem>> + Send + use<> {
    let presented = presented(Site::of(app), request, accepts);
    let (app, peer) = (app.clone(), peer(request));
    async move {
        let auth = &app.auth;
        let refuse = |error: &AuthError, text: &str| auth.note_refusal(error, text, door, peer);
        let refused = |error: AuthError| match error {
            AuthError::Store(error) => Problem::from(error),
            other => unauthorized(other.to_string()),
        };
        match presented? {
            Presented::Bearer(token) => {
                let identity = match accepts {
                    Accepts::KnownInOutage => auth.authenticate_in_outage(token.expose()).await,
                    Accepts::Bearer | Accepts::BearerOrSession => auth.authenticate(token.expose()).await,
                };
                let identity = identity.inspect_err(|error| refuse(error, token.expose())).map_err(refused)?;
                Ok(Caller { identity, session: None })
            }
            Presented::Session(secret) => {
                let session = match accepts {
                    Accepts::KnownInOutage => auth.session_in_outage(secret.expose()).await,
                    Accepts::Bearer | Accepts::BearerOrSession => auth.session(secret.expose()).await,
                };
                let session = session.inspect_err(|error| refuse(error, "")).map_err(refused)?;
                Ok(Caller { identity: Arc::clone(&session.identity), session: Some(session) })
            }
            Presented::Nothing => {
                refuse(&AuthError::Missing, "");
                Err(unauthorized("send a token in the header `Authorization: Bearer <token>`"))
            }
        }
    }
}

/// The scopes each of which opens the pages and routes of executions: all of them, or the own ones.
pub const EXECUTIONS: Access = Access::NeedsOneOf([Scope::AuditRead, Scope::ConnectorsExecuteRead]);

/// Refuses a caller who lacks what a route requires.
///
/// # Errors
/// 403, with the missing scope.
pub fn demand(identity: &Identity, access: Access) -> Result<(), Problem> {
    let needed = match access {
        Access::Public | Access::Authenticated => return Ok(()),
        Access::Needs(scope) | Access::NeedsInBand(scope) | Access::NeedsInOutage(scope) if identity.allows(scope) => {
            return Ok(());
        }
        Access::NeedsOneOf(scopes) if scopes.iter().any(|scope| identity.allows(*scope)) => return Ok(()),
        Access::Needs(scope) | Access::NeedsInBand(scope) | Access::NeedsInOutage(scope) => scope.to_string(),
        Access::NeedsOneOf(_) => access.to_string(),
    };
    let detail = format!("this needs the scope {needed}, which the token {:?} does not have", identity.name);
    Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
}

/// Returns the address that a request came from; `None` for a request that did not come over a socket.
pub fn peer(request: &Request) -> Option<SocketAddr> {
    request.extensions().get::<Option<ConnectInfo<SocketAddr>>>().copied().flatten().map(|ConnectInfo(peer)| peer)
}

/// What a request brings to show who sent it.
enum Presented {
    Bearer(Secret),
    Session(Secret),
    Nothing,
}

fn presented(site: Site<'_>, request: &Request, accepts: Accepts) -> Result<Presented, Problem> {
    let values = || request.headers().get_all(header::AUTHORIZATION).iter();
    // A proxy may have its own use for the header; what names a token never falls back to the cookie.
    if values().any(is_bearer) {
        let mut values = values();
        let (Some(value), None) = (values.next(), values.next()) else { return Ok(Presented::Nothing) };
        let token = value.to_str().ok().and_then(|text| text.split_once(' '));
        return Ok(token.map_or(Presented::Nothing, |(_, token)| Presented::Bearer(Secret::new(token.trim()))));
    }
    let session = match accepts {
        Accepts::Bearer => None,
        Accepts::BearerOrSession | Accepts::KnownInOutage => session_of(site, request.headers()),
    };
    let Some(secret) = session else { return Ok(Presented::Nothing) };
    site.check_same_site(request)?;
    Ok(Presented::Session(secret))
}

fn is_bearer(value: &HeaderValue) -> bool {
    const SCHEME: &[u8] = b"bearer";
    value.as_bytes().get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

fn unauthorized(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"floh\""))
}
