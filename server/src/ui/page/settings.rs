//! The settings of a connector: its name and what describes it, whether it may be called, and its end.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use floh_client::bodies::{ConnectorPatch, MAX_TIMEOUT_MS};
use floh_client::words::{LogLevel, Recording};
use maud::html;

use super::connection::clears_notice;
use super::connector::{Shown, revision, to_name};
use crate::api::{PathKey, Problem};
use crate::catalog;
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{self, FormView, Kind, Mistakes, Spec, Typed, summary};
use crate::ui::part::dialog;
use crate::ui::part::icon::icon;

/// Shows the settings.
pub(in crate::ui) async fn form(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let shown = Shown::read(frame.ctx()?, &services, &key).await?;
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let typed = stored(&shown);
    Ok(show(&frame, &shown, &typed, &Mistakes::default(), &[], StatusCode::OK))
}

fn stored(shown: &Shown) -> Typed {
    let view = &shown.view;
    let mut typed = Typed::default();
    typed.set("/name", view.name.clone());
    typed.set("/description", view.description.clone());
    typed.set("/category", view.category.clone().unwrap_or_default());
    typed.set("/tags", view.tags.join("\n"));
    typed.set("/enabled", view.enabled.to_string());
    typed.set("/logLevel", format!("\"{}\"", view.log_level));
    typed.set("/record", format!("\"{}\"", view.record));
    typed.set("/timeoutMs", view.timeout_ms.map(|ms| ms.to_string()).unwrap_or_default());
    typed
}

/// The fields of the settings.
fn fields() -> Vec<Spec> {
    let mut name = Spec::text("name", "Name");
    name.required = true;
    name.help = Some(
        "Agents, runs and callers know the connector by its name: whoever uses the old one is told that there is none."
            .to_owned(),
    );
    name.rule = Some("Lower case letters, digits and dashes, at most 63 characters.".to_owned());
    let mut description = Spec::text("description", "Description");
    description.kind = Kind::Text { is_url: false, is_long: true };
    let mut tags = Spec::text("tags", "Tags");
    tags.kind = Kind::Lines(form::Item::Text);
    let mut enabled = Spec::text("enabled", "Enabled");
    enabled.kind = Kind::Flag { or_unset: false };
    enabled.help = Some("A connector that is not enabled refuses every call.".to_owned());
    let mut level = Spec::text("logLevel", "Log level");
    level.required = true;
    level.kind = Kind::Choice {
        options: LogLevel::ALL.iter().map(|word| form::choice(word.as_str())).collect(),
        is_open: false,
    };
    level.help = Some("The lowest level of the lines that an execution keeps of its command's log.".to_owned());
    let mut record = Spec::text("record", "Record");
    record.required = true;
    record.kind = Kind::Choice {
        options: Recording::ALL.iter().map(|word| form::choice(word.as_str())).collect(),
        is_open: false,
    };
    record.help = Some(
        "What is kept of an execution: everything, only that it was, or nothing. From now on; what is there stays."
            .to_owned(),
    );
    let mut timeout = Spec::text("timeoutMs", "Deadline");
    timeout.kind = Kind::Number { is_whole: true, as_text: false };
    timeout.rule = Some(format!("In milliseconds, at most {MAX_TIMEOUT_MS}."));
    timeout.placeholder = Some("30000 by default".to_owned());
    vec![name, description, Spec::text("category", "Category"), tags, enabled, level, record, timeout]
}

/// Saves the settings.
pub(in crate::ui) async fn save(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    let (ctx, mut typed) = body.parse(ctx.clone())?;
    let specs = fields();
    if let Some(button) = typed.take(form::EDIT) {
        let mistakes = form::edit(&button, "", &specs, &mut typed);
        return Ok(show(&frame, &shown, &typed, &mistakes, &[], StatusCode::OK));
    }
    let revision = revision(&typed)?;
    let reading = form::read("", &specs, &typed);
    let mut mistakes = reading.mistakes.clone();
    let patch = if mistakes.is_empty() { patch(&shown, &reading) } else { Err(mistakes.clone()) };
    let clears = match &patch {
        Ok(patch) if typed.text("confirmed") != "yes" => {
            catalog::cleared_by(&ctx, &services, &key, patch).await.unwrap_or_default()
        }
        _ => Vec::new(),
    };
    if !clears.is_empty() {
        return Ok(show(&frame, &shown, &typed, &mistakes, &clears, StatusCode::UNPROCESSABLE_ENTITY));
    }
    let error = match patch {
        Ok(patch) => match catalog::update(&ctx, &services, &key, patch, revision).await {
            Ok(view) => return Ok(Redirect::to(&format!("/connectors/{}/settings?saved=1", view.name)).into_response()),
            Err(error) => Some(error),
        },
        Err(found) => {
            mistakes = found;
            None
        }
    };
    match error {
        None => {}
        Some(error) if error.kind() == ErrorKind::Stale => {
            let now = Shown::read(&ctx, &services, &key).await?;
            let changed = "somebody saved these settings while you were typing. Yours stand below; saving them now replaces those";
            mistakes.add("", changed);
            return Ok(show(&frame, &now, &typed, &mistakes, &[], StatusCode::PRECONDITION_FAILED));
        }
        Some(error) if error.code() == "name_taken" => mistakes.add("/name", error.detail()),
        Some(error) if !error.mistakes().is_empty() => mistakes = Mistakes::of(&error),
        Some(error) => return Err(error.into()),
    }
    Ok(show(&frame, &shown, &typed, &mistakes, &[], StatusCode::UNPROCESSABLE_ENTITY))
}

/// Builds the change: only what differs from what is stored, read as the body of REST is.
fn patch(shown: &Shown, reading: &form::Reading) -> Result<ConnectorPatch, Mistakes> {
    let mut body = reading.values.clone();
    let nulls = ["category", "timeoutMs"];
    for name in nulls {
        body.entry(name).or_insert(serde_json::Value::Null);
    }
    body.entry("description").or_insert_with(|| "".into());
    body.entry("tags").or_insert_with(|| serde_json::json!([]));
    let text = serde_json::to_vec(&body).unwrap_or_default();
    let mut patch = crate::input::connector_patch(&text).map_err(|error| Mistakes::of(&error))?;
    let view = &shown.view;
    patch.name = patch.name.filter(|name| *name != view.name);
    patch.description = patch.description.filter(|text| *text != view.description);
    patch.category = patch.category.filter(|category| *category != view.category);
    patch.tags = patch.tags.filter(|tags| *tags != view.tags);
    patch.enabled = patch.enabled.filter(|enabled| *enabled != view.enabled);
    patch.log_level = patch.log_level.filter(|level| *level != view.log_level);
    patch.record = patch.record.filter(|record| *record != view.record);
    patch.timeout_ms = patch.timeout_ms.filter(|ms| *ms != view.timeout_ms.map(u64::from));
    Ok(patch)
}

/// Deletes the connector, if its name was typed.
pub(in crate::ui) async fn delete(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    let (ctx, typed) = body.parse(ctx.clone())?;
    if typed.text("name").trim() != shown.view.name {
        let mut mistakes = Mistakes::default();
        mistakes.add("", format!("not deleted: type the name {} to confirm it", shown.view.name));
        return Ok(show(&frame, &shown, &stored(&shown), &mistakes, &[], StatusCode::UNPROCESSABLE_ENTITY));
    }
    let revision = revision(&typed)?;
    match catalog::delete(&ctx, &services, &key, revision).await {
        Ok(()) => Ok(Redirect::to("/connectors").into_response()),
        Err(error) if error.kind() == ErrorKind::Stale => Err(Error::stale(
            "somebody changed this connector after the page was shown; look at it again before you delete it",
        )
        .into()),
        Err(error) => Err(error.into()),
    }
}

fn show(
    frame: &Frame,
    shown: &Shown,
    typed: &Typed,
    mistakes: &Mistakes,
    clears: &[String],
    status: StatusCode,
) -> Response {
    let specs = fields();
    let lines = mistakes.lines(&[("", &specs)], typed);
    let placed = mistakes.placed("", &specs, typed);
    let view = FormView { typed, mistakes: &placed, stored: &std::collections::BTreeMap::new(), held: &[] };
    let revision = shown.view.revision.map(|revision| revision.to_string());
    let is_saved = frame.query == "saved=1" && status == StatusCode::OK;
    let content = html! {
        (shown.head(frame, "settings"))
        form #settings.stack.narrow method="post" action=(shown.address("settings")) novalidate data-guard {
            button.sr tabindex="-1" aria-hidden="true" {}
            input type="hidden" name="revision" value=[revision.clone()];
            @if is_saved { p.notice.good role="status" tabindex="-1" data-focus data-once { (icon("check")) span { "Saved." } } }
            (summary(&lines))
            (clears_notice(clears))
            section.card aria-label="Settings" {
                div.body { div.fields { @for spec in &specs { (view.field(spec, &format!("/{}", spec.name))) } } }
                footer { button.btn.main { "Save" } }
            }
        }
        section.card.narrow aria-labelledby="danger-title" {
            header { h2 #danger-title { "Delete" } }
            div.body.stack {
                p.muted { "Its connection and its secrets are removed for good. Its executions stay." }
                div.row { (dialog::opener("delete", "danger", &html! { (icon("trash")) "Delete Connector" })) }
            }
        }
        (dialog::form("delete", &format!("Delete {}?", shown.view.name), &shown.address("delete"), &html! {
            input type="hidden" name="revision" value=[revision];
            p { "Callers that use it are told that there is none. This cannot be taken back." }
            div.field { label for="delete-name" { "Type its name to confirm" } input #delete-name name="name" autocomplete="off" spellcheck="false" required; }
        }, "Delete Connector", true))
    };
    let title = format!("Settings of {}", shown.view.name);
    let title = if status == StatusCode::OK { title } else { format!("Error: {title}") };
    frame.page_with(status, &title, &content)
}
