//! One exchange: a request out, an answer in.
//!
//! The head is bounded by the engine, the body by `body`. What is not plain HTTP (a switch of
//! protocols, two ways of framing, a flood of interim answers) ends the connection.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as EngineError;
use tokio::sync::Notify;

use super::connector::judge_target;
use super::outgoing::OutgoingRequest;
use super::policy::Clearance;
use super::stream::Served;
use super::url::Target;
use super::{Client, EgressError, Response, body, suspicious_headers};

/// An answer whose body has not been read.
pub(super) type Answer = http::Response<Incoming>;
type EngineRequest = http::Request<Full<bytes::Bytes>>;

/// What the client says of itself unless the author does.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("floh-connectors/", env!("CARGO_PKG_VERSION")));
const ACCEPT: HeaderValue = HeaderValue::from_static("*/*");

/// The most headers and header bytes that are sent.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most interim answers (100 to 199) that are skipped.
const MAX_INTERIM: usize = 16;

/// Judges a request's destination, sends it, and returns the head of the answer.
///
/// A request that may be repeated (RFC 9110, section 9.2.2) is sent once more if the server closed a kept
/// connection just then.
pub(super) async fn send(client: &Client, draft: &OutgoingRequest) -> Result<Answer, EgressError> {
    let target = Target::of(&draft.url).map_err(EgressError::url)?;
    let standing = judge_target(client.policy(), &draft.url, &target).map_err(|error| error.about(draft.shown()))?;
    suspicious_headers::note(draft);
    let answer = match attempt(client, draft, standing).await? {
        Err(error) if draft.method.is_idempotent() && is_stale(&error) => attempt(client, draft, standing).await?,
        answer => answer,
    };
    let answer = answer.map_err(|error| explain(&error, draft))?;
    check_head(&answer, draft)?;
    if let Some(served) = answer.extensions().get::<Served>() {
        served.note();
    }
    Ok(answer)
}

/// Reads the body of an answer.
pub(super) async fn read(answer: Answer, draft: OutgoingRequest) -> Result<Response, EgressError> {
    let (head, incoming) = answer.into_parts();
    let bytes = body::read(incoming, &head.headers, draft.most_bytes)
        .await
        .map_err(|fault| fault.into_egress(draft.shown()))?;
    Ok(Response::new(draft, head.status, head.headers, bytes))
}

async fn attempt(
    client: &Client,
    draft: &OutgoingRequest,
    standing: Clearance,
) -> Result<Result<Answer, EngineError>, EgressError> {
    let mut request = build(client, draft, standing)?;
    let flood = Arc::new(Notify::new());
    let (interim, alarm) = (AtomicUsize::new(0), Arc::clone(&flood));
    hyper::ext::on_informational(&mut request, move |_| {
        if interim.fetch_add(1, Ordering::Relaxed) >= MAX_INTERIM {
            alarm.notify_one();
        }
    });
    tokio::select! {
        answer = client.engine().request(request) => Ok(answer),
        () = flood.notified() => Err(protocol(draft, "it never gets past interim answers (1xx)")),
    }
}

fn build(client: &Client, draft: &OutgoingRequest, standing: Clearance) -> Result<EngineRequest, EgressError> {
    let uri: Uri = draft.url.as_str().parse().map_err(|_| {
        EgressError::request("its URL is longer than 64 KiB or holds a character that must be percent-encoded")
    })?;
    let mut headers = draft.headers.clone();
    if let Some(content_type) = &draft.content_type {
        // A form cannot be read without the boundary that its content type names.
        if content_type.as_bytes().starts_with(b"multipart/") {
            headers.remove(header::CONTENT_TYPE);
        }
        headers.entry(header::CONTENT_TYPE).or_insert_with(|| content_type.clone());
    }
    headers.entry(header::ACCEPT).or_insert(ACCEPT);
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    headers.entry(header::ACCEPT_ENCODING).or_insert(body::ACCEPT_ENCODING);
    if headers.len() > MAX_HEADERS || size(&headers) > MAX_HEADER_BYTES {
        return Err(EgressError::request("it has more than 100 headers or 64 KiB of them; send the data in the body"));
    }
    // A tunnel has been asked for with it already; over plain http each request carries it.
    if let Some(proxy) = client.policy().proxy_for(standing)
        && draft.url.scheme() == "http"
        && let Some(authorization) = &proxy.authorization
    {
        headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
    }
    let mut request = http::Request::new(Full::new(draft.body.clone()));
    *request.method_mut() = draft.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn check_head(answer: &Answer, draft: &OutgoingRequest) -> Result<(), EgressError> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(protocol(draft, "it switches to another protocol, which was not asked for"));
    }
    let Some(framing) = answer.headers().get(header::TRANSFER_ENCODING) else {
        return Ok(());
    };
    if answer.headers().contains_key(header::CONTENT_LENGTH) {
        return Err(protocol(draft, "it has both Content-Length and Transfer-Encoding"));
    }
    if !framing.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(protocol(draft, "its Transfer-Encoding is not chunked"));
    }
    Ok(())
}

/// Tells whether a request met a kept connection that the server was closing.
fn is_stale(error: &EngineError) -> bool {
    let mut extras = Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut extras);
    }
    let reused = extras.get::<Served>().is_some_and(Served::once);
    reused && cause(error).is_some_and(is_closing)
}

fn is_closing(error: &hyper::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    error.is_incomplete_message() || io.is_some_and(|io| matches!(io.kind(), BrokenPipe | ConnectionReset))
}

fn cause(error: &EngineError) -> Option<&hyper::Error> {
    error.source()?.downcast_ref()
}

/// Turns an error of the engine into ours; the connector's own come back as they were made.
fn explain(error: &EngineError, draft: &OutgoingRequest) -> EgressError {
    if let Some(own) = error.source().and_then(|source| source.downcast_ref::<EgressError>()) {
        return own.about(draft.shown());
    }
    cause(error).map_or_else(|| protocol(draft, "the connection broke"), |http| explain_http(http, draft.shown()))
}

/// Explains an error of the HTTP engine.
pub(super) fn explain_http(error: &hyper::Error, target: String) -> EgressError {
    if error.is_parse_too_large() {
        return EgressError::TooLarge { target, why: "its head has more than 100 headers or 64 KiB".to_owned() };
    }
    let why = if error.is_parse() {
        "it is not HTTP/1.1 or HTTP/2"
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "the connection was closed before it was complete"
    } else {
        "the connection broke before it was complete"
    };
    EgressError::Protocol { target, why: why.to_owned() }
}

fn protocol(draft: &OutgoingRequest, why: &str) -> EgressError {
    EgressError::Protocol { target: draft.shown(), why: why.to_owned() }
}
