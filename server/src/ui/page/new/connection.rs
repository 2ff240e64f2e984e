//! The step with the connection, as the type describes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::{ConfigSchema, pointer};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::endpoint::{SCHEMA, SIGNING};
use super::type_choice::TYPE;
use super::{Step, Wizard};
use crate::api::Problem;
use crate::catalog;
use crate::error::Error;
use crate::ui::config_schema;
use crate::ui::form::{self, FormView, Mistakes, Spec, Typed, summary};
use crate::ui::page::connection::{CONFIG, signing_field};

/// Returns the schema of the type that was chosen.
pub(super) async fn schema(wizard: &Wizard<'_>) -> Result<Arc<ConfigSchema>, Error> {
    if wizard.is_script() {
        let written = config_schema::read(wizard.typed()).ok().map(|written| written.value);
        let parsed = written.and_then(|value| ConfigSchema::parse(&value).ok());
        return Ok(Arc::new(parsed.unwrap_or_default()));
    }
    if !wizard.is_external() {
        return catalog::schema_of_type(&wizard.ctx, wizard.services, wizard.typed().text(TYPE)).await;
    }
    let Some(text) = wizard.typed().get(SCHEMA) else { return Ok(Arc::new(ConfigSchema::open())) };
    let value: Value = serde_json::from_str(text).map_err(Error::internal)?;
    Ok(Arc::new(ConfigSchema::parse(&value).map_err(Error::internal)?))
}

pub(super) async fn show(wizard: &Wizard<'_>) -> Result<Response, Problem> {
    let schema = schema(wizard).await?;
    let specs = form::fields(&schema.connection);
    let mut typed = wizard.typed().clone();
    if !typed.has_within(CONFIG) {
        form::fill(CONFIG, &specs, &Map::new(), &mut typed);
    }
    Ok(page(wizard, &schema, StatusCode::OK, typed, &Mistakes::default()))
}

/// Shows the form. The secrets in the draft stay there: the form says that they are set.
fn page(
    wizard: &Wizard<'_>,
    schema: &ConfigSchema,
    status: StatusCode,
    mut typed: Typed,
    mistakes: &Mistakes,
) -> Response {
    let specs = form::fields(&schema.connection);
    let signing: Vec<Spec> = wizard.may_sign().then(signing_field).into_iter().collect();
    let mut held = withheld(CONFIG, &specs, &mut typed);
    held.extend(withheld("", &signing, &mut typed));
    let lines = mistakes.lines(&[(CONFIG, &specs)], &typed);
    let placed = mistakes.placed(CONFIG, &specs, &typed);
    let view = FormView { typed: &typed, mistakes: &placed, stored: &BTreeMap::new(), held: &held };
    let back = wizard.address(wizard.first());
    let content = html! {
        div.aside {
            form #connection.stack method="post" action=(wizard.address(Step::Connection)) novalidate data-guard data-swap="connection" {
                button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
                (summary(&lines))
                section.card aria-labelledby="connection-title" {
                    header { h2 #connection-title { "Connection" } span.end.muted { small { "Secrets are sealed before they are stored" } } }
                    div.body.stack {
                        @if schema.open { p.muted { "The type has no schema. Fill in what it needs on the page of the connector, once it is made." } }
                        @else if specs.is_empty() { p.muted { "This type has no connection fields." } }
                        (view.fields(CONFIG, &specs, "field"))
                        @if !signing.is_empty() { div.fields { @for spec in &signing { (view.field(spec, SIGNING)) } } }
                    }
                    (buttons(&specs, &back))
                }
            }
            aside.stack {
                section.card aria-label="Type" {
                    div.body {
                        dl.facts {
                            dt { "Type" } dd { (type_name(wizard)) }
                            dt { "Commands" } dd { @if schema.open { "any" } @else { (schema.commands.len()) } }
                        }
                    }
                }
                p.help { "Nothing is called until you test the connector, or try a command, on its page." }
            }
        }
    };
    wizard.page(Step::Connection, status, &content)
}

/// The name of the type, which an external connector may leave out.
pub(super) fn type_name(wizard: &Wizard<'_>) -> String {
    let name = wizard.typed().text(TYPE).trim();
    if name.is_empty() { wizard.typed().text("/name").trim().to_owned() } else { name.to_owned() }
}

/// Takes the secrets out of a form that is shown again, and returns their places: they stay in the draft.
pub(in crate::ui::page) fn withheld(at: &str, specs: &[Spec], typed: &mut Typed) -> Vec<String> {
    let mut held = Vec::new();
    for spec in specs.iter().filter(|spec| spec.secret) {
        let here = pointer::join(at, &spec.name);
        if typed.has_value(&here) {
            typed.forget(&here);
            held.push(here);
        }
    }
    held
}

/// Takes a secret of a form over what a draft had before: kept, cleared, or the one that was typed.
pub(super) fn take_secret(before: &Typed, typed: &Typed, next: &mut Typed, here: &str) {
    next.forget(here);
    match typed.get(&format!("{here}~do")) {
        Some("keep") => next.adopt(before, here),
        Some("clear") => {}
        _ => next.adopt(typed, here),
    }
    next.take(&format!("{here}~do"));
}

/// The buttons below a connection.
pub(in crate::ui::page) fn buttons(specs: &[Spec], back: &str) -> Markup {
    html! {
        footer {
            button.btn.main name="go" value="next" { "Next" }
            @if !specs.is_empty() { button.btn name="go" value="later" formnovalidate { "Fill in later" } }
            a.btn.bare href=(back) { "Back" }
        }
    }
}

/// What came of the connection fields of a form.
pub(in crate::ui::page) struct Taken {
    /// What the draft has now.
    pub(in crate::ui::page) next: Typed,
    /// Whether a button that changes the form was pressed.
    pub(in crate::ui::page) is_edit: bool,
    pub(in crate::ui::page) mistakes: Mistakes,
}

/// Takes the connection fields of a form over what a draft had before.
pub(in crate::ui::page) fn taken(schema: &ConfigSchema, before: &Typed, mut typed: Typed) -> Taken {
    let specs = form::fields(&schema.connection);
    let is_later = typed.text("go") == "later";
    let edit = typed.take(form::EDIT);
    let mut mistakes = edit.as_deref().map(|button| form::edit(button, CONFIG, &specs, &mut typed)).unwrap_or_default();
    let mut next = before.clone();
    next.forget(CONFIG);
    next.adopt(&typed, CONFIG);
    for spec in specs.iter().filter(|spec| spec.secret) {
        take_secret(before, &typed, &mut next, &pointer::join(CONFIG, &spec.name));
    }
    if edit.is_some() {
        return Taken { next, is_edit: true, mistakes };
    }
    let reading = form::read(CONFIG, &specs, &next);
    mistakes.add_missing(reading.mistakes);
    if let Err(found) = catalog::split_config(schema, reading.values.clone()) {
        let mut wrong = Mistakes::default();
        for mistake in found {
            wrong.add(&mistake.pointer, &*mistake.message);
        }
        mistakes.add_missing(wrong);
    }
    if !is_later {
        let mut missing = Mistakes::default();
        for spec in specs.iter().filter(|spec| is_missing(spec, &reading.values)) {
            missing.add(&pointer::join(CONFIG, &spec.name), "enter a value, or choose “Fill in later”");
        }
        mistakes.add_missing(missing);
    }
    Taken { next, is_edit: false, mistakes }
}

pub(super) async fn take(wizard: Wizard<'_>, typed: Typed) -> Result<Response, Problem> {
    let schema = schema(&wizard).await?;
    let signing = typed.clone();
    let Taken { mut next, is_edit, mistakes } = taken(&schema, wizard.typed(), typed);
    if wizard.may_sign() {
        take_secret(wizard.typed(), &signing, &mut next, SIGNING);
    }
    let wizard = wizard.save(next.clone()).await?;
    if is_edit {
        return Ok(page(&wizard, &schema, StatusCode::OK, next, &mistakes));
    }
    if mistakes.is_empty() {
        return Ok(wizard.go(Step::Review));
    }
    Ok(page(&wizard, &schema, StatusCode::UNPROCESSABLE_ENTITY, next, &mistakes))
}

fn is_missing(spec: &Spec, values: &Map<String, Value>) -> bool {
    let has_default = spec.default.as_ref().is_some_and(|default| !default.is_null());
    spec.required && !has_default && !values.contains_key(&spec.name)
}
