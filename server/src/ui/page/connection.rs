//! The connection of a connector: a form from the schema of its type. A stored secret is never shown.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::pointer;
use floh_client::bodies::ConnectorPatch;
use floh_client::words::ExecutionModel;
use jiff::Timestamp;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::conflict;
use super::connector::{Shown, revision, to_name};
use crate::api::{PathKey, Problem};
use crate::catalog;
use crate::error::ErrorKind;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Mistakes, Spec, Typed, summary};
use crate::ui::held::Held;
use crate::ui::part::icon::icon;
use crate::ui::part::time;

/// Where the connection is in the body of a connector.
pub(in crate::ui) const CONFIG: &str = "/config";
/// The field of the secret with which calls to a service are signed.
const SIGNING: &str = "signingSecret";

/// What stands in the form.
pub(in crate::ui) struct Draft {
    pub(in crate::ui) typed: Typed,
    pub(in crate::ui) mistakes: Mistakes,
    pub(in crate::ui) held: Held,
    /// The secrets that a save would clear, because their destination moves.
    pub(in crate::ui) clears: Vec<String>,
    pub(in crate::ui) status: StatusCode,
}

/// Shows the form with what is stored.
pub(in crate::ui) async fn form(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let shown = Shown::read(frame.ctx()?, &services, &key).await?;
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let mut typed = Typed::default();
    form::fill(CONFIG, &fields(&shown), &shown.view.config, &mut typed);
    let draft = Draft {
        typed,
        mistakes: Mistakes::default(),
        held: Held::default(),
        clears: Vec::new(),
        status: StatusCode::OK,
    };
    Ok(show(&frame, &shown, &draft))
}

/// Saves the connection, and tests it if the button says so.
pub(in crate::ui) async fn save(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    let specs = fields(&shown);
    let (ctx, mut typed) = body.parse(ctx.clone())?;
    let mut held = Held::open(&ctx, &services, typed.take("draft").as_deref()).await?;
    if let Some(button) = typed.take(form::EDIT) {
        let mistakes = form::edit(&button, CONFIG, &specs, &mut typed);
        held.keep(&ctx, &services, &groups(&specs), &mut typed).await?;
        return Ok(show(&frame, &shown, &Draft { typed, mistakes, held, clears: Vec::new(), status: StatusCode::OK }));
    }
    conflict::resolve(&shown, &specs, &mut typed);
    held.merge(&groups(&specs), &mut typed);
    let revision = revision(&typed)?;
    let (patch, mistakes) = read_patch(&shown, &specs, &typed);
    let refused = if mistakes.is_empty() {
        let clears = catalog::cleared_by(&ctx, &services, &key, &patch).await;
        let is_confirmed = typed.text("confirmed") == "yes";
        match clears {
            Ok(clears) if clears.is_empty() || is_confirmed => {
                match catalog::update(&ctx, &services, &key, patch, revision).await {
                    Ok(_) => {
                        held.drop(&ctx, &services).await?;
                        return Ok(saved(&shown, typed.text("then")));
                    }
                    Err(error) => Err(error),
                }
            }
            Ok(clears) => Ok(clears),
            Err(error) => Err(error),
        }
    } else {
        Ok(Vec::new())
    };
    held.keep(&ctx, &services, &groups(&specs), &mut typed).await?;
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    match refused {
        Ok(clears) => Ok(show(&frame, &shown, &Draft { typed, mistakes, held, clears, status })),
        Err(error) if error.kind() == ErrorKind::Stale => {
            Ok(conflict::page(&frame, &Shown::read(&ctx, &services, &key).await?, &specs, &typed, &held))
        }
        Err(error) if !error.mistakes().is_empty() => {
            let mistakes = Mistakes::of(&error);
            Ok(show(&frame, &shown, &Draft { typed, mistakes, held, clears: Vec::new(), status }))
        }
        Err(error) => Err(error.into()),
    }
}

fn saved(shown: &Shown, then: &str) -> Response {
    if then == "test" {
        // The browser repeats the POST at the address that tests.
        return Redirect::temporary(&shown.address("test")).into_response();
    }
    Redirect::to(&format!("{}?saved=1", shown.address("connection"))).into_response()
}

/// The fields of the connection, those of a service's signature included.
pub(in crate::ui) fn fields(shown: &Shown) -> Vec<Spec> {
    form::fields(&shown.schema.connection)
}

/// The field of the signing secret, for connectors that a service serves.
pub(in crate::ui) fn signing(shown: &Shown) -> Vec<Spec> {
    if shown.view.execution_model != ExecutionModel::External {
        return Vec::new();
    }
    vec![signing_field()]
}

/// The field of the signing secret.
pub(in crate::ui) fn signing_field() -> Spec {
    let mut spec = Spec::text(SIGNING, "Signing secret");
    spec.secret = true;
    spec.help = Some("Calls to the service are signed with it, so that it knows that they come from here.".to_owned());
    spec
}

/// The fields by their place in the body.
fn groups(specs: &[Spec]) -> Vec<(&'static str, Vec<Spec>)> {
    vec![(CONFIG, specs.to_vec()), ("", vec![signing_field()])]
}

/// The secrets that are set, by their pointers.
pub(in crate::ui) fn stored(shown: &Shown) -> BTreeMap<String, Timestamp> {
    let set = shown.view.secrets.iter().filter(|(_, state)| state.set);
    set.map(|(name, state)| {
        let at = if name == SIGNING { format!("/{SIGNING}") } else { pointer::join(CONFIG, name) };
        (at, state.updated_at.unwrap_or(shown.view.updated_at))
    })
    .collect()
}

/// Reads the change: only what differs from what is stored.
fn read_patch(shown: &Shown, specs: &[Spec], typed: &Typed) -> (ConnectorPatch, Mistakes) {
    let reading = form::read(CONFIG, specs, typed);
    let mut mistakes = reading.mistakes;
    let mut config = Map::new();
    for spec in specs {
        let name = &spec.name;
        let is_set = shown.view.secrets.get(name).is_some_and(|state| state.set);
        let here = pointer::join(CONFIG, name);
        match reading.values.get(name) {
            Some(value) if shown.view.config.get(name) != Some(value) => {
                config.insert(name.clone(), value.clone());
            }
            Some(_) => {}
            None if reading.kept.contains(name) || mistakes.has_within(&here) => {}
            None if reading.cleared.contains(name) => {
                config.insert(name.clone(), Value::Null);
            }
            None if is_set && typed.get(&format!("{here}~do")).is_some() => {
                mistakes.add(&here, "enter the new value, or choose Keep");
            }
            None if shown.view.config.contains_key(name) => {
                config.insert(name.clone(), Value::Null);
            }
            None => {}
        }
    }
    for name in gone(shown).filter(|name| typed.text(&format!("remove:{name}")) == "yes") {
        config.insert(name.to_owned(), Value::Null);
    }
    if shown.schema.open {
        add_open(typed, &mut config, &mut mistakes);
    }
    let signing = read_signing(shown, typed, &mut mistakes);
    let config = (!config.is_empty()).then_some(config);
    (ConnectorPatch { config, signing_secret: signing, ..ConnectorPatch::default() }, mistakes)
}

fn read_signing(shown: &Shown, typed: &Typed, mistakes: &mut Mistakes) -> Option<Option<String>> {
    let specs = signing(shown);
    let reading = form::read("", &specs, typed);
    let is_replaced = typed.get(&format!("/{SIGNING}~do")) == Some("replace");
    match reading.values.get(SIGNING).and_then(Value::as_str) {
        Some(text) => Some(Some(text.to_owned())),
        None if !reading.cleared.is_empty() => Some(None),
        None if is_replaced => {
            mistakes.add(&format!("/{SIGNING}"), "enter the new value, or choose Keep");
            None
        }
        None => None,
    }
}

/// Values for a connector whose type has no schema: every name is taken.
fn add_open(typed: &Typed, config: &mut Map<String, Value>, mistakes: &mut Mistakes) {
    let text = typed.text("/open");
    if text.trim().is_empty() {
        return;
    }
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(values) => config.extend(values),
        Err(error) => {
            let reason = format!("line {}, column {}: not a JSON object", error.line(), error.column());
            mistakes.add("/open", reason);
        }
    }
}

/// The names of stored values that the schema does not have: those of an earlier version, and all of an open one.
fn gone(shown: &Shown) -> impl Iterator<Item = &str> {
    let fields = &shown.schema.connection;
    let set = shown.view.secrets.iter().filter(|(_, state)| state.set).map(|(name, _)| name);
    let names = shown.view.config.keys().chain(set).filter(|name| !fields.contains_key(*name) && *name != SIGNING);
    names.map(String::as_str)
}

/// Shows the form.
pub(in crate::ui) fn show(frame: &Frame, shown: &Shown, draft: &Draft) -> Response {
    let (specs, signing, stored) = (fields(shown), signing(shown), stored(shown));
    let open = open_spec();
    let groups: [(&str, &[Spec]); 3] = [(CONFIG, &specs), ("", &signing), ("", &open)];
    let lines = draft.mistakes.lines(&groups, &draft.typed);
    let placed = draft.mistakes.placed(CONFIG, &specs, &draft.typed);
    let view = FormView { typed: &draft.typed, mistakes: &placed, stored: &stored, held: draft.held.pointers() };
    let revision = shown.view.revision.map(|revision| revision.to_string());
    let has_test = shown.has_test();
    let is_saved = frame.query == "saved=1" && draft.status == StatusCode::OK;
    let content = html! {
        (shown.head(frame, "connection"))
        div.aside {
            form #connection.stack method="post" action=(shown.address("connection")) novalidate data-guard data-swap="connection" {
                button.sr name="then" value="save" tabindex="-1" aria-hidden="true" {}
                input type="hidden" name="revision" value=[revision];
                @if let Some(id) = draft.held.id() { input type="hidden" name="draft" value=(id); }
                @if is_saved { p.notice.good role="status" tabindex="-1" data-focus data-once { (icon("check")) span { "Saved." } } }
                (summary(&lines))
                (clears_notice(&draft.clears))
                section.card aria-labelledby="connection-title" {
                    header { h2 #connection-title { "Connection" } span.end.muted { small { "Secrets are sealed before they are stored" } } }
                    div.body.stack {
                        @if specs.is_empty() && !shown.schema.open { p.muted { "This type has no connection fields." } }
                        (view.fields(CONFIG, &specs, "field"))
                        @if shown.schema.open { (view.field(&open[0], "/open")) }
                        @for spec in &signing { (view.field(spec, &format!("/{SIGNING}"))) }
                        (gone_box(shown))
                    }
                    footer {
                        button.btn.main name="then" value="save" { "Save" }
                        @if has_test { button.btn name="then" value="test" { "Save and test" } }
                    }
                }
            }
            aside.stack {
                section.card aria-label="About" {
                    div.body {
                        dl.facts {
                            dt { "Type" } dd { (shown.view.type_name) " " (shown.view.version) }
                            dt { "Revision" } dd { (shown.view.revision.map_or_else(String::new, |revision| revision.to_string().trim_matches('"').to_owned())) }
                            dt { "Changed" } dd { (time::ago(shown.view.updated_at)) }
                        }
                    }
                }
                p.help { @if has_test { "Nothing is called before you press " b { "Save and test" } "." } @else { "Saving calls nothing. The type has no test: try a command." } }
            }
        }
    };
    let title = format!("Connection of {}", shown.view.name);
    let title = if draft.status == StatusCode::OK { title } else { format!("Error: {title}") };
    frame.page_with(draft.status, &title, &content)
}

fn open_spec() -> Vec<Spec> {
    let mut open = Spec::text("open", "Values");
    open.kind = form::Kind::Json(form::JsonOf::Object);
    open.help = Some("The type has no schema, so every name is taken, and every value is kept as a secret.".to_owned());
    vec![open]
}

/// Names the secrets that a save would clear, and asks for a confirmation.
pub(in crate::ui) fn clears_notice(clears: &[String]) -> Markup {
    html! {
        @if !clears.is_empty() {
            div.summary #problems role="alert" tabindex="-1" data-focus {
                h2 { "The secrets would go elsewhere" }
                p { "The change moves where requests go, so saving clears what was stored for the old place: " b { (clears.join(", ")) } ". Replace them in the connection, or save without them." }
                label.choice { input type="checkbox" name="confirmed" value="yes"; span { "Save, and clear those that I have not replaced" } }
            }
        }
    }
}

fn gone_box(shown: &Shown) -> Markup {
    let names: Vec<&str> = gone(shown).collect();
    let title = if shown.schema.open { "Stored" } else { "No longer in the schema" };
    html! {
        @if !names.is_empty() {
            fieldset.field {
                legend { (title) }
                @for name in names {
                    label.choice { input type="checkbox" name={ "remove:" (name) } value="yes"; span { "Remove " code { (name) } } }
                }
            }
        }
    }
}
