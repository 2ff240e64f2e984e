//! What every request passes through: it gets its id and its span, and its answer the headers that all have. A handler that panics is
//! answered for. The answer is counted.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tower::{Layer, Service};
use tracing::Instrument as _;

use super::http_metrics::{self, HttpMetrics};
use super::{Problem, request_id};
use crate::error::Error;

/// Adds [`Finish`] to a router. One layer does it all, and as a service: each layer of a router boxes its routes again, and
/// every request copies all boxes.
#[derive(Debug, Clone, Default)]
pub(super) struct FinishLayer {
    metrics: Arc<HttpMetrics>,
}

impl<S> Layer<S> for FinishLayer {
    type Service = Finish<S>;

    fn layer(&self, inner: S) -> Finish<S> {
        Finish { inner, metrics: Arc::clone(&self.metrics) }
    }
}

/// Assigns the request id, adds the headers that every answer has, and counts the answer.
#[derive(Debug, Clone)]
pub(super) struct Finish<S> {
    inner: S,
    metrics: Arc<HttpMetrics>,
}

impl<S> Service<Request> for Finish<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let began = Instant::now();
        let id = request_id::take(&mut request);
        let span = request_id::span(&id);
        let method = http_metrics::label(request.method());
        let path = request.extensions().get::<MatchedPath>().cloned();
        let answer = span.in_scope(|| catch_unwind(AssertUnwindSafe(|| self.inner.call(request))));
        let metrics = Arc::clone(&self.metrics);
        Box::pin(async move {
            let answer = async {
                match answer {
                    Ok(answer) => answered(AssertUnwindSafe(answer).catch_unwind().await),
                    Err(_) => panicked(),
                }
            };
            let mut response = answer.instrument(span.clone()).await;
            request_id::tell(&id, &mut response);
            let headers = response.headers_mut();
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            // Pages have another one: with `no-referrer`, browsers send `Origin: null` with their forms.
            headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
            let took = began.elapsed().as_secs_f64();
            let path = path.as_ref().map_or("none", MatchedPath::as_str);
            let (status, took_ms) = (response.status(), took * 1000.0);
            tracing::debug!(parent: &span, method, path, status = status.as_u16(), took_ms, "answered");
            metrics.count(path, method, status, took);
            Ok(response)
        })
    }
}

fn answered(answer: Result<Result<Response, Infallible>, Box<dyn Any + Send>>) -> Response {
    match answer {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => panicked(),
    }
}

fn panicked() -> Response {
    Problem::from(Error::internal("a handler panicked")).into_response()
}
