//! The last step: what the import made of the document, then the connector is made.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::bodies::NewConnector;
use floh_client::words::ExecutionModel;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::connection::{fields, type_name};
use super::{Step, Wizard, named};
use crate::api::Problem;
use crate::catalog::{self, ReadDocument};
use crate::error::Error;
use crate::ui::draft;
use crate::ui::form::{self, Line, Mistakes, Spec, summary};
use crate::ui::page::connection::CONFIG;
use crate::ui::page::new::review::value;
use crate::ui::part::badge::{self, count};
use crate::ui::part::code::Code;
use crate::ui::part::editor::Lang;

/// The connector that the draft describes, as the body of REST without what the document brings.
struct Planned {
    body: Map<String, Value>,
    specs: Vec<Spec>,
    config: Map<String, Value>,
}

fn planned(wizard: &Wizard<'_>, read: &ReadDocument) -> Planned {
    let typed = wizard.typed();
    let specs = form::fields(&read.draft.config_schema.connection);
    let config = form::read(CONFIG, &specs, typed).values;
    let mut body = form::read("", &fields(), typed).values;
    body.insert("name".to_owned(), json!(typed.text("/name").trim()));
    body.insert("type".to_owned(), json!(type_name(typed)));
    body.insert("executionModel".to_owned(), json!(ExecutionModel::OasDerived));
    body.insert("version".to_owned(), json!(read.draft.version));
    Planned { body, specs, config }
}

pub(super) async fn show(wizard: &Wizard<'_>) -> Result<Response, Problem> {
    let read = wizard.chosen().await?;
    let planned = planned(wizard, &read);
    Ok(page(wizard, &read, &planned, StatusCode::OK, &[]))
}

fn page(wizard: &Wizard<'_>, read: &ReadDocument, planned: &Planned, status: StatusCode, lines: &[Line]) -> Response {
    let text = |key: &str| planned.body.get(key).and_then(Value::as_str).unwrap_or_default();
    let schemes = catalog::mapped_schemes(&read.draft);
    let content = html! {
        form.stack method="post" action=(wizard.address(Step::Review)) {
            (summary(lines))
            section.card aria-labelledby="review-title" {
                header { h2 #review-title { "Review" } }
                div.body {
                    dl.facts {
                        dt { "Name" } dd { b { (text("name")) } }
                        dt { "Type" } dd { (text("type")) }
                        dt { "Model" } dd { (badge::model(ExecutionModel::OasDerived)) }
                        dt { "Version" } dd { (read.draft.version) }
                        dt { "Document" } dd { (named(read)) }
                        dt { "Commands" } dd { (count(read.draft.operations.len(), "command", "commands")) }
                        @for (key, label) in [("description", "Description"), ("category", "Category")] {
                            @if planned.body.contains_key(key) { dt { (label) } dd { (text(key)) } }
                        }
                    }
                }
            }
            section.card aria-labelledby="facts-title" {
                header { h2 #facts-title { "Connection" } }
                div.body {
                    dl.facts { @for spec in &planned.specs { dt { (spec.label) } dd { (value(spec, planned.config.get(&spec.name))) } } }
                }
            }
            section.card aria-labelledby="security-title" {
                header { h2 #security-title { "Security" } }
                @if schemes.is_empty() { div.body { p.muted { "The document names no security." } } }
                @else { (security(&schemes)) }
            }
            (script(wizard, read))
            div.row {
                button.btn.main { "Create Connector" }
                a.btn.bare href=(wizard.address(Step::Connection)) { "Back" }
            }
        }
    };
    wizard.page(Step::Review, status, read, &content)
}

fn security(schemes: &[catalog::MappedScheme]) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Security as it was mapped" }
                thead { tr { th scope="col" { "Scheme" } th scope="col" { "What it is" } th scope="col" { "Connection fields" } } }
                tbody {
                    @for scheme in schemes {
                        tr {
                            th scope="row" { (scheme.name) }
                            td { (scheme.what) }
                            td { @for (number, field) in scheme.fields.iter().enumerate() { @if number > 0 { ", " } code { (field) } } }
                        }
                    }
                }
            }
        }
    }
}

/// What each command sends: the script that the import wrote.
fn script(wizard: &Wizard<'_>, read: &ReadDocument) -> Markup {
    let is_whole = wizard.frame.query.split('&').any(|part| part == "lines=all");
    let all = format!("{}?lines=all", wizard.address(Step::Review));
    let download = format!("/import/{}/script", wizard.draft.id);
    let listing = Code {
        id: "script",
        title: "Script",
        lang: Lang::Js,
        text: &read.draft.script_source,
        all: (!is_whole).then_some(&*all),
        download: Some(&download),
    };
    html! {
        section.card aria-labelledby="script-title" {
            header { h2 #script-title { "What each command sends" } }
            div.body { (listing.show()) }
        }
    }
}

/// Makes the connector, once: the draft is used up by it.
pub(super) async fn create(wizard: Wizard<'_>) -> Result<Response, Problem> {
    let read = wizard.chosen().await?;
    let planned = planned(&wizard, &read);
    let mut body = planned.body.clone();
    body.insert("config".to_owned(), Value::Object(planned.config.clone()));
    let text = serde_json::to_vec(&Value::Object(body)).map_err(Error::internal)?;
    let new = match crate::input::new_connector(&text) {
        // What the document brings is large, and needs no reading.
        Ok(new) => NewConnector {
            config_schema: Some(read.draft.config_schema.to_value()),
            script_source: Some(read.draft.script_source.clone()),
            ..new
        },
        Err(error) => return Ok(refused(&wizard, &read, &planned, &error)),
    };
    match draft::create_connector(&wizard.ctx, wizard.services, &wizard.draft, new).await {
        Ok(name) => Ok(Redirect::to(&format!("/connectors/{name}")).into_response()),
        Err(error) if error.code() == "name_taken" => {
            let named = Error::invalid_at("/name", error.detail());
            Ok(refused(&wizard, &read, &planned, &named))
        }
        Err(error) if error.code() == "type_differs" => {
            let name = type_name(wizard.typed());
            let taken = format!(
                "there is a type {name} of another document; choose another name, or import this document as a change of that type"
            );
            Ok(refused(&wizard, &read, &planned, &Error::invalid_at("/type", taken)))
        }
        Err(error) if !error.mistakes().is_empty() => Ok(refused(&wizard, &read, &planned, &error)),
        Err(error) => Err(error.into()),
    }
}

/// Shows what was refused, each with a link to the step and the field that has it.
fn refused(wizard: &Wizard<'_>, read: &ReadDocument, planned: &Planned, error: &Error) -> Response {
    let mistakes = Mistakes::of(error);
    let own = fields();
    let mut lines = mistakes.lines(&[("", &own), (CONFIG, &planned.specs)], wizard.typed());
    for line in &mut lines {
        line.target = line.target.take().map(|target| format!("{}#{target}", wizard.address(Step::Connection)));
    }
    page(wizard, read, planned, StatusCode::UNPROCESSABLE_ENTITY, &lines)
}
