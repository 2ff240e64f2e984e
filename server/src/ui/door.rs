//! What every page passes through: who asks, what they may see, and the headers of the answer.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tokio::time::timeout;

use super::assets;
use super::page;
pub(super) use super::part::frame::Frame;
use super::part::frame::Theme;
use crate::about::{Counts, counts};
use crate::api::{Access, Caller, Problem, Site, demand, identity_of, peer};
use crate::app::App;
use crate::auth::{OpContext, RequestId};
use crate::error::Error;
use crate::store::ExecutionSource;

/// This door in the metrics and the log of refused logins.
pub(super) const DOOR: &str = "ui";

/// How long a page that outlasts the database waits for the numbers in the menu.
const COUNTS: Duration = Duration::from_millis(300);

/// The headers of every page. Scripts and styles come from this server alone, nothing may frame a page, and text becomes
/// elements in one place of the script.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; \
         require-trusted-types-for 'script'; trusted-types floh",
    ),
    ("x-frame-options", "DENY"),
    // Without a referrer, browsers send `Origin: null` with every form.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
];

/// Marks an answer that is not compressed, because it contains a secret beside what a stranger can choose.
#[derive(Debug, Clone, Copy)]
struct Uncompressed;

/// Keeps an answer from being compressed.
pub(super) fn uncompressed(mut response: Response) -> Response {
    response.extensions_mut().insert(Uncompressed);
    response
}

impl<S: Sync> FromRequestParts<S> for Frame {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let frame = parts.extensions.get::<Self>().cloned();
        frame.ok_or_else(|| Error::internal("a page without its door asked for its frame").into())
    }
}

impl Frame {
    /// Returns the caller.
    ///
    /// # Errors
    /// Internal on a page that needs no identity, which is a mistake of the table of routes.
    pub(super) fn ctx(&self) -> Result<&OpContext, Problem> {
        self.ctx.as_ref().ok_or_else(|| Error::internal("a public page asked for its caller").into())
    }

    fn of(request: &Request) -> Self {
        let request_id = request.extensions().get::<RequestId>().map(ToString::to_string).unwrap_or_default();
        Self {
            ctx: None,
            session: None,
            theme: cookie(request.headers(), "theme").and_then(Theme::parse),
            path: request.uri().path().to_owned(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            request_id,
            peer: peer(request),
            counts: Counts::default(),
        }
    }

    /// Takes the caller, and refuses one who lacks what the page requires.
    fn admit(&mut self, caller: Option<Caller>, access: Access, request: &Request) -> Result<(), Problem> {
        let Some(caller) = caller else { return Ok(()) };
        self.ctx = Some(caller.context(ExecutionSource::Ui, request));
        self.session.clone_from(&caller.session);
        demand(&caller.identity, access)
    }

    /// Returns whether the pages reach other machines without TLS.
    #[allow(clippy::unused_self, reason = "asked by the page about itself")]
    pub(super) fn is_plain_http_elsewhere(&self, app: &App) -> bool {
        app.address().is_some_and(|address| !address.ip().is_loopback()) && !Site::of(app).is_https()
    }
}

/// Lets a request in: finds its identity, refuses what it may not see, and shows every problem as a page.
pub(super) async fn enter(State((app, access)): State<(App, Access)>, mut request: Request, next: Next) -> Response {
    let mut frame = Frame::of(&request);
    let zips = assets::takes_gzip(request.headers());
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let page_of_form = referring_page(&app, request.headers());
    let caller = identify(&app, access, &request).await;
    let response = match caller.and_then(|caller| frame.admit(caller, access, &request)) {
        Ok(()) => {
            if let Some(ctx) = frame.ctx.as_ref().filter(|_| !takes_events(&request)) {
                let counted = counts(ctx, app.services());
                // What tells that the database is silent does not wait for it.
                frame.counts = match access {
                    Access::NeedsInOutage(_) => timeout(COUNTS, counted).await.unwrap_or_default(),
                    _ => counted.await,
                };
            }
            request.extensions_mut().insert(frame.clone());
            next.run(request).await
        }
        Err(problem) if problem.status() == 401 && !takes_events(&request) => {
            Redirect::to(&sign_in_address(&frame, if is_get { Some(frame.address()) } else { page_of_form }))
                .into_response()
        }
        Err(problem) => problem.into_response(),
    };
    finish(&frame, response, zips).await
}

/// Shows what has no page of its own.
pub(super) async fn nothing(app: App, request: Request) -> Response {
    let mut frame = Frame::of(&request);
    let zips = assets::takes_gzip(request.headers());
    let caller = identify(&app, Access::Authenticated, &request).await;
    if caller.and_then(|caller| frame.admit(caller, Access::Authenticated, &request)).is_err() {
        return finish(&frame, Redirect::to(&sign_in_address(&frame, Some(frame.address()))).into_response(), zips)
            .await;
    }
    let problem: Problem = Error::not_found(format!("There is no page {}.", frame.path)).into();
    finish(&frame, problem.into_response(), zips).await
}

/// Finds who asks. What needs no identity is refused to other sites all the same. The future does not keep the request, whose
/// body cannot be shared.
fn identify(
    app: &App,
    access: Access,
    request: &Request,
) -> impl Future<Output = Result<Option<Caller>, Problem>> + Send + use<> {
    let site = Site::of(app);
    let is_public = access == Access::Public;
    let checked =
        site.check_host(request).and_then(|()| if is_public { site.check_same_site(request) } else { Ok(()) });
    let caller = identity_of(app, request, access.accepts(), DOOR);
    async move {
        checked?;
        if is_public { Ok(None) } else { caller.await.map(Some) }
    }
}

/// Returns whether a script waits for events, which has no use for the page that asks for a token.
fn takes_events(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT);
    accept.is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"))
}

/// Where one signs in, to come back to a page.
fn sign_in_address(frame: &Frame, page: Option<String>) -> String {
    let Some(page) = page.filter(|_| frame.path != "/") else { return "/login".to_owned() };
    let next: String = url::form_urlencoded::byte_serialize(page.as_bytes()).collect();
    format!("/login?next={next}")
}

/// Returns the page of this server that a form was sent from.
fn referring_page(app: &App, headers: &HeaderMap) -> Option<String> {
    let page = url::Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_own = page[url::Position::BeforeHost..url::Position::AfterPort] == *host
        && (page.scheme() == "https") == Site::of(app).is_https();
    is_own.then(|| page[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

/// Turns a problem into a page, compresses, and adds the headers of every page.
async fn finish(frame: &Frame, mut response: Response, zips: bool) -> Response {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let kept = problem.headers().to_vec();
        response = page::problem::show(frame, problem.body());
        response.headers_mut().extend(kept);
    }
    let is_html =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if is_html {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding, cookie"));
        if zips && response.extensions().get::<Uncompressed>().is_none() {
            response = compressed(response).await;
        }
    }
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

async fn compressed(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    // A page is in memory already.
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else { return (parts, Body::empty()).into_response() };
    match assets::gzip(&bytes) {
        Some(zipped) => {
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.remove(header::CONTENT_LENGTH);
            Response::from_parts(parts, Body::from(Bytes::from(zipped)))
        }
        None => Response::from_parts(parts, Body::from(bytes)),
    }
}

/// Returns the value of a cookie.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).next()
}
