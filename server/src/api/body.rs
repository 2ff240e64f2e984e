//! Reads request bodies: their size, content type and time limit, and the memory that they take.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use connector_runtime::egress::memory::Reserved;
use connector_runtime::schema::json_text::{MAX_JSON_VALUES, MAX_PARAM_VALUES};
use futures_util::StreamExt as _;

use super::problem::Problem;
use crate::auth::OpContext;
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::work::{Work, WorkLimits};

/// The largest body of most routes, in bytes.
pub const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// The largest body of routes that accept whole documents, in bytes.
pub const DOCUMENT_LIMIT: usize = 64 * 1024 * 1024;
/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a body that is too large is still read, in bytes: many clients read no answer before they have sent all, and
/// a connection that is closed on them shows them none.
pub(super) const DRAINED: usize = 16 * 1024 * 1024;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// From this size on, in bytes, a body is parsed on the blocking pool, off the request threads.
const LARGE: usize = 64 * 1024;
/// From this size on, in bytes, a body counts as a document.
const DOCUMENT: usize = 256 * 1024;

/// The bytes of a JSON body of at most `LIMIT` bytes, not parsed yet, and the memory that is reserved for them.
#[derive(Debug)]
pub struct JsonBytes<const LIMIT: usize = BODY_LIMIT> {
    bytes: Vec<u8>,
    work: Work,
    limits: WorkLimits,
}

impl<S: Send + Sync, const LIMIT: usize> FromRequest<S> for JsonBytes<LIMIT>
where
    Services: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limits = Services::from_ref(state).work.clone();
        let (parts, body) = request.into_parts();
        let (bytes, reserved) = read(body, &parts.headers, LIMIT, &limits).await?;
        let content_type = parts.headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or("").to_owned());
        // An empty body needs no content type.
        if !bytes.is_empty() && !content_type.as_deref().is_some_and(is_json) {
            let got = content_type.unwrap_or_else(|| "none".to_owned());
            let detail = format!("the body must be JSON: send the header content-type: application/json (got {got})");
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
        }
        let work = Work::begin(bytes.len(), reserved);
        Ok(Self { bytes, work, limits })
    }
}

impl<const LIMIT: usize> JsonBytes<LIMIT> {
    /// Parses the body. The context that is returned holds its memory until the work is done.
    ///
    /// # Errors
    /// Errors of `parse`; too large if it has too many values; unavailable if there is no memory for it.
    pub async fn parse<T: Send + 'static>(
        self,
        ctx: OpContext,
        parse: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<(OpContext, T), Problem> {
        let is_document = LIMIT > BODY_LIMIT && self.bytes.len() >= DOCUMENT;
        self.parse_as(ctx, MAX_JSON_VALUES, is_document, parse).await
    }

    /// Parses the body of a call: [`Self::parse`] with the limit of params.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub async fn parse_call<T: Send + 'static>(
        self,
        ctx: OpContext,
        parse: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<(OpContext, T), Problem> {
        self.parse_as(ctx, MAX_PARAM_VALUES, false, parse).await
    }

    /// Parses the body when it is the turn of a document, which it keeps; its size says little about what it becomes.
    ///
    /// # Errors
    /// As [`Self::parse`]; unavailable if other documents take too long.
    pub async fn parse_document<T: Send + 'static>(
        self,
        ctx: OpContext,
        parse: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<(OpContext, T), Problem> {
        self.parse_as(ctx, MAX_JSON_VALUES, true, parse).await
    }

    async fn parse_as<T: Send + 'static>(
        self,
        ctx: OpContext,
        most: usize,
        is_document: bool,
        parse: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<(OpContext, T), Problem> {
        let Self { bytes, mut work, limits } = self;
        if is_document {
            work.hold_document(limits.document().await?);
        }
        let large = bytes.len() >= LARGE;
        let run = move || {
            work.hold(limits.memory.tree(&bytes, most)?);
            let parsed = parse(&bytes)?;
            Ok((ctx.with_work(work), parsed))
        };
        Ok(if large { blocking::run(run).await? } else { run()? })
    }
}

/// The bytes of a body of another kind, and the memory that is reserved for them.
#[derive(Debug)]
pub struct RawBody {
    bytes: Vec<u8>,
    work: Work,
}

impl RawBody {
    /// Reads the body of a request of at most `limit` bytes.
    ///
    /// # Errors
    /// If it is too large, too slow or cut off, and if there is no memory for it.
    pub async fn read(request: Request, limit: usize, limits: &WorkLimits) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let (bytes, reserved) = read(body, &parts.headers, limit, limits).await?;
        let work = Work::begin(bytes.len(), reserved);
        Ok(Self { bytes, work })
    }

    /// Returns the bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the bytes, and what the request holds until its work is done.
    pub fn into_parts(self) -> (Vec<u8>, Work) {
        (self.bytes, self.work)
    }

    /// Returns what the request holds until its work is done.
    pub fn into_work(self) -> Work {
        self.work
    }
}

/// Reads a body; its bytes are counted as they come, because a body that is only announced takes nothing.
async fn read(
    body: Body,
    headers: &HeaderMap,
    limit: usize,
    limits: &WorkLimits,
) -> Result<(Vec<u8>, Reserved), Problem> {
    let too_large = || {
        let detail = format!("the body is larger than {} MiB", limit / 1024 / 1024);
        closing(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail))
    };
    let length = headers.get(header::CONTENT_LENGTH);
    let announced = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if let Some(announced) = announced.filter(|announced| *announced > limit) {
        // Who asks first is told before anything is sent.
        if !headers.contains_key(header::EXPECT) && announced <= limit + DRAINED {
            drain(body.into_data_stream(), announced).await;
        }
        return Err(too_large());
    }
    let reading = async {
        // Memory that is not written to is not taken, and a list that grows is in memory twice.
        let mut bytes = Vec::with_capacity(announced.unwrap_or_default());
        let mut reserved = Reserved::nothing();
        let mut parts = body.into_data_stream();
        while let Some(data) = parts.next().await {
            let data = data.map_err(|_| {
                let detail = "the body ended before its announced length";
                Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", detail)
            })?;
            if bytes.len() + data.len() > limit {
                drop((bytes, reserved));
                drain(parts, DRAINED).await;
                return Err(too_large());
            }
            let grown = limits.memory.grow(&mut reserved, bytes.len() + data.len());
            grown.map_err(|out| closing(Error::from(out).into()))?;
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, reserved))
    };
    tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or_else(|_| {
        let detail = "the body took longer than 60 seconds to arrive";
        Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", detail))
    })
}

/// Reads at most so many bytes of a body and drops them.
async fn drain(mut parts: BodyDataStream, mut most: usize) {
    let reading = async {
        while let Some(Ok(data)) = parts.next().await {
            let Some(rest) = most.checked_sub(data.len()) else { return };
            most = rest;
        }
    };
    // Nothing else can be done for a client that is too slow.
    drop(tokio::time::timeout(DRAIN_TIMEOUT, reading).await);
}

/// Closes the connection with the answer, because the rest of the body is not read.
fn closing(problem: Problem) -> Problem {
    problem.with_header(header::CONNECTION, header::HeaderValue::from_static("close"))
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
}
