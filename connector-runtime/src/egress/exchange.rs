//! One exchange: a request out, an answer in.
//!
//! The head is bounded by the engine, the body by [`super::body`]. What is not plain HTTP (a switch of
//! protocols, two ways of framing, a flood of interim answers) ends the connection.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderValue, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::Notify;
use url::Url;

use super::connector::judge_target;
use super::request::Draft;
use super::url::Target;
use super::{Client, EgressError, Response, body, url as urls};

/// An answer whose body has not been read.
pub(super) type Answer = http::Response<Incoming>;

/// What the client says of itself unless the author does.
const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("floh-connectors/", env!("CARGO_PKG_VERSION")));
const ACCEPT: HeaderValue = HeaderValue::from_static("*/*");

/// The most headers and header bytes that are sent.
const MOST_HEADERS: usize = 100;
const MOST_HEADER_BYTES: usize = 64 * 1024;
/// The most interim answers (100 to 199) that are skipped.
const MOST_INTERIM: usize = 16;

/// Judges a request's destination, sends it, and returns the head of the answer.
pub(super) async fn send(client: &Client, draft: &Draft) -> Result<Answer, EgressError> {
    let target = Target::of(&draft.url).map_err(EgressError::url)?;
    judge_target(client.policy(), &draft.url, &target)?;
    let mut request = build(draft)?;
    let engine =
        client.engine().map_err(|why| EgressError::Tls { target: urls::display(&draft.url), why: why.to_owned() })?;

    let flood = Arc::new(Notify::new());
    let (interim, alarm) = (AtomicUsize::new(0), Arc::clone(&flood));
    hyper::ext::on_informational(&mut request, move |_| {
        if interim.fetch_add(1, Ordering::Relaxed) >= MOST_INTERIM {
            alarm.notify_one();
        }
    });
    let answer = tokio::select! {
        answer = engine.request(request) => answer.map_err(|error| explain(&error, &draft.url))?,
        () = flood.notified() => return Err(protocol(&draft.url, "it never gets past interim answers (1xx)")),
    };
    check_head(&answer, &draft.url)?;
    Ok(answer)
}

/// Reads the body of an answer.
pub(super) async fn read(answer: Answer, draft: Draft) -> Result<Response, EgressError> {
    let (head, incoming) = answer.into_parts();
    let bytes = body::read(incoming, &head.headers).await.map_err(|error| error.into_egress(&draft.url))?;
    Ok(Response::new(draft.method, draft.url, head.status, head.headers, bytes))
}

fn build(draft: &Draft) -> Result<http::Request<Full<bytes::Bytes>>, EgressError> {
    let uri: Uri = draft.url.as_str().parse().map_err(|_| {
        EgressError::request(
            "its URL is longer than 64 KiB or holds a character that HTTP cannot carry; percent-encode it",
        )
    })?;
    let mut request = http::Request::new(Full::new(draft.body.clone()));
    *request.method_mut() = draft.method.clone();
    *request.uri_mut() = uri;
    let mut headers = draft.headers.clone();
    if let Some(content_type) = &draft.content_type {
        headers.entry(header::CONTENT_TYPE).or_insert_with(|| content_type.clone());
    }
    headers.entry(header::ACCEPT).or_insert(ACCEPT);
    headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    headers.entry(header::ACCEPT_ENCODING).or_insert(body::ACCEPT_ENCODING);
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > MOST_HEADERS || size > MOST_HEADER_BYTES {
        return Err(EgressError::request("it has more than 100 headers or 64 KiB of them; send the data in the body"));
    }
    *request.headers_mut() = headers;
    Ok(request)
}

fn check_head(answer: &Answer, url: &Url) -> Result<(), EgressError> {
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Err(protocol(url, "it switches to another protocol, which was not asked for"));
    }
    let headers = answer.headers();
    if headers.contains_key(header::TRANSFER_ENCODING) && headers.contains_key(header::CONTENT_LENGTH) {
        return Err(protocol(url, "it has both Content-Length and Transfer-Encoding"));
    }
    Ok(())
}

pub(super) fn protocol(url: &Url, why: &str) -> EgressError {
    EgressError::Protocol { target: urls::display(url), why: why.to_owned() }
}

/// Turns an error of the engine into ours; the connector's own come back as they were made.
fn explain(error: &hyper_util::client::legacy::Error, url: &Url) -> EgressError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(own) = cause.downcast_ref::<EgressError>() {
            return own.about(urls::display(url));
        }
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            return explain_http(hyper, url);
        }
        source = cause.source();
    }
    protocol(url, "the connection broke")
}

/// Explains an error of the HTTP engine.
pub(super) fn explain_http(error: &hyper::Error, url: &Url) -> EgressError {
    if error.is_parse_too_large() {
        let why = "its head has more than 100 headers or 64 KiB".to_owned();
        return EgressError::TooLarge { target: urls::display(url), why };
    }
    let why = if error.is_parse() {
        "it is not HTTP/1.1 or HTTP/2"
    } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "the connection was closed before it was complete"
    } else {
        "the connection broke before it was complete"
    };
    protocol(url, why)
}
