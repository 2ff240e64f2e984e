//! Authorization for every route, including unmatched ones.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Problem;
use crate::app::App;
use crate::auth::{AuthError, Identity, OpContext, RequestId, Scope};
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
    /// A token with this scope, which may also be sent later, in the first message of the socket that the route opens.
    NeedsInBand(Scope),
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Authenticated => f.write_str("any token"),
            Self::Needs(scope) => write!(f, "{scope}"),
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

/// Passes a request on if its caller is authorized.
pub(super) async fn guard(State((app, access)): State<(App, Access)>, mut request: Request, next: Next) -> Response {
    if access == Access::Public {
        return next.run(request).await;
    }
    if matches!(access, Access::NeedsInBand(_)) && !request.headers().contains_key(header::AUTHORIZATION) {
        return next.run(request).await;
    }
    let token = bearer(&request).map(str::to_owned);
    match admit(&app, access, token, peer(&request)).await {
        Ok(identity) => {
            let request_id = request.extensions().get::<RequestId>().cloned().unwrap_or_default();
            let ctx = OpContext::of_token(identity, ExecutionSource::Rest, request_id).from_peer(peer(&request));
            request.extensions_mut().insert(ctx);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Returns the address that a request came from; `None` for a request that did not come over a socket.
pub(super) fn peer(request: &Request) -> Option<SocketAddr> {
    request.extensions().get::<Option<ConnectInfo<SocketAddr>>>().copied().flatten().map(|ConnectInfo(peer)| peer)
}

async fn admit(
    app: &App,
    access: Access,
    token: Result<String, Problem>,
    peer: Option<SocketAddr>,
) -> Result<Arc<Identity>, Problem> {
    let refuse = |error: &AuthError, text: &str| app.auth.note_refusal(error, text, DOOR, peer);
    let token = token.inspect_err(|_| refuse(&AuthError::Missing, ""))?;
    let identity = app.auth.authenticate(&token).await.map_err(|error| {
        refuse(&error, &token);
        match error {
            AuthError::Store(error) => Problem::from(error),
            other => unauthorized(other.to_string()),
        }
    })?;
    match access {
        Access::Needs(scope) | Access::NeedsInBand(scope) if !identity.allows(scope) => {
            let detail = format!("this needs the scope {scope}, which the token {:?} does not have", identity.name);
            Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail))
        }
        _ => Ok(identity),
    }
}

fn bearer(request: &Request) -> Result<&str, Problem> {
    let missing = || unauthorized("send a token in the header `Authorization: Bearer <token>`");
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(missing()) };
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}

fn unauthorized(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"floh\""))
}
