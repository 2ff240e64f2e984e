//! Routes about the server itself: liveness, readiness, metrics, its own OpenAPI document.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use floh_client::answers::{Liveness, Readiness};
use metrics_exporter_prometheus::PrometheusHandle;

use super::Problem;
use crate::app::{App, Unready};
use crate::auth::OpContext;
use crate::error::Error;
use crate::telemetry;

const TAG: &str = "server";

/// The paths whose handlers take the metrics or the [`Document`] from the extensions.
pub(super) const TOLD: [&str; 2] = ["/metrics", "/api/openapi.json"];

/// Check that the process runs.
#[utoipa::path(get, path = "/healthz", tag = TAG, responses((status = 200, body = Liveness)))]
pub(super) async fn healthz() -> axum::Json<Liveness> {
    axum::Json(Liveness { status: "ok".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() })
}

/// Check readiness: the database takes writes and the server is not stopping. The answer has every part, also when it is 503.
#[utoipa::path(get, path = "/readyz", tag = TAG, responses((status = 200, body = Readiness), (status = 503)))]
pub(super) async fn readyz(State(app): State<App>) -> Result<axum::Json<Readiness>, Problem> {
    match app.readiness().await {
        Ok(parts) => Ok(axum::Json(Readiness { status: "ready".to_owned(), parts })),
        Err(Unready { why, parts }) => Err(Problem::from(Error::unavailable(why)).with_parts(parts)),
    }
}

/// Read the metrics, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = TAG, responses((status = 200, body = String, content_type = "text/plain"),
    (status = 204, description = "No metrics are kept.")))]
pub(super) async fn metrics(
    ctx: OpContext,
    State(app): State<App>,
    axum::Extension(handle): axum::Extension<Option<PrometheusHandle>>,
) -> Result<Response, Problem> {
    ctx.authorize_unbounded("the metrics name connectors, so reading them")?;
    telemetry::observe(&app);
    Ok(match handle {
        Some(handle) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], handle.render()).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// Read this API as an OpenAPI 3.1 document.
#[utoipa::path(get, path = "/api/openapi.json", tag = TAG, responses((status = 200, body = Object)))]
pub(super) async fn openapi(axum::Extension(document): axum::Extension<Document>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], document.0.as_ref().to_owned()).into_response()
}

/// The OpenAPI document, serialized once.
#[derive(Debug, Clone)]
pub(super) struct Document(pub(super) std::sync::Arc<str>);
