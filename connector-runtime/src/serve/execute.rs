//! `POST /execute`: reads the body into an invocation and dispatches it like every other call.
//!
//! The signature is checked over the bytes as they came, before they are parsed. A body that is not a call
//! of the protocol is answered with a problem; a call is answered with its result and status 200, whether
//! the command succeeds or fails.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::Service;
use super::problem::RequestProblem;
use super::routes::with_fingerprint;
use crate::Secret;
use crate::context::{ConnectionConfig, Invocation};
use crate::dispatch::{Target, dispatch};
use crate::egress::Client;
use crate::protocol::{self, ExecuteRequest, MAX_BYTES, SIGNATURE_HEADER};
use crate::redact::{Redactor, secret_texts};
use crate::registry::Entry;
use crate::result::Reply;

/// The longest that a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

pub(super) async fn execute(service: &Service, entry: &Entry, request: Request) -> Result<Response, RequestProblem> {
    let _call = service.calls.try_acquire().map_err(|_| RequestProblem::busy())?;
    let (head, body) = request.into_parts();
    let body = read(body).await?;
    if let Some(secret) = &service.secret {
        let signature = head.headers.get(SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
        protocol::verify(secret, signature, &body, SystemTime::now())
            .map_err(|error| RequestProblem::unsigned(error.to_string()))?;
    }
    let call = parse(&head.headers, &body)?;
    drop(body);
    let reply = run_call(entry, entry.descriptor().name, &service.http, call).await;
    let mut response = Response::new(Body::from(reply.into_json()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(with_fingerprint(entry, response))
}

/// Runs a call of the protocol on a registered type, for whatever brought it: the dispatcher's path, with
/// requests through `http`. The connector's name is for the log.
pub async fn run_call(entry: &Entry, connector: &str, http: &Client, call: ExecuteRequest<'static>) -> Reply {
    let invocation = invocation(entry, http, call);
    let executor = entry.executor();
    let target = Target {
        connector,
        schema: entry.schema(),
        executor: &executor,
        mock: None,
        mock_script: None,
        timeout_ms: None,
    };
    dispatch(target, invocation).await.reply
}

async fn read(body: Body) -> Result<Bytes, RequestProblem> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, MAX_BYTES).collect()).await;
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
    if !protocol::is_spoken(&call.protocol_version) {
        return Err(RequestProblem::invalid(format!(
            "this service speaks only protocol {}; upgrade the caller",
            protocol::VERSION
        )));
    }
    Ok(call)
}

fn invocation(entry: &Entry, http: &Client, call: ExecuteRequest<'static>) -> Invocation {
    let schema = entry.schema();
    let connection = call.config.into_owned();
    let texts = secret_texts(&schema.connection, &connection);
    let secrets = texts.iter().map(|text| Secret::from(text.as_str()));
    let http = http.for_connection(entry.descriptor().egress, &schema.connection, &connection, secrets);
    let text = |text: Option<Cow<'static, str>>| text.map(Cow::into_owned);
    Invocation {
        command: text(call.command),
        params: call.params.into_owned(),
        connection: Arc::new(ConnectionConfig::new(connection)),
        variables: call.variables.into_owned(),
        step_id: text(call.metadata.step_id),
        run_id: text(call.metadata.run_id),
        idempotency_key: text(call.metadata.idempotency_key),
        timeout_ms: call.metadata.timeout,
        http,
        redactor: Some(Arc::new(Redactor::new(texts))),
        ..Invocation::default()
    }
}
