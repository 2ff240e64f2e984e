//! One exchange: sends a request and reads its answer.
//!
//! The engine limits the head, `body` limits the body. An answer that is not plain HTTP (a switch of
//! protocols, two kinds of framing, a flood of interim answers) ends the connection.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Extensions, HeaderMap, HeaderValue, StatusCode, Uri, header};
use hyper::body::Incoming;
use hyper_util::client::legacy::Error as EngineError;
use tokio::sync::Notify;

use super::connection_opener::judge_target;
use super::outgoing::OutgoingRequest;
use super::policy::Clearance;
use super::protocol::Place;
use super::status_seen::Departing;
use super::stream::{AnsweredBefore, Opened, TlsSaid};
use super::tls::Said;
use super::url::Target;
use super::{Client, EgressError, Response, body, suspicious_headers, tls};

/// An answer whose body has not been read.
pub(super) type Answer = http::Response<Incoming>;
type EngineRequest = http::Request<Departing>;

/// Why the engine has no answer.
pub(super) struct Unanswered {
    pub(super) error: EngineError,
    pub(super) opened: Opened,
}

/// The `User-Agent` of requests that set none.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("floh-connectors/", env!("CARGO_PKG_VERSION")));
const ACCEPT: HeaderValue = HeaderValue::from_static("*/*");

/// The most headers and header bytes that are sent.
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 * 1024;
/// The most interim answers (100 to 199) that are skipped.
const MAX_INTERIM: usize = 16;

/// Judges a request's destination, sends it, and returns the head of the answer.
///
/// An idempotent request (RFC 9110, section 9.2.2) is sent once more if the server closed a pooled connection
/// at the same moment.
pub(super) async fn send(client: &Client, outgoing: &OutgoingRequest) -> Result<Answer, EgressError> {
    if let Some(own) = client.own_tls() {
        own.check()?;
    }
    let target = Target::of(&outgoing.url).map_err(EgressError::url)?;
    let clearance = judge_target(client.policy(), Place::Url(&outgoing.url), &target)
        .map_err(|error| error.about(outgoing.shown()))?;
    suspicious_headers::note(outgoing, client.notes());
    let answer = match attempt(client, outgoing, clearance).await? {
        Err(error) if outgoing.method.is_idempotent() && is_stale(&error.error) => {
            let again = attempt(client, outgoing, clearance).await;
            let again = again.and_then(|answer| answer.map_err(|error| explain(&error, client, outgoing)));
            // The first one may have arrived before its connection closed.
            again.map_err(|error| if outgoing.method.is_safe() { error } else { error.following(None) })?
        }
        answer => answer.map_err(|error| explain(&error, client, outgoing))?,
    };
    outgoing.seen.note(answer.status());
    check_head(&answer, outgoing).map_err(|error| error.with_status(answer.status()))?;
    if let Some(served) = answer.extensions().get::<AnsweredBefore>() {
        served.set();
    }
    Ok(answer)
}

/// Reads the body of an answer.
pub(super) async fn read(client: &Client, answer: Answer, outgoing: OutgoingRequest) -> Result<Response, EgressError> {
    let (head, incoming) = answer.into_parts();
    let body = body::read(incoming, &head.headers, outgoing.most_bytes, client.memory())
        .await
        .map_err(|fault| fault.into_egress(outgoing.shown()).with_status(head.status))?;
    Ok(Response::new(outgoing, head.status, head.headers, body))
}

async fn attempt(
    client: &Client,
    outgoing: &OutgoingRequest,
    clearance: Clearance,
) -> Result<Result<Answer, Unanswered>, EgressError> {
    let mut request = build(client, outgoing, clearance)?;
    let flood = Arc::new(Notify::new());
    let (interim, alarm) = (AtomicUsize::new(0), Arc::clone(&flood));
    hyper::ext::on_informational(&mut request, move |_| {
        if interim.fetch_add(1, Ordering::Relaxed) >= MAX_INTERIM {
            alarm.notify_one();
        }
    });
    tokio::select! {
        answer = client.send(&outgoing.url, request) => Ok(answer),
        () = flood.notified() => Err(protocol(outgoing, "it never gets past interim answers (1xx)")),
    }
}

fn build(client: &Client, outgoing: &OutgoingRequest, clearance: Clearance) -> Result<EngineRequest, EgressError> {
    let uri: Uri = outgoing.url.as_str().parse().map_err(|_| {
        EgressError::request("its URL is longer than 64 KiB or holds a character that must be percent-encoded")
    })?;
    let mut headers = outgoing.headers.clone();
    if let Some(content_type) = &outgoing.content_type {
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
    // A tunnel was opened with it already; over plain http each request carries it.
    if let Some(proxy) = client.policy().proxy_for(clearance)
        && outgoing.url.scheme() == "http"
        && let Some(authorization) = &proxy.authorization
    {
        headers.insert(header::PROXY_AUTHORIZATION, authorization.clone());
    }
    let mut request = http::Request::new(Departing::new(outgoing.body.clone(), outgoing.seen.clone()));
    *request.method_mut() = outgoing.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

fn size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

fn check_head(answer: &Answer, outgoing: &OutgoingRequest) -> Result<(), EgressError> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(protocol(outgoing, "it switches to another protocol, which was not asked for"));
    }
    let Some(framing) = answer.headers().get(header::TRANSFER_ENCODING) else {
        return Ok(());
    };
    if answer.headers().contains_key(header::CONTENT_LENGTH) {
        return Err(protocol(outgoing, "it has both Content-Length and Transfer-Encoding"));
    }
    if !framing.as_bytes().eq_ignore_ascii_case(b"chunked") {
        return Err(protocol(outgoing, "its Transfer-Encoding is not chunked"));
    }
    Ok(())
}

/// Returns whether a request was sent over a pooled connection while the server closed it.
fn is_stale(error: &EngineError) -> bool {
    let mut extras = Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut extras);
    }
    let reused = extras.get::<AnsweredBefore>().is_some_and(AnsweredBefore::get);
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
fn explain(unanswered: &Unanswered, client: &Client, outgoing: &OutgoingRequest) -> EgressError {
    let error = &unanswered.error;
    let own = error.source().and_then(|source| source.downcast_ref::<EgressError>());
    let explained = match (own, said(unanswered)) {
        (Some(own), _) => own.about(outgoing.shown()),
        (None, Some(said)) => said.about(outgoing.shown()),
        (None, None) => match cause(error) {
            Some(http) => explain_http(http, outgoing.shown()),
            None => protocol(outgoing, "the connection broke"),
        },
    };
    about_certificate(explained, client, outgoing)
}

/// Returns what TLS said on the connection of a request.
fn said(Unanswered { error, opened }: &Unanswered) -> Option<Said> {
    // A request that an open connection took has that connection in its error.
    let Some(connection) = error.connect_info() else { return opened.said() };
    let mut extras = Extensions::new();
    connection.get_extras(&mut extras);
    let said = extras.get::<TlsSaid>()?.get().cloned()?;
    // A connection that has carried an answer was past its handshake.
    let answered = extras.get::<AnsweredBefore>().is_some_and(AnsweredBefore::get);
    Some(Said { in_handshake: said.in_handshake && !answered, ..said })
}

/// Says why the connection's certificate was not shown to a server that wants one, if it is meant for another.
fn about_certificate(mut error: EgressError, client: &Client, outgoing: &OutgoingRequest) -> EgressError {
    if let (EgressError::Tls { why, wants_certificate: true, .. }, Some(own)) = (&mut error, client.own_tls())
        && own.engine_for(&outgoing.url).is_none()
    {
        *why = format!("{why}; that of this connection is shown only to {}", own.shown_to());
    }
    error
}

/// Explains an error of the HTTP engine.
pub(super) fn explain_http(error: &hyper::Error, target: String) -> EgressError {
    if error.is_parse_too_large() {
        return EgressError::TooLarge {
            target,
            why: "its head has more than 100 headers or 64 KiB".to_owned(),
            status: None,
        };
    }
    if let Some(why) = tls::said_below(error) {
        return EgressError::Protocol { target, why, status: None };
    }
    let why = if error.is_parse() {
        "it is not HTTP/1.1 or HTTP/2"
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "the connection was closed before it was complete"
    } else {
        "the connection broke before it was complete"
    };
    EgressError::Protocol { target, why: why.to_owned(), status: None }
}

fn protocol(outgoing: &OutgoingRequest, why: &str) -> EgressError {
    EgressError::Protocol { target: outgoing.shown(), why: why.to_owned(), status: None }
}
