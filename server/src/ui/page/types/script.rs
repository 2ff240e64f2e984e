//! The script of a connector type: read by those who may see it, edited, checked and tried by those who may change it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use connector_runtime::schema::ConfigSchema;
use floh_client::words::ExecutionModel;
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::head::TypeShown;
use crate::api::{PathKey, Problem, Query};
use crate::auth::{OpContext, Scope};
use crate::catalog;
use crate::error::Error;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::config_schema::{self, Written};
use crate::ui::door::Frame;
use crate::ui::form::{self, Mistakes, Typed, summary};
use crate::ui::page::change::{self, Seen};
use crate::ui::page::checked::{self, Checked, Edited, SOURCE};
use crate::ui::page::trial::{self, Trying};
use crate::ui::part::code::{self, Code};
use crate::ui::part::editor::{Editor, Lang, Mark};
use crate::ui::part::icon::icon;
use crate::ui::part::reference;

/// What stands in the editor, and what came of a press.
#[derive(Default)]
struct Bench {
    typed: Typed,
    mistakes: Mistakes,
    /// What is wrong in the script.
    marks: Vec<Mark>,
    /// The button of the schema that was pressed.
    pressed: String,
    /// The schema, if script and schema were checked and are sound.
    sound: Option<ConfigSchema>,
    /// Whether to say so.
    tells: bool,
    trying: Trying,
    /// The inputs that bind the form to what it was made from.
    bond: Markup,
    /// The version that was just saved.
    saved: Option<String>,
}

/// Shows the script.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let (draft, lines, saved) = (query.text("draft"), query.text("lines"), query.text("saved"));
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let view = catalog::get_type(ctx, &services, &key).await?;
    let source = view.script_source.ok_or_else(|| no_script(&shown))?;
    if lacking(&frame).is_some() {
        return Ok(listing(&frame, &shown, &source, lines.as_deref() == Some("all")));
    }
    let kept = match &draft {
        Some(draft) => change::body_of(ctx, &services, draft).await?.unwrap_or_default(),
        None => Map::new(),
    };
    let mut typed = Typed::default();
    let source = kept.get("scriptSource").and_then(Value::as_str).unwrap_or(&source);
    typed.set(SOURCE, source);
    if has_schema(&shown) {
        let schema = kept.get("configSchema").unwrap_or(&view.config_schema);
        config_schema::fill(schema, &mut typed);
        trial::begin(schema, &mut typed);
    }
    let bond = Seen::inputs(&shown, draft.as_deref());
    Ok(bench(&frame, &shown, StatusCode::OK, &Bench { typed, bond, saved, ..Bench::default() }))
}

/// Answers with the script as a file.
pub(in crate::ui) async fn file(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let view = catalog::get_type(ctx, &services, &key).await?;
    let source = view.script_source.ok_or_else(|| Error::not_found(format!("the type {} has no script", view.name)))?;
    Ok(code::file(&format!("{}-{}.js", view.name, view.version), "text/javascript; charset=utf-8", source))
}

fn no_script(shown: &TypeShown) -> Error {
    Error::not_found(format!("the type {} has no script", shown.head.name))
}

/// The scope that a person lacks to change a script.
fn lacking(frame: &Frame) -> Option<Scope> {
    [Scope::TypesWrite, Scope::ConnectorsWrite].into_iter().find(|scope| !frame.allows(*scope))
}

/// Returns whether the schema is edited beside the script. That of an import comes from its document.
fn has_schema(shown: &TypeShown) -> bool {
    shown.head.execution_model == ExecutionModel::Script
}

/// The script to read.
fn listing(frame: &Frame, shown: &TypeShown, source: &str, is_whole: bool) -> Response {
    let (all, file) = (shown.address("script?lines=all"), shown.address("script/file"));
    let why = lacking(frame).map(|scope| format!("Needs the scope {}", scope.as_str()));
    let listing = Code {
        id: "source",
        title: "Script",
        lang: Lang::Js,
        text: source,
        all: Some(&*all).filter(|_| !is_whole),
        download: Some(&file),
    };
    let save = html! {
        button.btn.main type="button" disabled title=[why.as_deref()] { "Save…" @if let Some(why) = &why { span.sr { " (" (why) ")" } } }
    };
    let content = html! {
        (shown.head("script", &save))
        div.card { header { h2 { "Script" } } div.body { (listing.show()) } }
    };
    frame.page(&title(shown), &content)
}

fn title(shown: &TypeShown) -> String {
    format!("Script of {}", shown.head.name)
}

/// The editor, with the trial beside it.
fn bench(frame: &Frame, shown: &TypeShown, status: StatusCode, bench: &Bench) -> Response {
    let Bench { typed, marks, pressed, sound, .. } = bench;
    let (mut mistakes, schema_spec) = (bench.mistakes.clone(), config_schema::spec());
    let schema_marks = config_schema::marks(typed, &mut mistakes);
    let mut lines: Vec<form::Line> = marks.iter().map(|mark| mark.summary_line(SOURCE, "Script")).collect();
    lines.extend(mistakes.lines(&[("", std::slice::from_ref(&schema_spec))], typed));
    lines.extend(config_schema::lines(&schema_marks));
    lines.extend(bench.trying.lines());
    let placed = mistakes.placed("", std::slice::from_ref(&schema_spec), typed);
    let editor = Editor { marks, required: true, ..Editor::new(SOURCE, "Script", Lang::Js, typed.text(SOURCE)) };
    let schema = config_schema::Shown { typed, mistakes: &placed, marks: &schema_marks, pressed };
    let declared = declared(shown, typed, sound.as_ref());
    let actions = html! {
        button.btn form="script" name="go" value="check" { (icon("check")) "Check" }
        button.btn.main form="script" name="go" value="save" { "Save…" }
    };
    let content = html! {
        (shown.head("script", &actions))
        (shown.saved(bench.saved.as_deref(), "The script stands below as it is now. "))
        form #script method="post" action=(shown.address("script")) novalidate data-guard data-swap="script" {
            button.sr name="go" value="check" data-main tabindex="-1" aria-hidden="true" {}
            (bench.bond)
            div.stack {
                (summary(&lines))
                @if bench.tells && sound.is_some() { (reference::checked()) }
                div.bench[has_schema(shown)] {
                    div.stack {
                        section.card aria-label="Script" {
                            div.body.stack {
                                (editor.show())
                                div.row { a.btn.small.bare href=(shown.address("script/file")) download { (icon("file")) "Download" } }
                            }
                        }
                        @if has_schema(shown) { (schema.show()) }
                    }
                    @if has_schema(shown) { (bench.trying.show(frame, typed, declared.as_ref())) }
                }
            }
        }
        @if has_schema(shown) { div.stack.reference { (reference::show(&shown.head.name, &shown.head.version, declared.as_ref())) } }
    };
    let title = if lines.is_empty() { title(shown) } else { format!("Error: {}", title(shown)) };
    frame.page_with(status, &title, &content)
}

/// The schema for which the declarations are shown.
fn declared(shown: &TypeShown, typed: &Typed, sound: Option<&ConfigSchema>) -> Option<ConfigSchema> {
    sound.cloned().or_else(|| config_schema::parsed(typed)).filter(|_| has_schema(shown))
}

/// Checks, tries or goes on to the save of what was typed.
pub(in crate::ui) async fn take(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, mut typed) = body.parse(frame.ctx()?.clone())?;
    let shown = TypeShown::read(&ctx, &services, &key).await?;
    if !shown.has_script() {
        return Err(no_script(&shown).into());
    }
    let seen = Seen::of(&typed);
    let mut at = Bench { bond: seen.again(), ..Bench::default() };
    if let Some(button) = typed.take(form::EDIT).filter(|_| has_schema(&shown)) {
        at.mistakes = config_schema::edit(&button, &mut typed)?;
        at.pressed = button;
        at.typed = typed;
        let status = if at.mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        return Ok(bench(&frame, &shown, status, &at));
    }
    at.typed = typed;
    let go = at.typed.text("go").to_owned();
    let stored = catalog::get_type(&ctx, &services, &key).await?;
    let edited = Edited {
        name: None,
        version: None,
        model: shown.head.execution_model,
        stored: (!has_schema(&shown)).then_some(&stored.config_schema),
        typed: &at.typed,
    };
    let Checked { sound, written, marks, mistakes } = checked::check(&ctx, &services, edited).await?;
    (at.sound, at.marks, at.mistakes) = (sound, marks, mistakes);
    at.tells = go == "check";
    match (go.as_str(), &at.sound) {
        ("try", Some(schema)) => {
            let schema = schema.clone();
            at.trying = Trying::run(&ctx, &services, schema, SOURCE, &mut at.typed).await?;
        }
        ("fill", _) => {
            if let Some(written) = &written {
                trial::fill(&written.value, &mut at.typed);
            }
        }
        ("save", Some(_)) => {
            if let Some(response) =
                save(&ctx, &services, &shown, &stored.config_schema, written, &seen, &mut at).await?
            {
                return Ok(response);
            }
        }
        _ => {}
    }
    let is_fine = at.marks.is_empty() && at.mistakes.is_empty() && at.trying.is_fine();
    let status = if is_fine { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(bench(&frame, &shown, status, &at))
}

/// Leads to the page of the change; `None` if it was refused.
async fn save(
    ctx: &OpContext,
    services: &Services,
    shown: &TypeShown,
    stored: &Value,
    written: Option<Written>,
    seen: &Seen,
    at: &mut Bench,
) -> Result<Option<Response>, Error> {
    let mut body = Map::new();
    body.insert("scriptSource".to_owned(), at.typed.text(SOURCE).into());
    if let Some(written) = written.as_ref().filter(|written| !written.is(stored)) {
        body.insert("configSchema".to_owned(), written.value.clone());
    }
    let text = serde_json::to_vec(&Value::Object(body)).map_err(Error::internal)?;
    match change::begin(ctx, services, &shown.head.name, &text, seen).await {
        Ok(response) => Ok(Some(response)),
        Err(error) if !error.mistakes().is_empty() => {
            at.marks = Mark::of(&error, SOURCE);
            at.mistakes = checked::placed(&error, written.as_ref());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
