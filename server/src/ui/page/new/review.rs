//! The last step: everything once more, then the connector is made.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::bodies::NewConnector;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::connection::{schema, type_name};
use super::endpoint::{SCHEMA, SERVED_BY, SIGNING};
use super::type_choice::describing;
use super::{Step, Wizard, code, endpoint};
use crate::api::Problem;
use crate::error::Error;
use crate::ui::config_schema;
use crate::ui::draft;
use crate::ui::form::{self, Line, Mistakes, Spec, summary};
use crate::ui::page::connection::CONFIG;
use crate::ui::part::badge;
use crate::ui::part::code::Code;
use crate::ui::part::editor::Lang;
use crate::ui::part::icon::icon;

/// The connector that the draft describes, as the body of REST.
struct Planned {
    body: Map<String, Value>,
    specs: Vec<Spec>,
    config: Map<String, Value>,
}

async fn planned(wizard: &Wizard<'_>) -> Result<Planned, Error> {
    let schema = schema(wizard).await?;
    let specs = form::fields(&schema.connection);
    let typed = wizard.typed();
    let config = form::read(CONFIG, &specs, typed).values;
    let mut body = form::read("", &describing(), typed).values;
    body.insert("name".to_owned(), json!(typed.text("/name").trim()));
    body.insert("type".to_owned(), json!(type_name(wizard)));
    body.insert("executionModel".to_owned(), json!(wizard.model()));
    if wizard.is_script() {
        body.insert("version".to_owned(), json!(typed.text("/version").trim()));
        body.insert("scriptSource".to_owned(), json!(typed.text(code::SOURCE)));
        // What cannot be read is told at its step, which the refusal leads to.
        if let Ok(written) = config_schema::read(typed) {
            body.insert("configSchema".to_owned(), written.value);
        }
    }
    if (wizard.is_external() || wizard.may_sign()) && typed.has_value(SIGNING) {
        body.insert("signingSecret".to_owned(), json!(typed.text(SIGNING).trim_end_matches('\n')));
    }
    if wizard.is_external() {
        if typed.text(SERVED_BY) != "\"agent\"" {
            body.insert("endpointUrl".to_owned(), json!(typed.text("/endpointUrl").trim()));
        }
        if !typed.text("/version").trim().is_empty() {
            body.insert("version".to_owned(), json!(typed.text("/version").trim()));
        }
        if let Some(text) = typed.get(SCHEMA) {
            body.insert("configSchema".to_owned(), serde_json::from_str(text).map_err(Error::internal)?);
        }
    }
    Ok(Planned { body, specs, config })
}

pub(super) async fn show(wizard: &Wizard<'_>) -> Result<Response, Problem> {
    let planned = planned(wizard).await?;
    Ok(page(wizard, &planned, StatusCode::OK, &[]))
}

fn page(wizard: &Wizard<'_>, planned: &Planned, status: StatusCode, lines: &[Line]) -> Response {
    let content = html! {
        form.stack.narrow method="post" action=(wizard.address(Step::Review)) {
            (summary(lines))
            section.card aria-labelledby="review-title" {
                header { h2 #review-title { "Review" } }
                div.body.stack {
                    dl.facts {
                        dt { "Name" } dd { b { (text(&planned.body, "name")) } }
                        dt { "Type" } dd { (text(&planned.body, "type")) }
                        dt { "Model" } dd { (badge::model(wizard.model())) }
                        @for (key, label) in [("endpointUrl", "Endpoint"), ("version", "Version"), ("description", "Description"), ("category", "Category")] {
                            @if planned.body.contains_key(key) { dt { (label) } dd { (text(&planned.body, key)) } }
                        }
                        @if planned.body.contains_key("signingSecret") { dt { "Signing secret" } dd { span.muted { "will be set" } } }
                        @for spec in &planned.specs { dt { (spec.label) } dd { (value(spec, planned.config.get(&spec.name))) } }
                    }
                    @if wizard.is_script() { (script(wizard, planned)) }
                    details.more {
                        summary { "As a request" }
                        div.in.stack {
                            div.row { button.btn.small type="button" data-copy-from="as-request" { (icon("copy")) "Copy" } }
                            pre.code #as-request tabindex="0" role="region" aria-label="As a request" { (request(planned)) }
                        }
                    }
                }
                footer {
                    button.btn.main { "Create Connector" }
                    a.btn.bare href=(wizard.address(Step::Connection)) { "Back" }
                }
            }
        }
    };
    wizard.page(Step::Review, status, &content)
}

fn text(body: &Map<String, Value>, key: &str) -> String {
    match body.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// What a field will be, as a fact.
pub(in crate::ui::page) fn value(spec: &Spec, value: Option<&Value>) -> Markup {
    match value {
        None if spec.required => html! { span.badge.warn { (icon("alert")) "missing" } },
        None => html! { span.muted { "not set" } },
        Some(_) if spec.secret => html! { span.muted { "will be set" } },
        Some(Value::String(text)) => html! { code { (text) } },
        Some(other) => html! { code { (other) } },
    }
}

/// The commands and the script.
fn script(wizard: &Wizard<'_>, planned: &Planned) -> Markup {
    let commands =
        planned.body.get("configSchema").and_then(|schema| schema.get("commands")).and_then(Value::as_object);
    let names: Vec<&str> = commands.into_iter().flat_map(Map::keys).map(String::as_str).collect();
    let all = format!("{}?lines=all", wizard.address(Step::Review));
    let is_whole = wizard.frame.query == "lines=all";
    let text = wizard.typed().text(code::SOURCE);
    let listing = Code {
        id: "script",
        title: "Script",
        lang: Lang::Js,
        text,
        all: Some(&*all).filter(|_| !is_whole),
        download: None,
    };
    html! {
        div { h3 { "Commands" } p { (names.join(", ")) } }
        div { h3 { "Script" } (listing.show()) }
    }
}

/// The same as a request to REST. Secrets are names of variables, never values.
fn request(planned: &Planned) -> String {
    let mut body = planned.body.clone();
    let mut config = planned.config.clone();
    for spec in planned.specs.iter().filter(|spec| spec.secret && planned.config.contains_key(&spec.name)) {
        config.insert(spec.name.clone(), json!(format!("$CONNECTION_{}", spec.name.to_uppercase())));
    }
    body.insert("config".to_owned(), Value::Object(config));
    if body.contains_key("signingSecret") {
        body.insert("signingSecret".to_owned(), json!("$SIGNING_SECRET"));
    }
    body.remove("configSchema");
    if body.contains_key("scriptSource") {
        body.insert("configSchema".to_owned(), json!("…"));
        body.insert("scriptSource".to_owned(), json!("…"));
    }
    let text = serde_json::to_string_pretty(&body).unwrap_or_default();
    format!("POST /api/connectors\nAuthorization: Bearer $FLOH_TOKEN\nContent-Type: application/json\n\n{text}")
}

/// Makes the connector, once: the draft is used up by it.
pub(super) async fn create(wizard: Wizard<'_>) -> Result<Response, Problem> {
    let planned = planned(&wizard).await?;
    let mut body = planned.body.clone();
    body.insert("config".to_owned(), Value::Object(planned.config.clone()));
    let text = serde_json::to_vec(&Value::Object(body)).map_err(Error::internal)?;
    let new: NewConnector = match crate::input::new_connector(&text) {
        Ok(new) => new,
        Err(error) => return Ok(refused(&wizard, &planned, &error)),
    };
    match draft::create_connector(&wizard.ctx, wizard.services, &wizard.draft, new).await {
        Ok(name) => Ok(Redirect::to(&format!("/connectors/{name}?made=1")).into_response()),
        Err(error) if error.code() == "name_taken" => {
            let named = Error::invalid_at("/name", error.detail());
            Ok(refused(&wizard, &planned, &named))
        }
        Err(error) if !error.mistakes().is_empty() => Ok(refused(&wizard, &planned, &error)),
        Err(error) => Err(error.into()),
    }
}

/// Shows what was refused, each with a link to the step and the field that has it.
fn refused(wizard: &Wizard<'_>, planned: &Planned, error: &Error) -> Response {
    let mistakes = Mistakes::of(error);
    let own = match wizard.first() {
        Step::Endpoint => endpoint::fields(),
        Step::Code => code::all_fields(),
        _ => describing(),
    };
    let typed = wizard.typed();
    let link = |step: Step, line: Line| Line {
        target: line.target.map(|target| format!("{}#{target}", wizard.address(step))),
        ..line
    };
    let mut lines = Vec::new();
    for line in mistakes.lines(&[("", &own), (CONFIG, &planned.specs)], typed) {
        let is_config = line.target.as_deref().is_some_and(|target| target.starts_with("f-config-"));
        lines.push(link(if is_config { Step::Connection } else { wizard.first() }, line));
    }
    page(wizard, planned, StatusCode::UNPROCESSABLE_ENTITY, &lines)
}
