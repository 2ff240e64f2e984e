//! Importing a later document for a type that exists: what it adds, changes, renames and removes, and what of that breaks.
//! The choice leads to the page of the change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::pointer;
use connector_runtime::version::Level;
use floh_client::answers::{OperationView, SchemaChange, Warning};
use floh_client::bodies::TypeChange;
use floh_client::words::ExecutionModel;
use maud::{Markup, html};
use serde_json::json;

use super::change::{self, Seen, level_badge};
use super::import::CHOSEN;
use super::import::commands::{choose, warned};
use super::import::document::{self, Form, Given, kept_warnings};
use super::types::head::TypeShown;
use crate::api::{PathKey, PathKeys, Problem};
use crate::auth::{OpContext, Scope};
use crate::catalog::{self, WEIGHT_OF_TEXT};
use crate::error::Error;
use crate::input::Unchecked;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::draft::{self, Draft, Found};
use crate::ui::form::{Line, Mistakes, Typed, summary};
use crate::ui::parsed::Parsed;
use crate::ui::part::badge::{badge, count};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::pick::{Filter, Note, Pick};

/// The kind of these drafts.
const KIND: &str = "reimport";
/// The input of the draft with the type.
const TYPE: &str = "type";

/// What a later document means for a type.
#[derive(Debug)]
pub(in crate::ui) struct Comparison {
    operations: Vec<OperationView>,
    warnings: Vec<Warning>,
    changes: Vec<SchemaChange>,
    /// The commands that the type has now.
    known: BTreeSet<String>,
    /// The revision of the type that the document was compared with.
    pub(in crate::ui) revision: i64,
    version: String,
    /// About how many bytes of memory it takes.
    pub(in crate::ui) weight: usize,
}

/// Asks for a later document.
pub(in crate::ui) async fn start(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let shown = of_document(frame.ctx()?, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    Ok(asked(&frame, &shown, StatusCode::OK, Form::default()))
}

/// Shows the form that takes a document.
fn asked(frame: &Frame, shown: &TypeShown, status: StatusCode, form: Form<'_>) -> Response {
    let (address, back) = (shown.address("import"), shown.address(""));
    let form = Form { address: &address, back: &back, ..form };
    page(frame, shown, status, &html! {}, &form.show())
}

fn page(frame: &Frame, shown: &TypeShown, status: StatusCode, badges: &Markup, content: &Markup) -> Response {
    let name = &shown.head.name;
    let title = format!("{}Import a later document for {name}", if status == StatusCode::OK { "" } else { "Error: " });
    let named = html! { h1 { "Import a later document" } (badge("line", "file", &format!("{name} {}", shown.head.version))) (badges) };
    let crumbs = [("/types", "Types"), (&*shown.address(""), &**name)];
    let whole = html! { (head(&crumbs, &named, "", &html! {})) (content) };
    frame.page_with(status, &title, &whole)
}

/// Reads a type that was made of a document.
async fn of_document(ctx: &OpContext, services: &Services, key: &str) -> Result<TypeShown, Error> {
    ctx.authorize_for(Scope::ConnectorsWrite, "a document decides what becomes of the secrets of connectors, so this")?;
    let shown = TypeShown::read(ctx, services, key).await?;
    if shown.head.execution_model == ExecutionModel::OasDerived {
        return Ok(shown);
    }
    Err(Error::not_found(format!(
        "the type {} was not made of a document, so no later one can be imported",
        shown.head.name
    )))
}

/// Reads the document that was given, and begins a draft.
pub(in crate::ui) async fn begin(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKey(key): PathKey,
    request: Request,
) -> Result<Response, Problem> {
    let shown = of_document(frame.ctx()?, &services, &key).await?;
    let Given { ctx, mut typed, document, .. } = match document::take(&frame, &services, request).await? {
        Ok(given) => given,
        Err(refused) => {
            let (typed, mistakes, excerpt) = (refused.typed, refused.mistakes, refused.excerpt);
            let form = Form { typed, mistakes, excerpt, ..Form::default() };
            return Ok(asked(&frame, &shown, StatusCode::UNPROCESSABLE_ENTITY, form));
        }
    };
    typed.set(TYPE, shown.head.id.to_string());
    let mut draft = Draft::unsaved(typed, document);
    let compared = compare(&ctx, &services, &parsed, &shown, &draft).await?;
    let kept = compared.operations.iter().map(|one| &one.name).filter(|name| compared.known.contains(*name));
    draft.typed.set_all(CHOSEN, kept.cloned().collect());
    let draft = draft::create_with(&ctx, &services, KIND, draft.typed, draft.document.to_vec()).await?;
    Ok(Redirect::to(&address(&shown, &draft)).into_response())
}

fn address(shown: &TypeShown, draft: &Draft) -> String {
    shown.address(&format!("import/{}/commands", draft.id))
}

/// Compares the whole document with the type, unless that was done for the page before.
async fn compare(
    ctx: &OpContext,
    services: &Services,
    parsed: &Parsed,
    shown: &TypeShown,
    draft: &Draft,
) -> Result<Arc<Comparison>, Error> {
    if let Some(compared) = parsed.compared(draft, shown.head.id, shown.head.revision) {
        return Ok(compared);
    }
    let key = shown.head.id.to_string();
    let spec = catalog::spec_of(services, Arc::clone(&draft.document)).await?;
    let body = TypeChange { spec: Some(spec), ..TypeChange::default() };
    let _turn = services.work.document().await?;
    let plan = catalog::plan_type(ctx, services, &key, Unchecked { body, mistakes: Vec::new() }).await?;
    let known = catalog::schema_of_type(ctx, services, &shown.head.name).await?.commands.keys().cloned().collect();
    let imported = plan.diff.imported;
    let mut warnings = kept_warnings(&draft.typed);
    warnings.extend(imported.warnings.unwrap_or_default());
    let (operations, changes) = (imported.operations.unwrap_or_default(), plan.diff.change.changes);
    let texts = serde_json::to_vec(&(&operations, &warnings, &changes, &known)).map_err(Error::internal)?;
    let weight = WEIGHT_OF_TEXT * texts.len();
    let (revision, version) = (plan.revision, plan.before.version);
    let compared = Arc::new(Comparison { operations, warnings, changes, known, revision, version, weight });
    parsed.keep_compared(draft, shown.head.id, &compared);
    Ok(compared)
}

impl Comparison {
    /// The changes of a command.
    fn changes_of(&self, name: &str) -> Vec<&SchemaChange> {
        let at = format!("/commands/{}", pointer::escape(name));
        let is_its =
            |pointer: &str| pointer.strip_prefix(&*at).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.changes.iter().filter(|change| is_its(&change.pointer)).collect()
    }

    /// What the rows say beside their operations.
    fn notes(&self) -> BTreeMap<String, Note> {
        let note = |operation: &OperationView| {
            if !self.known.contains(&operation.name) {
                return Some(Note { badge: badge("info", "plus", "New"), lines: Vec::new() });
            }
            let at = format!("/paths/{}/{}", pointer::escape(&operation.path), operation.method.to_lowercase());
            let moved: Vec<&Warning> = self
                .warnings
                .iter()
                .filter(|one| matches!(&*one.code, "operation_renamed" | "operation_moved") && one.pointer == at)
                .collect();
            let changes = self.changes_of(&operation.name);
            let lines: Vec<Markup> = moved
                .iter()
                .map(|warning| html! { (warning.message) })
                .chain(changes.iter().map(|change| change_line(change)))
                .collect();
            let breaks = changes.iter().any(|change| change.level == Level::Major);
            let badge = match (breaks, moved.is_empty(), changes.is_empty()) {
                (true, ..) => badge("bad", "alert", "Breaks"),
                (false, false, _) => badge("line", "", "Renamed"),
                (false, true, false) => badge("line", "", "Changed"),
                (false, true, true) => return None,
            };
            Some(Note { badge, lines })
        };
        self.operations.iter().filter_map(|one| Some((one.name.clone(), note(one)?))).collect()
    }

    /// What stands above the table: what the document no longer has, and what changes beside the commands.
    fn above(&self) -> Markup {
        let there: BTreeSet<&str> = self.operations.iter().map(|one| one.name.as_str()).collect();
        let gone: Vec<&String> = self.known.iter().filter(|name| !there.contains(name.as_str())).collect();
        let new = there.iter().filter(|name| !self.known.contains(**name)).count();
        let changed =
            self.known.iter().filter(|name| there.contains(name.as_str()) && !self.changes_of(name).is_empty());
        let others: Vec<&SchemaChange> =
            self.changes.iter().filter(|change| !change.pointer.starts_with("/commands/")).collect();
        html! {
            div.notice {
                (icon("info"))
                div {
                    b { (count(new, "operation is", "operations are")) " new, " (changed.count()) " changed, " (gone.len()) " removed." }
                    " What the type has stays chosen; choose what is new if you want it."
                }
            }
            @if !gone.is_empty() {
                div.notice.bad {
                    (icon("alert"))
                    div {
                        b { "Removed" } " from the document, so calls of them will fail:"
                        ul { @for name in &gone { li { code { (name) } } } }
                    }
                }
            }
            @if !others.is_empty() {
                div.notice {
                    (icon("info"))
                    div { b { "Beside the commands" } ul { @for change in &others { li { (change_line(change)) } } } }
                }
            }
            (warned(&self.warnings))
        }
    }
}

/// A change, with its level.
fn change_line(change: &SchemaChange) -> Markup {
    html! { (level_badge(change.level)) " " (change.message) " " code { (change.pointer) } }
}

/// Shows what the document means for the type.
pub(in crate::ui) async fn commands(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKeys(key, id): PathKeys,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = of_document(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let draft = open(ctx, &services, &shown, &id).await?;
    let compared = compare(ctx, &services, &parsed, &shown, &draft).await?;
    let query = Typed::parse(frame.query.as_bytes()).map_err(|detail| Error::invalid_at("", detail))?;
    Ok(table(&frame, &shown, &draft, &compared, StatusCode::OK, &Filter::of(&query), &[]))
}

fn table(
    frame: &Frame,
    shown: &TypeShown,
    draft: &Draft,
    compared: &Comparison,
    status: StatusCode,
    filter: &Filter,
    lines: &[Line],
) -> Response {
    let chosen: BTreeSet<&str> = draft.typed.all(CHOSEN).iter().map(String::as_str).collect();
    let pick = Pick {
        address: &address(shown, draft),
        back: &shown.address("import"),
        operations: &compared.operations,
        is_chosen: &|name| chosen.contains(name),
        names: None,
        rename: "",
        notes: &compared.notes(),
        filter,
        mistakes: &Mistakes::default(),
        above: compared.above(),
    };
    page(frame, shown, status, &html! {}, &html! { (summary(lines)) (pick.show()) })
}

/// Takes what was chosen, and goes on to the change.
pub(in crate::ui) async fn take(
    frame: Frame,
    State(services): State<Services>,
    Extension(parsed): Extension<Parsed>,
    PathKeys(key, id): PathKeys,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, sent) = body.parse(frame.ctx()?.clone())?;
    let shown = of_document(&ctx, &services, &key).await?;
    let draft = open(&ctx, &services, &shown, &id).await?;
    let compared = compare(&ctx, &services, &parsed, &shown, &draft).await?;
    let filter = Filter::of(&sent);
    let mut next = draft.typed.clone();
    let include = choose(&compared.operations, &draft.typed, &sent, &filter);
    next.set_all(CHOSEN, include.clone());
    let draft = draft::save(&ctx, &services, draft, next).await?;
    if matches!(sent.text("go"), "all" | "none" | "keep") {
        let query = filter.query().finish();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        return Ok(Redirect::to(&format!("{}{query}", address(&shown, &draft))).into_response());
    }
    let refused = |lines: &[Line]| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        table(&frame, &shown, &draft, &compared, status, &Filter::default(), lines)
    };
    if include.is_empty() {
        let message = "Choose a command at least".to_owned();
        return Ok(refused(&[Line { target: None, label: None, message }]));
    }
    let spec = catalog::spec_of(&services, Arc::clone(&draft.document)).await?;
    let body = serde_json::to_vec(&json!({ "spec": spec, "include": include })).map_err(Error::internal)?;
    let seen = Seen { revision: Some(compared.revision), version: Some(compared.version.clone()), draft: None };
    let _turn = services.work.document().await?;
    match change::begin(&ctx, &services, &shown.head.name, &body, &seen).await {
        Ok(response) => Ok(response),
        Err(error) if !error.mistakes().is_empty() => {
            let lines = error.mistakes().iter();
            let lines: Vec<Line> =
                lines.map(|one| Line { target: None, label: None, message: one.message.to_string() }).collect();
            Ok(refused(&lines))
        }
        Err(error) => Err(error.into()),
    }
}

async fn open(ctx: &OpContext, services: &Services, shown: &TypeShown, id: &str) -> Result<Draft, Problem> {
    let gone =
        || Error::not_found("this draft is gone: it was dropped, or 24 hours have passed. Import the document again");
    let found = draft::read(ctx, services, crate::api::uuid(id, "draft")?, KIND).await;
    match found.map_err(|error| if error.code() == "not_found" { gone() } else { error })? {
        Found::Draft(draft) if draft.typed.text(TYPE) == shown.head.id.to_string() => Ok(draft),
        _ => Err(gone().into()),
    }
}
