//! The way in: where a request was sent to and from, who sent it, and how large it is. What passes is spoken to by `rmcp`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use connector_runtime::schema::json_text::MAX_PARAM_VALUES;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use super::handler::Handler;
use super::{PATH, message};
use crate::api::{Accepts, BODY_LIMIT, Problem, RawBody, Site, identity_of};
use crate::app::App;
use crate::error::Error;
use crate::mcp_settings::Settings;
use crate::store::{ExecutionSource, TokenKind};

/// This door in the metrics and the log of refused logins.
const DOOR: &str = "mcp";

/// The door of a server.
#[derive(Clone)]
struct Door {
    app: App,
    service: StreamableHttpService<Handler, NeverSessionManager>,
    /// Whether a foreign host or origin was told in the log.
    told: Arc<AtomicBool>,
}

/// Builds the router of the door.
pub fn router(app: &App, settings: Settings) -> Router<App> {
    let handler = Handler::new(app.clone(), settings);
    // Hosts and origins are judged here, so that a refusal names the setting.
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_cancellation_token(app.stopping.child_token())
        .with_max_request_body_bytes(BODY_LIMIT)
        .disable_allowed_hosts()
        .disable_allowed_origins();
    let service =
        StreamableHttpService::new(move || Ok(handler.clone()), Arc::new(NeverSessionManager::default()), config);
    let door = Door { app: app.clone(), service, told: Arc::default() };
    Router::new().route(PATH, any(serve).with_state(door))
}

async fn serve(State(door): State<Door>, request: Request) -> Response {
    let (parts, bytes) = match door.admit(request).await {
        Ok(admitted) => admitted,
        Err(problem) => return problem.into_response(),
    };
    match message::check(&bytes) {
        Ok(()) => door.service.handle(Request::from_parts(parts, Body::from(bytes))).await.map(Body::new),
        Err(malformed) => malformed.into_response(),
    }
}

impl Door {
    /// Lets a request in. Its head then carries the context of its caller.
    async fn admit(&self, request: Request) -> Result<(Parts, Vec<u8>), Problem> {
        let site = Site::of(&self.app);
        if let Err(why) = site.check_program(&request) {
            if !self.told.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    why,
                    "a request to /mcp was refused; if a proxy is before this server, name its address with --public-url \
                     (FLOH_PUBLIC_URL). This is told once"
                );
            }
            return Err(Problem::new(StatusCode::FORBIDDEN, "foreign_site", why));
        }
        if request.method() != Method::POST {
            let detail = format!("{PATH} takes POST alone: it keeps no sessions (got {})", request.method());
            let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
            return Err(problem.with_header(header::ALLOW, HeaderValue::from_static("POST")));
        }
        let caller = identity_of(&self.app, &request, Accepts::Bearer, DOOR).await?;
        if caller.identity.kind == TokenKind::Agent {
            let detail = "this is the token of an on-premise agent, which calls nothing; make one of kind api";
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
        }
        let ctx = caller.context(ExecutionSource::Mcp, &request);
        let (mut parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let body = RawBody::read(request, BODY_LIMIT, &self.app.work).await?;
        let (bytes, mut work) = body.into_parts();
        work.hold(self.app.work.memory.tree(&bytes, MAX_PARAM_VALUES).map_err(Error::from)?);
        parts.extensions.insert(ctx.with_work(work));
        Ok((parts, bytes))
    }
}
