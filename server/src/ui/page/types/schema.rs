//! The schema of a connector type: as JSON Schema, to copy and to download, and in the editor of its owner.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use floh_client::words::{ExecutionModel, TypeSource};
use maud::{Markup, html};
use serde_json::json;

use super::head::{TypeShown, action};
use crate::api::{PathKey, Problem, Query};
use crate::auth::{OpContext, Scope};
use crate::catalog;
use crate::error::Error;
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::config_schema;
use crate::ui::door::Frame;
use crate::ui::form::{self, Line, Mistakes, Typed, summary};
use crate::ui::page::change::{self, Origin, Seen};
use crate::ui::part::icon::icon;

/// The maximum number of bytes of a schema that a page shows; a longer one is downloaded.
const MAX_INLINE: usize = 256 << 10;

/// Shows the schema.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    page(&frame, ctx, &services, &shown, None).await
}

/// The page; `problem` is why the service could not be asked.
async fn page(
    frame: &Frame,
    ctx: &OpContext,
    services: &Services,
    shown: &TypeShown,
    problem: Option<&Error>,
) -> Result<Response, Problem> {
    let head = &shown.head;
    let document = catalog::json_schema(ctx, services, &head.name).await?;
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    let file = format!("{}-{}.schema.json", head.name, head.version);
    let mistakes = problem.map(Error::mistakes).unwrap_or_default().iter();
    let lines: Vec<Line> = mistakes
        .map(|mistake| Line { target: None, label: None, message: format!("The service: {}", mistake.message) })
        .collect();
    let content = html! {
        (shown.head("schema", &actions(frame, shown)))
        (summary(&lines))
        @if head.commands.is_none() {
            p.notice { (icon("info")) span { "The type has no schema: its service or its agent decides what it takes." } }
        }
        div.card {
            header {
                h2 { "JSON Schema" }
                span.end {
                    @if text.len() <= MAX_INLINE { button.btn.small type="button" data-copy-from="json-schema" { (icon("copy")) "Copy" } }
                    a.btn.small download=(file) href={ "/api/connector-types/" (head.name) "/json-schema" } { "Download" }
                }
            }
            div.body {
                @if text.len() <= MAX_INLINE {
                    pre.code #json-schema tabindex="0" role="region" aria-label="JSON Schema" data-code data-lang="json" { code { (text) } }
                } @else {
                    p.muted { "It has " (text.len() / 1024) " KiB, which is too much for a page. Download it." }
                }
            }
        }
    };
    let title = format!("Schema of {}", head.name);
    match problem {
        None => Ok(frame.page(&title, &content)),
        Some(_) => Ok(frame.page_with(StatusCode::UNPROCESSABLE_ENTITY, &format!("Error: {title}"), &content)),
    }
}

fn actions(frame: &Frame, shown: &TypeShown) -> Markup {
    let head = &shown.head;
    let has_service = head.execution_model == ExecutionModel::External && head.endpoint_url.is_some();
    let is_editable = head.source == TypeSource::User && head.execution_model != ExecutionModel::OasDerived;
    let lacking = [Scope::TypesWrite, Scope::ConnectorsWrite].into_iter().find(|scope| !frame.allows(*scope));
    let why = lacking.map(|scope| format!("Needs the scope {}", scope.as_str()));
    html! {
        @if has_service {
            form method="post" action=(shown.address("refresh")) {
                button.btn disabled[why.is_some()] title=[why.as_deref()] { (icon("globe")) "Compare with the service" @if let Some(why) = &why { span.sr { " (" (why) ")" } } }
            }
        }
        @if is_editable {
            (action(frame, &[Scope::TypesWrite], "main", &shown.address("schema/edit"), &html! { "Edit schema" }))
        }
    }
}

/// What stands in the editor.
#[derive(Default)]
struct Edited {
    typed: Typed,
    mistakes: Mistakes,
    /// The button of the editor that was pressed.
    pressed: String,
    /// The inputs that bind the form to what it was made from.
    bond: Markup,
}

/// Shows the editor.
pub(in crate::ui) async fn edit(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let draft = query.text("draft");
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let kept = match &draft {
        Some(draft) => change::body_of(ctx, &services, draft).await?,
        None => None,
    };
    let schema = match kept.and_then(|mut body| body.remove("configSchema")) {
        Some(schema) => schema,
        None => catalog::get_type(ctx, &services, &key).await?.config_schema,
    };
    let mut typed = Typed::default();
    // That of a type without a schema is a beginning.
    let beginning = json!({ "connectionConfig": {}, "commands": {} });
    config_schema::fill(if schema.is_null() { &beginning } else { &schema }, &mut typed);
    let bond = Seen::inputs(&shown, draft.as_deref());
    Ok(editor(&frame, &shown, Edited { typed, bond, ..Edited::default() }))
}

/// Takes the schema that was typed, and leads to the change.
pub(in crate::ui) async fn take(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, mut typed) = body.parse(frame.ctx()?.clone())?;
    let shown = TypeShown::read(&ctx, &services, &key).await?;
    let seen = Seen::of(&typed);
    if let Some(pressed) = typed.take(form::EDIT) {
        let mistakes = config_schema::edit(&pressed, &mut typed)?;
        return Ok(editor(&frame, &shown, Edited { typed, mistakes, pressed, bond: seen.again() }));
    }
    if !config_schema::places().iter().any(|place| typed.has_within(place)) {
        return Err(Error::invalid_at("", "the form came without a schema; open the editor again").into());
    }
    let refused = |mistakes| Edited { typed: typed.clone(), mistakes, bond: seen.again(), ..Edited::default() };
    let written = match config_schema::read(&typed) {
        Ok(written) => written,
        Err(mistakes) => return Ok(editor(&frame, &shown, refused(mistakes))),
    };
    let body = serde_json::to_vec(&json!({ "configSchema": written.value })).map_err(Error::internal)?;
    match change::begin(&ctx, &services, &shown.head.name, &body, &seen).await {
        Ok(response) => Ok(response),
        Err(error) if !error.mistakes().is_empty() => Ok(editor(&frame, &shown, refused(written.placed(&error)))),
        Err(error) => Err(error.into()),
    }
}

fn editor(frame: &Frame, shown: &TypeShown, edited: Edited) -> Response {
    let Edited { typed, mut mistakes, pressed, bond } = edited;
    let spec = [config_schema::spec()];
    let marks = config_schema::marks(&typed, &mut mistakes);
    let mut lines = mistakes.lines(&[("", &spec)], &typed);
    lines.extend(config_schema::lines(&marks));
    let placed = mistakes.placed("", &spec, &typed);
    let schema = config_schema::Shown { typed: &typed, mistakes: &placed, marks: &marks, pressed: &pressed };
    let content = html! {
        (shown.head("schema", &html! {}))
        form #schema.stack method="post" action=(shown.address("schema/edit")) novalidate data-guard data-swap="schema" {
            button.sr name="go" value="next" tabindex="-1" aria-hidden="true" {}
            (bond)
            (summary(&lines))
            p.help { "What is left out is removed from the type. Nothing is saved before the next page." }
            (schema.show())
            div.row {
                button.btn.main name="go" value="next" { "Next" }
                a.btn.bare href=(shown.address("schema")) { "Cancel" }
            }
        }
    };
    let title = format!("Edit the schema of {}", shown.head.name);
    if lines.is_empty() {
        return frame.page(&title, &content);
    }
    frame.page_with(StatusCode::UNPROCESSABLE_ENTITY, &format!("Error: {title}"), &content)
}

/// Compares an external type with what its service publishes, and leads to the change.
pub(in crate::ui) async fn refresh(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    let served = match catalog::served_schema(ctx, &services, &shown.head.name).await {
        Ok(served) => served,
        Err(error) if !error.mistakes().is_empty() => return page(&frame, ctx, &services, &shown, Some(&error)).await,
        Err(error) => return Err(error.into()),
    };
    let version = served.version.map(|version| format!(",\"version\":{}", json!(version))).unwrap_or_default();
    let body = format!("{{\"configSchema\":{}{version}}}", served.schema);
    let seen = Seen { revision: Some(served.revision), version: Some(shown.head.version.clone()), draft: None };
    match change::begin_from(ctx, &services, &shown.head.name, body.as_bytes(), &seen, Origin::Service).await {
        Ok(response) => Ok(response),
        Err(error) if !error.mistakes().is_empty() => page(&frame, ctx, &services, &shown, Some(&error)).await,
        Err(error) => Err(error.into()),
    }
}
