//! `/api/connector-types`: changing types, and what they were.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::connectors::{if_match, run_to_completion};
use super::page::{PageView, Query};
use super::path::{PathKey, PathKeys};
use super::{Caller, DOCUMENT_LIMIT, Form, JsonBytes, Problem, aside, json};
use crate::app::App;
use crate::auth::Scope;
use crate::catalog::{self, ChangedType, TypeBody, TypeDiff, TypeRequest, VersionDetail, VersionView};
use crate::store::ExecutionModel;

const TAG: &str = "connector types";

/// Change a connector type; what is absent stays.
#[utoipa::path(put, path = "/api/connector-types/{id}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("If-Match" = Option<String>, Header)),
    request_body = inline(TypeBody),
    responses((status = 200, body = ChangedType), (status = 404, body = Problem), (status = 412, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn update(
    State(app): State<App>,
    PathKey(key): PathKey,
    caller: Caller,
    headers: HeaderMap,
    JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let expected = if_match(&headers)?;
    let request = aside(move || read(&caller, &body)).await?;
    let worker = app.clone();
    let work = async move { catalog::update_type(&worker, &key, request, expected).await };
    let changed = run_to_completion(&app, work).await?;
    Ok(([(header::ETAG, changed.view.etag())], json(changed).await?).into_response())
}

/// Tell what a change of a connector type would do, without making it.
#[utoipa::path(post, path = "/api/connector-types/{id}/diff", tag = TAG,
    params(("id" = String, Path, description = "Id or name")), request_body = inline(TypeBody),
    responses((status = 200, body = TypeDiff), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn diff(
    State(app): State<App>,
    PathKey(key): PathKey,
    caller: Caller,
    JsonBytes(body): JsonBytes<DOCUMENT_LIMIT>,
) -> Result<Response, Problem> {
    let request = aside(move || read(&caller, &body)).await?;
    json(catalog::diff_type(&app, &key, request).await?).await
}

/// Fetch the schema of an external type's service again, and take it over by the rules of a change. The body may name
/// the version, or autoBump, where the service names none.
#[utoipa::path(post, path = "/api/connector-types/{id}/refresh", tag = TAG,
    params(("id" = String, Path, description = "Id or name")), request_body = Object,
    responses((status = 200, body = ChangedType), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn refresh(
    State(app): State<App>,
    PathKey(key): PathKey,
    caller: Caller,
    JsonBytes(body): JsonBytes,
) -> Result<Response, Problem> {
    let external = catalog::get_type(&app, &key).await?.execution_model == ExecutionModel::External;
    if external && !caller.0.allows(Scope::ConnectorsWrite) {
        let scope = Scope::ConnectorsWrite;
        let detail =
            format!("a service's schema decides what is secret of connectors, so this needs the scope {scope} too");
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let form = Form::parse(&body)?;
    let worker = app.clone();
    let work = async move { catalog::refresh_type(&worker, &key, form).await };
    let changed = run_to_completion(&app, work).await?;
    Ok(([(header::ETAG, changed.view.etag())], axum::Json(changed)).into_response())
}

/// Reads the body. What decides where connectors send their secrets needs the right to write connectors too.
fn read(caller: &Caller, body: &[u8]) -> Result<TypeRequest, Problem> {
    let form = Form::parse_with_schema(body)?;
    for key in ["scriptSource", "endpointUrl", "spec"] {
        if form.has(key) && !caller.0.allows(Scope::ConnectorsWrite) {
            let scope = Scope::ConnectorsWrite;
            let detail =
                format!("{key} decides what becomes of the secrets of connectors, so it needs the scope {scope} too");
            return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).at(format!("/{key}"), "not allowed"));
        }
    }
    TypeRequest::read(form)
}

/// List the versions that a connector type had, newest first.
#[utoipa::path(get, path = "/api/connector-types/{id}/versions", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query)),
    responses((status = 200, body = PageView<VersionView>), (status = 404, body = Problem)))]
pub(super) async fn versions(
    State(app): State<App>,
    PathKey(key): PathKey,
    mut query: Query,
) -> Result<axum::Json<PageView<VersionView>>, Problem> {
    let page = query.page();
    query.finish()?;
    Ok(axum::Json(catalog::versions(&app, &key, &page).await?.into()))
}

/// Read a version that a connector type had; where it had it twice, the newer one.
#[utoipa::path(get, path = "/api/connector-types/{id}/versions/{version}", tag = TAG,
    params(("id" = String, Path, description = "Id or name"), ("version" = String, Path)),
    responses((status = 200, body = VersionDetail), (status = 404, body = Problem)))]
pub(super) async fn version(
    State(app): State<App>,
    PathKeys(key, version): PathKeys,
) -> Result<axum::Json<VersionDetail>, Problem> {
    Ok(axum::Json(catalog::version(&app, &key, &version).await?))
}
