//! `/api/connectors/agents`: the list of agents, and the WebSocket through which they connect.

use std::net::SocketAddr;

use axum::Extension;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{AgentView, Page};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tracing::Instrument as _;

use super::Problem;
use super::list;
use super::page::Query;
use crate::agent_hub::session::{self, Peer, SessionParts};
use crate::app::App;
use crate::auth::OpContext;
use crate::catalog;
use crate::error::Error;
use crate::services::Services;

const TAG: &str = "agents";
/// The version of RFC 6455.
const VERSION: HeaderValue = HeaderValue::from_static("13");
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// List the agents that are connected or were so recently; the newest connection first.
#[utoipa::path(get, path = "/api/connectors/agents", tag = TAG,
    params(("limit" = Option<u32>, Query), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = Page<AgentView>)))]
pub(super) async fn list(
    ctx: OpContext,
    State(services): State<Services>,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = query.page();
    query.finish()?;
    let part = move |page| std::future::ready(catalog::list_agents(&ctx, &services, &page));
    list::list(page, part).await
}

/// Connect as an agent: a WebSocket with JSON text frames, the first of which registers.
#[utoipa::path(get, path = "/api/connectors/agents/ws", tag = TAG,
    responses((status = 101, description = "The socket is open; send `register`."),
        (status = 426)))]
pub(super) async fn connect(
    State(app): State<App>,
    ctx: Option<Extension<OpContext>>,
    address: Option<Extension<Option<ConnectInfo<SocketAddr>>>>,
    mut request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers();
    if headers.contains_key(header::ORIGIN) {
        // A page in a browser would send the cookies of the user who opened it.
        let detail = "agents send no Origin header; browser pages are refused";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    if app.is_stopping() {
        return Err(Error::unavailable("the server is stopping; connect to it again in a moment").into());
    }
    let key = key(headers).ok_or_else(no_upgrade)?;
    let caller = ctx.and_then(|Extension(ctx)| ctx.identity().cloned());
    let stranger = match &caller {
        Some(_) => None,
        None => Some(app.agents.unauthenticated_slot().ok_or_else(|| {
            Error::unavailable("too many connections wait to show their token; send it with the upgrade, or try again")
        })?),
    };
    // Behind the slot, so that strangers do not ask the database without bound.
    if !app.agents.is_joined() && app.store.replicas().has_other().await.map_err(Error::from)? {
        return Err(Error::unavailable(
            "several servers use this database, and without NATS the commands for an agent find it only where it is connected; give all \
             servers --nats-url, or run one",
        )
        .into());
    }
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or_else(no_upgrade)?;
    let remote = address.and_then(|Extension(address)| address).map(|ConnectInfo(address)| address);
    let peer = Peer { caller, remote, stranger };
    let parts = SessionParts::new(&app.agents, &app.auth, &app.store, &app.registry, &app.work.memory);
    let hub = app.agents.clone();
    let socket = async move {
        match upgrade.await {
            Ok(upgraded) => session::serve(&parts, TokioIo::new(upgraded), peer).await,
            Err(error) => tracing::debug!(%error, "an agent went away before the upgrade"),
        }
    };
    hub.spawn(socket.in_current_span());
    let upgraded = [(header::CONNECTION, HeaderValue::from_static("upgrade")), (header::UPGRADE, WEBSOCKET)];
    let accept = [(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))];
    Ok((StatusCode::SWITCHING_PROTOCOLS, upgraded, accept).into_response())
}

/// Returns the key of an upgrade request; `None` if the request is not one.
fn key(headers: &HeaderMap) -> Option<HeaderValue> {
    let names = |name: HeaderName, wanted: &str| {
        let values = headers.get_all(name);
        let mut words = values.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        words.any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let asked = names(header::CONNECTION, "upgrade") && names(header::UPGRADE, "websocket");
    let spoken = headers.get(header::SEC_WEBSOCKET_VERSION).is_some_and(|version| version == VERSION);
    headers.get(header::SEC_WEBSOCKET_KEY).filter(|key| asked && spoken && key.len() == 24).cloned()
}

fn no_upgrade() -> Problem {
    let detail = "this is a WebSocket: ask for the upgrade over HTTP/1.1, with Sec-WebSocket-Version 13";
    Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail)
        .with_header(header::UPGRADE, WEBSOCKET)
        .with_header(header::SEC_WEBSOCKET_VERSION, VERSION)
}
