//! Reads request bodies: their size, content type and time limit.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};

use super::problem::Problem;

/// The largest body of most routes, in bytes.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// The largest body of routes that accept whole documents, in bytes.
pub const DOCUMENT_LIMIT: usize = 64 * 1024 * 1024;
/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The bytes of a JSON body of at most `LIMIT` bytes, not parsed yet.
#[derive(Debug)]
pub struct JsonBytes<const LIMIT: usize = BODY_LIMIT>(pub Vec<u8>);

impl<S: Sync, const LIMIT: usize> FromRequest<S> for JsonBytes<LIMIT> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, parts.headers.get(header::CONTENT_LENGTH), LIMIT).await?;
        let content_type = parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("").to_owned());
        // An empty body needs no content type.
        if !bytes.is_empty() && !content_type.as_deref().is_some_and(is_json) {
            let got = content_type.unwrap_or_else(|| "none".to_owned());
            let detail = format!("the body must be JSON: send the header content-type: application/json (got {got})");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        Ok(Self(bytes))
    }
}

async fn read(body: Body, length: Option<&header::HeaderValue>, limit: usize) -> Result<Vec<u8>, Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {} MiB", limit / 1024 / 1024);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
            .with_header(header::CONNECTION, header::HeaderValue::from_static("close"))
    };
    let announced = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|announced| announced > limit) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, axum::body::to_bytes(body, limit)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(error)) => {
            let cause: &(dyn std::error::Error + 'static) = &error;
            if std::iter::successors(Some(cause), |error| error.source())
                .any(|error| error.to_string().contains("length limit"))
            {
                return Err(too_large());
            }
            Err(Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", "the body ended before its announced length"))
        }
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "slow_body",
            "the body took longer than 60 seconds to arrive",
        )),
    }
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
}
