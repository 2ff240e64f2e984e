//! The table of routes, each with what it requires of its caller. The router, the OpenAPI document and the test that
//! tries all routes with all identities are built from it.

use std::sync::Arc;

use axum::extract::{FromRef, MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use tower::ServiceExt as _;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use super::document::document;
use super::finish::FinishLayer;
use super::guard::{Access, EXECUTIONS, GuardLayer};
use super::server_info::Document;
use super::{
    Problem, agents, audit, connectors, executions, imports, run_definitions, runs, server_info, status, tokens,
    type_changes, types,
};
use crate::app::App;
use crate::auth::Scope;
use crate::error::Error;
use crate::services::Services;

/// One declared route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRow {
    /// HTTP method.
    pub method: String,
    /// Path with its parameters in braces.
    pub path: String,
    /// What it requires of its caller.
    pub access: Access,
}

pub(super) type Handlers = UtoipaMethodRouter<App>;

impl FromRef<App> for Services {
    fn from_ref(app: &App) -> Self {
        app.services().clone()
    }
}

/// Returns every route with what it requires.
pub(super) fn declared() -> Vec<(Access, Handlers)> {
    use Access::{Authenticated, Needs, NeedsInBand, NeedsInOutage, Public};
    vec![
        (Needs(Scope::ConnectorsWrite), routes!(connectors::create)),
        (Needs(Scope::ConnectorsRead), routes!(connectors::list)),
        (Needs(Scope::ConnectorsWrite), routes!(imports::parse_oas)),
        (Needs(Scope::ConnectorsRead), routes!(agents::list)),
        (NeedsInBand(Scope::AgentsConnect), routes!(agents::connect)),
        (Needs(Scope::ConnectorsRead), routes!(connectors::read)),
        (Needs(Scope::ConnectorsWrite), routes!(connectors::update)),
        (Needs(Scope::ConnectorsWrite), routes!(connectors::delete)),
        (Needs(Scope::ConnectorsExecuteRead), routes!(connectors::execute)),
        (Needs(Scope::ConnectorsExecuteRead), routes!(connectors::test)),
        (Needs(Scope::TypesRead), routes!(types::list)),
        (Needs(Scope::TypesRead), routes!(types::read)),
        (Needs(Scope::TypesWrite), routes!(type_changes::update)),
        (Needs(Scope::TypesWrite), routes!(types::delete)),
        (Needs(Scope::TypesWrite), routes!(type_changes::diff)),
        (Needs(Scope::TypesWrite), routes!(type_changes::refresh)),
        (Needs(Scope::TypesRead), routes!(type_changes::versions)),
        (Needs(Scope::TypesRead), routes!(type_changes::version)),
        (Needs(Scope::TypesRead), routes!(types::capabilities)),
        (Needs(Scope::TypesRead), routes!(types::json_schema)),
        (Needs(Scope::TypesRead), routes!(types::declarations)),
        (EXECUTIONS, routes!(executions::list)),
        (EXECUTIONS, routes!(executions::read)),
        (Needs(Scope::Admin), routes!(executions::delete)),
        (Needs(Scope::RunsWrite), routes!(runs::start)),
        (Needs(Scope::RunsRead), routes!(runs::list)),
        (Needs(Scope::RunsRead), routes!(runs::check)),
        (Needs(Scope::RunsRead), routes!(runs::read)),
        (Needs(Scope::RunsWrite), routes!(runs::cancel)),
        (Needs(Scope::RunsWrite), routes!(runs::resume)),
        (Needs(Scope::RunsWrite), routes!(run_definitions::create)),
        (Needs(Scope::RunsRead), routes!(run_definitions::list)),
        (Needs(Scope::RunsRead), routes!(run_definitions::read)),
        (Needs(Scope::RunsWrite), routes!(run_definitions::update)),
        (Needs(Scope::RunsWrite), routes!(run_definitions::delete)),
        (Needs(Scope::RunsRead), routes!(run_definitions::versions)),
        (Needs(Scope::RunsRead), routes!(run_definitions::version)),
        (Needs(Scope::AuditRead), routes!(audit::list)),
        (NeedsInOutage(Scope::MetricsRead), routes!(status::read)),
        (Needs(Scope::TokensWrite), routes!(tokens::create)),
        (Needs(Scope::TokensRead), routes!(tokens::list)),
        (Needs(Scope::TokensWrite), routes!(tokens::delete)),
        (Needs(Scope::MetricsRead), routes!(server_info::metrics)),
        (Authenticated, routes!(server_info::openapi)),
        (Public, routes!(server_info::healthz)),
        (Public, routes!(server_info::readyz)),
    ]
}

/// Returns the table of routes.
pub fn table() -> Vec<RouteRow> {
    declared().iter().flat_map(|(access, handlers)| rows(*access, handlers)).collect()
}

fn rows(access: Access, (_, paths, _): &Handlers) -> Vec<RouteRow> {
    let mut rows = Vec::new();
    for (path, item) in &paths.paths {
        let operations = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
        for (method, operation) in operations {
            if operation.is_some() {
                rows.push(RouteRow { method: method.to_owned(), path: path.clone(), access });
            }
        }
    }
    rows
}

/// Builds the router of REST alone. Every route, including the 404, is behind the authorization layer.
pub fn router(app: &App, metrics: Option<PrometheusHandle>) -> Router {
    router_with(app, metrics, Router::new(), async |State(app): State<App>, request: Request| {
        nothing(&app, request).await
    })
}

/// Builds the router of REST and of another door. `fallback` answers where neither has a route.
pub fn router_with<T: 'static>(
    app: &App,
    metrics: Option<PrometheusHandle>,
    other: Router<App>,
    fallback: impl Handler<T, App>,
) -> Router {
    let mut router = other;
    let told = (Extension(Document(Arc::from(document().to_json().unwrap_or_default()))), Extension(metrics));
    for (access, (_, paths, handlers)) in declared() {
        // A caller who may call a route may also learn which methods it has.
        let handlers = if access == Access::Public { handlers.fallback(no_method) } else { handlers };
        let handlers = handlers.layer(GuardLayer::new(app, access));
        for path in paths.paths.keys() {
            let handlers = handlers.clone();
            // Each layer costs all requests of a route.
            let is_told = server_info::TOLD.contains(&path.as_str());
            router = router.route(path, if is_told { handlers.layer(told.clone()) } else { handlers });
        }
    }
    router
        .method_not_allowed_fallback(no_method.layer(GuardLayer::new(app, Access::Authenticated)))
        .fallback(fallback)
        .layer(FinishLayer::default())
        .with_state(app.clone())
}

/// Answers a program where there is no route.
pub async fn nothing(app: &App, request: Request) -> Response {
    let route: MethodRouter<App> = axum::routing::any(no_route).layer(GuardLayer::new(app, Access::Authenticated));
    let Ok(response) = route.with_state(app.clone()).oneshot(request).await;
    response
}

async fn no_route(request: Request) -> Problem {
    Error::not_found(format!("there is nothing at {} {}", request.method(), request.uri().path())).into()
}

async fn no_method(method: Method, path: Option<MatchedPath>) -> Problem {
    let path = path.map(|path| path.as_str().to_owned()).unwrap_or_default();
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{path} does not take {method}"))
}
