//! The web pages: a door like REST. It calls the same use cases with the same rights, and shows what the views of REST
//! show. Every page works without scripts.

mod assets;
mod body;
mod config_schema;
mod door;
mod draft;
mod form;
mod held;
mod multipart;
mod page;
mod parsed;
mod part;
#[cfg(test)]
mod tests;

use axum::extract::{Request, State};
use axum::http::{Method, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Extension, Router};
use metrics_exporter_prometheus::PrometheusHandle;

use self::page::types::{self, details, schema, script, used_by, versions};
use self::page::{
    about, agents, change, command, connection, connector, connectors, definition, definition_edit, definitions,
    execution, executions, import, live, login, mock, new, reimport, run, run_start, runs, search, settings, status,
    tokens,
};
use self::parsed::Parsed;
use crate::api::{self, Access, EXECUTIONS, RouteRow};
use crate::app::App;
use crate::auth::Scope;

/// A page or a form: its method, its path, what it requires, and its handler.
type Page = (&'static str, &'static str, Access, MethodRouter<App>);

fn pages() -> Vec<Page> {
    use Access::{Authenticated, Needs, NeedsInOutage, Public};
    let (read, write) = (Needs(Scope::ConnectorsRead), Needs(Scope::ConnectorsWrite));
    let execute = Needs(Scope::ConnectorsExecuteRead);
    vec![
        ("GET", "/", Authenticated, get(login::home)),
        ("GET", "/login", Public, get(login::form)),
        ("POST", "/login", Public, post(login::sign_in)),
        ("GET", "/login/{code}", Public, get(login::code_form)),
        ("POST", "/login/{code}", Public, post(login::redeem)),
        ("POST", "/logout", Public, post(login::sign_out)),
        ("POST", "/theme", Public, post(login::theme)),
        ("GET", "/connectors", read, get(connectors::list)),
        ("GET", "/new", write, get(new::model)),
        ("POST", "/new", write, post(new::begin)),
        ("GET", "/new/name", write, get(new::ask_name)),
        ("GET", "/new/{id}", write, get(new::resume)),
        ("POST", "/new/{id}/drop", write, post(new::drop_draft)),
        ("GET", "/new/{id}/{step}", write, get(new::step)),
        ("POST", "/new/{id}/{step}", write, post(new::take)),
        ("GET", "/connectors/{id}", read, get(connector::overview)),
        ("POST", "/connectors/{id}/test", execute, post(connector::test)),
        ("GET", "/connectors/{id}/commands", read, get(command::list)),
        ("GET", "/connectors/{id}/commands/{command}", read, get(command::form)),
        ("POST", "/connectors/{id}/commands/{command}", execute, post(command::run)),
        ("GET", "/connectors/{id}/connection", write, get(connection::form)),
        ("POST", "/connectors/{id}/connection", write, post(connection::save)),
        ("GET", "/connectors/{id}/mock", write, get(mock::form)),
        ("POST", "/connectors/{id}/mock", write, post(mock::save)),
        ("GET", "/connectors/{id}/executions", EXECUTIONS, get(executions::of_connector)),
        ("GET", "/connectors/{id}/settings", write, get(settings::form)),
        ("POST", "/connectors/{id}/settings", write, post(settings::save)),
        ("POST", "/connectors/{id}/delete", write, post(settings::delete)),
        ("GET", "/import", write, get(import::start)),
        ("POST", "/import", write, post(import::begin)),
        ("GET", "/import/{id}", write, get(import::resume)),
        ("POST", "/import/{id}/drop", write, post(import::drop_draft)),
        ("GET", "/import/{id}/document", write, get(import::document)),
        ("POST", "/import/{id}/document", write, post(import::replace)),
        ("GET", "/import/{id}/script", write, get(import::script)),
        ("GET", "/import/{id}/{step}", write, get(import::step)),
        ("POST", "/import/{id}/{step}", write, post(import::take_step)),
        ("GET", "/executions", EXECUTIONS, get(executions::list)),
        ("GET", "/executions/live", EXECUTIONS, get(live::stream)),
        ("GET", "/executions/{id}", EXECUTIONS, get(execution::show)),
        ("GET", "/executions/{id}/value", EXECUTIONS, get(execution::value)),
        ("GET", "/runs", Needs(Scope::RunsRead), get(runs::list)),
        ("GET", "/runs/new", Needs(Scope::RunsWrite), get(run_start::form)),
        ("POST", "/runs/new", Needs(Scope::RunsWrite), post(run_start::take)),
        ("GET", "/runs/definitions", Needs(Scope::RunsRead), get(definitions::list)),
        ("GET", "/runs/new-definition", Needs(Scope::RunsWrite), get(definition_edit::new)),
        ("POST", "/runs/new-definition", Needs(Scope::RunsWrite), post(definition_edit::create)),
        ("GET", "/runs/definitions/{id}", Needs(Scope::RunsRead), get(definition::show)),
        ("GET", "/runs/definitions/{id}/edit", Needs(Scope::RunsWrite), get(definition_edit::edit)),
        ("POST", "/runs/definitions/{id}/edit", Needs(Scope::RunsWrite), post(definition_edit::save)),
        ("POST", "/runs/definitions/{id}/start", Needs(Scope::RunsWrite), post(definition::start)),
        ("POST", "/runs/definitions/{id}/delete", Needs(Scope::RunsWrite), post(definition::delete)),
        ("GET", "/runs/{id}", Needs(Scope::RunsRead), get(run::show)),
        ("GET", "/runs/{id}/live", Needs(Scope::RunsRead), get(run::live::stream)),
        ("POST", "/runs/{id}/cancel", Needs(Scope::RunsWrite), post(run::cancel)),
        ("POST", "/runs/{id}/resume", Needs(Scope::RunsWrite), post(run::resume)),
        ("GET", "/types/{id}/script", Needs(Scope::TypesRead), get(script::show)),
        ("POST", "/types/{id}/script", Needs(Scope::TypesWrite), post(script::take)),
        ("GET", "/types/{id}/script/file", Needs(Scope::TypesRead), get(script::file)),
        ("GET", "/search", Authenticated, get(search::show)),
        ("GET", "/types", Needs(Scope::TypesRead), get(types::list::list)),
        ("GET", "/types/{id}", Needs(Scope::TypesRead), get(types::overview::show)),
        ("POST", "/types/{id}/delete", Needs(Scope::TypesWrite), post(types::overview::delete)),
        ("GET", "/types/{id}/commands/{command}", Needs(Scope::TypesRead), get(types::command::show)),
        ("GET", "/types/{id}/details", Needs(Scope::TypesWrite), get(details::show)),
        ("POST", "/types/{id}/details", Needs(Scope::TypesWrite), post(details::take)),
        ("GET", "/types/{id}/versions", Needs(Scope::TypesRead), get(versions::list)),
        ("GET", "/types/{id}/versions/{version}", Needs(Scope::TypesRead), get(versions::show)),
        ("GET", "/types/{id}/compare", Needs(Scope::TypesRead), get(versions::compare)),
        ("GET", "/types/{id}/used-by", Needs(Scope::TypesRead), get(used_by::show)),
        ("GET", "/types/{id}/schema", Needs(Scope::TypesRead), get(schema::show)),
        ("GET", "/types/{id}/schema/edit", Needs(Scope::TypesWrite), get(schema::edit)),
        ("POST", "/types/{id}/schema/edit", Needs(Scope::TypesWrite), post(schema::take)),
        ("POST", "/types/{id}/refresh", Needs(Scope::TypesWrite), post(schema::refresh)),
        ("GET", "/types/{id}/import", Needs(Scope::TypesWrite), get(reimport::start)),
        ("POST", "/types/{id}/import", Needs(Scope::TypesWrite), post(reimport::begin)),
        ("GET", "/types/{id}/import/{draft}/commands", Needs(Scope::TypesWrite), get(reimport::commands)),
        ("POST", "/types/{id}/import/{draft}/commands", Needs(Scope::TypesWrite), post(reimport::take)),
        ("GET", "/types/{id}/change/{draft}", Needs(Scope::TypesWrite), get(change::show)),
        ("POST", "/types/{id}/change/{draft}", Needs(Scope::TypesWrite), post(change::save)),
        ("POST", "/types/{id}/change/{draft}/drop", Needs(Scope::TypesWrite), post(change::drop_change)),
        ("GET", "/agents", read, get(agents::list)),
        ("GET", "/settings/tokens", Needs(Scope::TokensRead), get(tokens::list)),
        ("POST", "/settings/tokens", Needs(Scope::TokensWrite), post(tokens::create)),
        ("GET", "/settings/tokens/new", Needs(Scope::TokensWrite), get(tokens::new)),
        ("POST", "/settings/tokens/{id}/revoke", Needs(Scope::TokensWrite), post(tokens::revoke_one)),
        ("GET", "/settings/status", NeedsInOutage(Scope::MetricsRead), get(status::show)),
        ("GET", "/settings/about", Authenticated, get(about::show)),
    ]
}

/// Returns the table of pages, each with what it requires of its caller.
pub fn table() -> Vec<RouteRow> {
    let rows = pages().into_iter();
    rows.map(|(method, path, access, _)| RouteRow { method: method.to_owned(), path: path.to_owned(), access })
        .collect()
}

/// Builds the router of the whole server: the pages, REST, another door, and what answers where none is.
pub fn router(app: &App, metrics: Option<PrometheusHandle>, other: Router<App>) -> Router {
    let mut routes = Router::new();
    for (_, path, access, handler) in pages() {
        routes = routes.route(path, handler.layer(from_fn_with_state((app.clone(), access), door::enter)));
    }
    let routes = routes.layer(Extension(Parsed::default())).route("/assets/{hash}/{file}", get(assets::serve));
    api::router_with(app, metrics, routes.merge(other), nothing)
}

/// Answers where there is nothing: with a page to a person, with a problem to a program.
async fn nothing(State(app): State<App>, request: Request) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_person = request.method() == Method::GET && accepts.contains("text/html");
    let is_page = !request.uri().path().starts_with("/api/");
    if is_person && is_page {
        door::nothing(app, request).await
    } else {
        api::nothing(&app, request).await.into_response()
    }
}
