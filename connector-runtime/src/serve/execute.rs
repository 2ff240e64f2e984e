//! `POST /execute`: reads the body into an invocation and dispatches it like every other call.
//!
//! The signature is checked over the bytes as they came, before they are parsed, and accepted once. A body that is not a call
//! of the protocol is answered with a problem; a call is answered with its result and status 200, whether
//! the command succeeds or fails.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Body;
use axum::extract::{OriginalUri, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::Service;
use super::nonces::NonceRefused;
use super::problem::RequestProblem;
use super::routes::with_fingerprint;
use crate::Secret;
use crate::context::{ConnectionConfig, Invocation};
use crate::egress::Client;
use crate::protocol::{self, ExecuteRequest, MAX_BODY_BYTES, SIGNATURE_HEADER, SignedRequest};
use crate::registry::Entry;

/// The longest that a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn execute(service: &Service, entry: &Entry, request: Request) -> Result<Response, RequestProblem> {
    let _call = service.calls.try_acquire().map_err(|_| RequestProblem::busy())?;
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    if let Some(secret) = &service.secret {
        check_signature(service, secret, &head, &body)?;
    }
    let call = parse(&head.headers, &body)?;
    drop(body);
    let finished = entry.call(entry.descriptor().name, invocation(&service.http, call)).await;
    let mut response = Response::new(Body::from(finished.reply.into_json()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(with_fingerprint(entry, response))
}

fn check_signature(service: &Service, secret: &Secret, head: &Parts, body: &[u8]) -> Result<(), RequestProblem> {
    let header = head.headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    // Inside another router the request's own URI is only the rest of what was sent.
    let uri = head.extensions.get::<OriginalUri>().map_or(&head.uri, |OriginalUri(uri)| uri);
    let (request, now) = (SignedRequest { path: uri.path(), body }, SystemTime::now());
    let verified = protocol::verify(secret, header, request, service.accepted, now)
        .map_err(|error| RequestProblem::unsigned(error.to_string()))?;
    let Some(nonce) = verified.nonce else { return Ok(()) };
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    service.nonces.accept(nonce, verified.valid_until, now).map_err(|refused| match refused {
        NonceRefused::Used => RequestProblem::unsigned(
            "this signature was used before, so the request is a repetition of a recorded one; sign each request with a nonce of its own",
        ),
        NonceRefused::Full => RequestProblem::busy(),
    })
}

async fn read(body: Body) -> Result<Bytes, RequestProblem> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BODY_BYTES).collect()).await;
    let collected = collected.map_err(|_| RequestProblem::slow("the body took more than 30 s to arrive"))?;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        if error.is::<LengthLimitError>() {
            RequestProblem::too_large("the body has more than 10 MiB; send less at a time")
        } else {
            RequestProblem::unreadable("the body ended early")
        }
    })
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<ExecuteRequest<'static>, RequestProblem> {
    // A web page may send a form or plain text to any origin without a preflight request, but not JSON.
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(RequestProblem::media_type("the body must be JSON; send content-type: application/json"));
    }
    // The parser's own message may quote a misplaced value, which may be a secret.
    let call: ExecuteRequest<'static> = serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let what =
            if error.is_data() { "a value is missing or of the wrong type" } else { "the text is not valid JSON" };
        RequestProblem::invalid(format!(
            "the body is not a call of protocol {}: {what}, at line {line} column {column}; it needs protocolVersion, \
             command, config, params, variables and metadata",
            protocol::VERSION
        ))
    })?;
    if !protocol::is_supported(&call.protocol_version) {
        return Err(RequestProblem::invalid(format!(
            "this service speaks only protocol {}; upgrade the caller",
            protocol::VERSION
        )));
    }
    Ok(call)
}

fn invocation(http: &Client, call: ExecuteRequest<'static>) -> Invocation {
    let text = |text: Option<Cow<'static, str>>| text.map(Cow::into_owned);
    Invocation {
        command: text(call.command),
        params: call.params.into_owned(),
        connection: Arc::new(ConnectionConfig::new(call.config.into_owned())),
        variables: call.variables.into_owned(),
        step_id: text(call.metadata.step_id),
        run_id: text(call.metadata.run_id),
        idempotency_key: text(call.metadata.idempotency_key),
        timeout_ms: call.metadata.timeout,
        http: http.clone(),
        ..Invocation::default()
    }
}
