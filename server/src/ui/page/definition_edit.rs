//! The page that writes a definition: a new one, or the next version of one.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::html;
use serde_json::Value;

use super::definition::{pretty, version_of};
use super::flow_text::{self, Found, INPUTS, SAMPLE, STEPS, STRICT};
use crate::api::{PathKey, Problem};
use crate::error::{Error, ErrorKind, Mistake};
use crate::input;
use crate::runs;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{FormView, Line, Mistakes, Spec, Typed, summary};
use crate::ui::part::frame::head;

const NAME: &str = "/name";
const DESCRIPTION: &str = "/description";
/// What stands below the label of the inputs.
const INPUTS_HELP: &str = "An object of fields by name: what a run is given, such as { \"limit\": { \"type\": \"number\", \
    \"default\": 10 } }.";

/// What stands in the form, and what is wrong with it.
struct Draft {
    /// The definition; `None` for a new one.
    name: Option<String>,
    typed: Typed,
    found: Vec<Found>,
    mistakes: Mistakes,
}

/// Shows the form of a new definition.
pub(in crate::ui) async fn new(frame: Frame) -> Response {
    let mut typed = Typed::default();
    typed.set(STEPS, SAMPLE);
    page(&frame, &Draft { name: None, typed, found: Vec::new(), mistakes: Mistakes::default() }, StatusCode::OK)
}

/// Shows the form of the next version.
pub(in crate::ui) async fn edit(
    frame: Frame,
    State(services): State<Services>,
    PathKey(name): PathKey,
) -> Result<Response, Problem> {
    let view = runs::get_run_definition(frame.ctx()?, &services, &name, None).await?;
    let mut typed = Typed::default();
    typed.set(STEPS, pretty(view.steps.get()));
    if view.inputs.get() != "{}" {
        typed.set(INPUTS, pretty(view.inputs.get()));
    }
    typed.set(DESCRIPTION, view.description.unwrap_or_default());
    typed.set("version", view.version.to_string());
    if view.strict {
        typed.set(STRICT, "true");
    }
    // What does not fit any more is shown before the first press.
    let found = view.broken.into_iter().map(|item| Found::of_item(item, true, &typed)).collect();
    let draft = Draft { name: Some(name), found, mistakes: Mistakes::default(), typed };
    Ok(page(&frame, &draft, StatusCode::OK))
}

/// Saves a new definition.
pub(in crate::ui) async fn create(
    frame: Frame,
    State(services): State<Services>,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let mut draft = Draft { name: None, typed, found: Vec::new(), mistakes: Mistakes::default() };
    let Some(text) = draft.body() else { return Ok(page(&frame, &draft, StatusCode::UNPROCESSABLE_ENTITY)) };
    let created = match input::new_run_definition(&text) {
        Ok(body) => runs::create_run_definition(&ctx, &services, body).await,
        Err(error) => Err(error),
    };
    match created {
        Ok(view) => Ok(Redirect::to(&format!("/runs/definitions/{}?saved=1", view.name)).into_response()),
        Err(error) => {
            draft.refuse(error)?;
            Ok(page(&frame, &draft, StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// Saves the next version, if nobody else has saved one since the form was shown.
pub(in crate::ui) async fn save(
    frame: Frame,
    State(services): State<Services>,
    PathKey(name): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let expected = version_of(&typed)?;
    let mut draft = Draft { name: Some(name.clone()), typed, found: Vec::new(), mistakes: Mistakes::default() };
    let Some(text) = draft.body() else { return Ok(page(&frame, &draft, StatusCode::UNPROCESSABLE_ENTITY)) };
    let saved = match input::run_definition_change(&text) {
        Ok(body) => runs::put_run_definition(&ctx, &services, &name, body, Some(expected)).await,
        Err(error) => Err(error),
    };
    match saved {
        Ok(view) => Ok(Redirect::to(&format!("/runs/definitions/{}?saved=1", view.name)).into_response()),
        Err(error) if error.kind() == ErrorKind::Stale => {
            let now = runs::get_run_definition(&ctx, &services, &name, None).await?;
            let said = format!(
                "{} saved version {} while you were typing. Yours stands below; saving it now makes it the version after that one",
                now.created_by.name, now.version
            );
            draft.mistakes.add("", said);
            draft.typed.set("version", now.version.to_string());
            Ok(page(&frame, &draft, StatusCode::PRECONDITION_FAILED))
        }
        Err(error) => {
            draft.refuse(error)?;
            Ok(page(&frame, &draft, StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

impl Draft {
    /// Reads the body of REST; `None` if a text is no JSON, which is kept as found then.
    fn body(&mut self) -> Option<Vec<u8>> {
        match flow_text::read(&self.typed, &[STEPS, INPUTS]) {
            Ok(mut body) => {
                let description = self.typed.text(DESCRIPTION).trim();
                if !description.is_empty() {
                    body.insert("description".to_owned(), description.into());
                }
                if self.name.is_none() {
                    body.insert("name".to_owned(), self.typed.text(NAME).trim().into());
                }
                Some(Value::Object(body).to_string().into_bytes())
            }
            Err(found) => {
                self.found = found;
                None
            }
        }
    }

    /// Takes what a use case refuses in what was typed: what is in a text at its line, the rest at its field.
    fn refuse(&mut self, error: Error) -> Result<(), Error> {
        if error.code() == "name_taken" {
            self.mistakes.add(NAME, error.detail());
            return Ok(());
        }
        let is_field = |mistake: &&Mistake| matches!(mistake.pointer.as_str(), NAME | DESCRIPTION);
        for mistake in error.mistakes().iter().filter(is_field) {
            self.mistakes.add(&mistake.pointer, &mistake.message);
        }
        let others: Vec<Mistake> = error.mistakes().iter().filter(|mistake| !is_field(mistake)).cloned().collect();
        if !others.is_empty() {
            self.found = flow_text::refused(Error::invalid(others), &self.typed)?;
            return Ok(());
        }
        if self.mistakes.is_empty() { Err(error) } else { Ok(()) }
    }

    /// The fields beside the texts.
    fn fields(&self) -> Vec<Spec> {
        let mut name = Spec::text("name", "Name");
        name.required = true;
        name.help = Some("Lower case letters, digits and hyphens. It stays.".to_owned());
        let description = Spec::text("description", "Description");
        if self.name.is_some() { vec![description] } else { vec![name, description] }
    }
}

fn page(frame: &Frame, draft: &Draft, status: StatusCode) -> Response {
    let Draft { name, typed, found, mistakes } = draft;
    let specs = draft.fields();
    let mut lines: Vec<Line> = mistakes.lines(&[("", &specs)], typed);
    lines.extend(flow_text::lines(found));
    let placed = mistakes.placed("", &specs, typed);
    let view = FormView { typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &[] };
    let title = name.as_ref().map_or_else(|| "New definition".to_owned(), |name| format!("Edit {name}"));
    let address = name.as_ref().map(|name| format!("/runs/definitions/{name}"));
    let mut crumbs = vec![("/runs", "Runs"), ("/runs/definitions", "Definitions")];
    if let (Some(address), Some(name)) = (&address, name) {
        crumbs.push((address, name));
    }
    let action =
        address.as_ref().map_or_else(|| "/runs/new-definition".to_owned(), |address| format!("{address}/edit"));
    let content = html! {
        (head(&crumbs, &html! { h1 { (title) } }, "Its steps are checked against the connectors of now when it is saved.", &html! {}))
        form #definition method="post" action=(action) novalidate data-guard data-swap="definition" {
            button.sr tabindex="-1" aria-hidden="true" {}
            @if name.is_some() { input type="hidden" name="version" value=(typed.text("version")); }
            div.stack {
                (summary(&lines))
                section.card aria-label="Definition" {
                    div.body.stack {
                        div.fields { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } }
                        (flow_text::steps_editor(typed, found))
                        (flow_text::small_editor(INPUTS, INPUTS_HELP, typed, found))
                        (flow_text::strict_box(typed))
                    }
                    footer { button.btn.main { "Save" } }
                }
            }
        }
    };
    let title = if status == StatusCode::OK { title } else { format!("Error: {title}") };
    frame.page_with(status, &title, &content)
}
