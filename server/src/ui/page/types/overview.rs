//! The overview of a connector type: its commands, its connection fields, and who calls what is deprecated.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::{Command, ConfigSchema};
use floh_client::words::{ExecutionModel, TypeSource};
use maud::{Markup, html};

use super::fields;
use super::head::{TypeShown, action, new_connector};
use super::list::source_word;
use crate::api::{PathKey, Problem, Query};
use crate::auth::Scope;
use crate::catalog;
use crate::error::ErrorKind;
use crate::execute;
use crate::services::Services;
use crate::store::{DeprecatedUse, MAX_DEPRECATED_CALLS};
use crate::ui::body::FormBody;
use crate::ui::door::Frame;
use crate::ui::form::{Line, capital, summary};
use crate::ui::page::change;
use crate::ui::page::connector::effect_badge;
use crate::ui::part::badge::{self, badge};
use crate::ui::part::icon::icon;
use crate::ui::part::pages::nothing_matches;
use crate::ui::part::prose::prose;
use crate::ui::part::{dialog, time};

/// The maximum number of commands on a page; imports have more than a thousand.
const MAX_COMMANDS: usize = 200;
/// From so many commands on they can be searched.
const SEARCH_FROM: usize = 20;
/// The maximum number of connectors that are named for a deprecated command.
const MAX_CALLERS: usize = 20;

/// Which commands are shown.
#[derive(Debug, Default)]
struct Part {
    q: String,
    from: usize,
}

/// Shows the overview.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let saved = query.text("saved");
    let from = query.text("from").and_then(|from| from.parse().ok()).unwrap_or(0);
    let part = Part { q: query.text("q").unwrap_or_default(), from };
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    page(&frame, &services, &shown, &part, saved.as_deref(), &[]).await
}

async fn page(
    frame: &Frame,
    services: &Services,
    shown: &TypeShown,
    part: &Part,
    saved: Option<&str>,
    lines: &[Line],
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let schema = catalog::schema_of_type(ctx, services, &shown.head.name).await?;
    let has_deprecated = schema.commands.values().any(|command| command.deprecated);
    let callers = if has_deprecated && frame.allows(Scope::AuditRead) {
        Some(execute::deprecated_callers(ctx, services, &shown.head.name).await?)
    } else {
        None
    };
    let begun =
        if frame.allows(Scope::TypesWrite) { change::begun(ctx, services, shown.head.id).await? } else { Vec::new() };
    let content = html! {
        (shown.head("", &actions(frame, shown)))
        (summary(lines))
        @for draft in &begun {
            p.notice {
                (icon("clock"))
                span { "A change was begun and not saved, " (time::ago(draft.updated_at)) ". " a href=(shown.address(&format!("change/{}", draft.id))) { "Go on with it" } }
            }
        }
        (shown.saved(saved, ""))
        div.aside {
            div.stack {
                (commands(shown, &schema, part))
                @if has_deprecated { (deprecated(shown, &schema, callers.as_deref())) }
                (connection(&schema))
            }
            aside.stack { (about(frame, shown, &schema)) }
        }
        @if may_delete(frame, shown) { (delete_dialog(shown)) }
    };
    let name = &shown.head.name;
    match lines {
        [] => Ok(frame.page(name, &content)),
        _ => Ok(frame.page_with(StatusCode::UNPROCESSABLE_ENTITY, &format!("Error: {name}"), &content)),
    }
}

fn may_delete(frame: &Frame, shown: &TypeShown) -> bool {
    let is_deletable = shown.head.source == TypeSource::User || !shown.head.available;
    is_deletable && shown.head.instances == 0 && frame.allows(Scope::TypesWrite)
}

fn actions(frame: &Frame, shown: &TypeShown) -> Markup {
    let head = &shown.head;
    let may_import = frame.allows(Scope::TypesWrite) && frame.allows(Scope::ConnectorsWrite);
    let ways = html! {
        (new_connector(frame, shown))
        @if may_import && head.execution_model == ExecutionModel::OasDerived {
            a.btn href=(shown.address("import")) { (icon("file")) "Import a later document" }
        }
    };
    let why = match () {
        () if head.source == TypeSource::Code && head.available => return ways,
        () if !frame.allows(Scope::TypesWrite) => "Needs the scope types:write".to_owned(),
        () if head.instances > 0 => {
            let instances = usize::try_from(head.instances).unwrap_or(usize::MAX);
            format!("Used by {}: delete those first", badge::count(instances, "connector", "connectors"))
        }
        () => return html! { (ways) (dialog::opener("delete", "danger", &html! { (icon("trash")) "Delete Type" })) },
    };
    html! { (ways) button.btn.danger type="button" disabled title=(why) { (icon("trash")) "Delete Type" span.sr { " (" (why) ")" } } }
}

fn delete_dialog(shown: &TypeShown) -> Markup {
    let body = html! {
        p { "Its schema, its script and all its versions are removed. This cannot be taken back." }
        div.field { label for="delete-name" { "Type its name to confirm" } input #delete-name name="name" autocomplete="off" spellcheck="false" required; }
    };
    let title = format!("Delete {}?", shown.head.name);
    dialog::form("delete", &title, &shown.address("delete"), &body, "Delete Type", true)
}

/// Deletes a type without connectors, if its name was typed.
pub(in crate::ui) async fn delete(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    body: FormBody,
) -> Result<Response, Problem> {
    let (ctx, typed) = body.parse(frame.ctx()?.clone())?;
    let shown = TypeShown::read(&ctx, &services, &key).await?;
    let refused = |message: String| vec![Line { target: None, label: None, message }];
    let lines = if typed.text("name").trim() == shown.head.name {
        match catalog::delete_type(&ctx, &services, &key).await {
            Ok(()) => return Ok(Redirect::to("/types").into_response()),
            Err(error) if error.kind() == ErrorKind::Conflict => refused(capital(error.detail())),
            Err(error) => return Err(error.into()),
        }
    } else {
        refused(format!("Not deleted: type the name {} to confirm it", shown.head.name))
    };
    page(&frame, &services, &shown, &Part::default(), None, &lines).await
}

fn commands(shown: &TypeShown, schema: &ConfigSchema, part: &Part) -> Markup {
    if schema.open {
        let text = "Any: the type has no schema, so it is its service or its agent that knows them.";
        return html! {
            section.card aria-labelledby="commands-title" { header { h2 #commands-title { "Commands" } } div.body { p.muted { (text) } } }
        };
    }
    let wanted = part.q.to_lowercase();
    let fits = |name: &str, command: &Command| {
        let text = command.description.as_deref().unwrap_or_default();
        wanted.is_empty() || name.to_lowercase().contains(&wanted) || text.to_lowercase().contains(&wanted)
    };
    let found: Vec<(&String, &Command)> =
        schema.commands.iter().filter(|(name, command)| fits(name, command)).collect();
    let rows = found.iter().skip(part.from).take(MAX_COMMANDS);
    html! {
        section.card aria-labelledby="commands-title" {
            header { h2 #commands-title { "Commands" } @if let Some(name) = &schema.default_command { span.end.muted { small { "default: " (name) } } } }
            @if schema.commands.len() > SEARCH_FROM {
                form.filters role="search" method="get" action=(shown.address("")) {
                    div.search {
                        (icon("search"))
                        input type="search" name="q" value=(part.q) aria-label="Search commands" placeholder="Search by name, description";
                        kbd aria-hidden="true" { "/" }
                    }
                    button.btn { "Filter" }
                    @if !part.q.is_empty() { a.btn.bare href=(shown.address("")) { "Clear filters" } }
                }
            }
            @if found.is_empty() && !part.q.is_empty() {
                (nothing_matches("command", &format!("There is none with “{}”.", part.q), &shown.address("")))
            } @else if found.is_empty() {
                div.body { p.muted { "It has none." } }
            } @else {
                div.table {
                    table {
                        caption.sr { "Commands of " (shown.head.name) }
                        thead { tr { th scope="col" { "Command" } th scope="col" { "Effect" } th.p2.num scope="col" { "Params" } th.p3 scope="col" { "Outputs" } th.p3 scope="col" { "Since" } } }
                        tbody { @for (name, command) in rows { (command_row(shown, name, command)) } }
                    }
                }
                @if found.len() > MAX_COMMANDS || part.from > 0 { (parts(part, found.len())) }
            }
        }
    }
}

fn command_row(shown: &TypeShown, name: &str, command: &Command) -> Markup {
    html! {
        tr {
            th scope="row" {
                a href=(shown.address(&format!("commands/{name}"))) { (name) }
                @if let Some(text) = &command.description { span.sub { (prose(text)) } }
            }
            td { span.row.tight { (effect_badge(command.effect)) @if command.deprecated { (badge("warn", "alert", "Deprecated")) } } }
            td.p2.num { (command.params.len()) }
            td.p3.clip { (command.outputs.join(", ")) }
            td.p3 { @if let Some(version) = &command.added_in_version { (version) } }
        }
    }
}

/// Leads through a long list of commands.
fn parts(part: &Part, total: usize) -> Markup {
    let with = |from: usize| {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        if !part.q.is_empty() {
            pairs.append_pair("q", &part.q);
        }
        format!("?{}", pairs.append_pair("from", &from.to_string()).finish())
    };
    let end = (part.from + MAX_COMMANDS).min(total);
    html! {
        div.pages {
            span { (part.from + 1) " to " (end) " of " (total) }
            span.end {
                @if part.from > 0 { a.btn.small href=(with(part.from.saturating_sub(MAX_COMMANDS))) { "Previous" } }
                @if end < total { a.btn.small rel="next" href=(with(end)) { "More" } }
            }
        }
    }
}

/// The deprecated commands, each with who calls it.
fn deprecated(shown: &TypeShown, schema: &ConfigSchema, callers: Option<&[DeprecatedUse]>) -> Markup {
    let mut by_command: BTreeMap<&str, Vec<&DeprecatedUse>> = BTreeMap::new();
    for used in callers.unwrap_or_default() {
        by_command.entry(&used.command).or_default().push(used);
    }
    let commands = schema.commands.iter().filter(|(_, command)| command.deprecated).take(MAX_COMMANDS);
    html! {
        section.card aria-labelledby="deprecated-title" {
            header { h2 #deprecated-title { "Deprecated" } span.end.muted { small { "who calls it, last 30 days" } } }
            div.body.stack {
                @for (name, command) in commands {
                    div {
                        h3 { a href=(shown.address(&format!("commands/{name}"))) { (name) } }
                        p.help { (prose(&capital(command.deprecated_message.as_deref().unwrap_or("Use another command.")))) }
                        @match (callers, by_command.get(name.as_str())) {
                            (None, _) => p.muted { "Calls are shown to tokens with the scope audit:read." },
                            (Some(_), None) => p.muted { "Nobody has called it." },
                            (Some(_), Some(uses)) => (caller_list(uses)),
                        }
                    }
                }
                @if callers.is_some_and(|uses| uses.iter().map(|used| used.calls).sum::<u64>() >= u64::from(MAX_DEPRECATED_CALLS)) {
                    p.muted { "Of the newest " (MAX_DEPRECATED_CALLS) " calls of deprecated commands." }
                }
            }
        }
    }
}

fn caller_list(uses: &[&DeprecatedUse]) -> Markup {
    let more = uses.len().saturating_sub(MAX_CALLERS);
    html! {
        ul {
            @for used in uses.iter().take(MAX_CALLERS) {
                li {
                    @if used.is_gone { (used.connector) " (deleted)" } @else { a href={ "/connectors/" (used.connector) } { (used.connector) } }
                    span.help { " · " (badge::count(usize::try_from(used.calls).unwrap_or(usize::MAX), "call", "calls")) ", last " (time::ago(used.last)) }
                }
            }
            @if more > 0 { li.muted { "and " (badge::count(more, "more connector", "more connectors")) } }
        }
    }
}

fn connection(schema: &ConfigSchema) -> Markup {
    html! {
        section.card aria-labelledby="connection-title" {
            header { h2 #connection-title { "Connection" } }
            @if schema.connection.is_empty() { div.body { p.muted { "It has no fields." } } }
            @else { (fields::table(&schema.connection, "Connection fields")) }
        }
    }
}

fn about(frame: &Frame, shown: &TypeShown, schema: &ConfigSchema) -> Markup {
    let head = &shown.head;
    let edit = action(frame, &[Scope::TypesWrite], "small", &shown.address("details"), &html! { "Edit details" });
    html! {
        section.card aria-labelledby="about-title" {
            header { h2 #about-title { "About" } @if head.source == TypeSource::User { span.end { (edit) } } }
            div.body {
                dl.facts {
                    dt { "Version" } dd { (head.version) }
                    dt { "Model" } dd { (badge::model(head.execution_model)) }
                    dt { "Source" } dd { (source_word(head.source)) }
                    @if let Some(endpoint) = &head.endpoint_url { dt { "Endpoint" } dd { code { (endpoint) } } }
                    @if let Some(egress) = &schema.egress { dt { "Goes to" } dd { (if egress.is_empty() { "nowhere".to_owned() } else { egress.join(", ") }) } }
                    @if let Some(category) = &head.category { dt { "Category" } dd { (category) } }
                    @if !head.tags.is_empty() { dt { "Tags" } dd { (head.tags.join(", ")) } }
                    dt { "Connectors" } dd { a href=(shown.address("used-by")) { (head.instances) } }
                    dt { "Changed" } dd { (time::ago(head.updated_at)) }
                    dt { "Capabilities" } dd { a href={ "/api/connector-types/" (head.name) "/capabilities" } { "as JSON" } }
                    dt { "ID" } dd { code { (head.id) } }
                }
            }
        }
    }
}
