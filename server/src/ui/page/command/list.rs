//! The list of a connector's commands.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::{Command, is_command_name};
use maud::{Markup, html};

use super::view::SEARCH_FROM;
use crate::api::{PathKey, Problem, Query};
use crate::error::Error;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::page::connector::{Shown, effect_badge, to_name};
use crate::ui::part::badge::{self, badge};
use crate::ui::part::icon::icon;
use crate::ui::part::pages::{nothing_matches, steps};
use crate::ui::part::prose::prose;

/// The commands of one page; imports have more than a thousand.
const PAGE: usize = 100;

/// Shows the list of commands.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let shown = Shown::read(frame.ctx()?, &services, &key).await?;
    let mut query = query.without_empty();
    let (named, search, from) = (query.text("command"), query.text("q"), query.parsed("from"));
    query.finish()?;
    if let Some(command) = named {
        if !is_command_name(&command) {
            let rule = "a command has a name of letters, digits and _, at most 128, that does not begin with a digit";
            return Err(Error::invalid_at("?command", rule).into());
        }
        return Ok(Redirect::to(&shown.address(&format!("commands/{command}"))).into_response());
    }
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let content = html! {
        (shown.head(&frame, "commands"))
        @if shown.schema.open { (open_form(&shown)) } @else { (commands(&frame, &shown, search.as_deref(), from.unwrap_or(0))) }
    };
    Ok(frame.page(&format!("Commands of {}", shown.view.name), &content))
}

fn commands(frame: &Frame, shown: &Shown, search: Option<&str>, from: usize) -> Markup {
    let all = &shown.schema.commands;
    let wanted = search.unwrap_or_default().to_lowercase();
    let fits = |name: &str, command: &Command| {
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        wanted.is_empty() || has(name) || command.description.as_deref().is_some_and(has)
    };
    let found: Vec<_> = all.iter().filter(|(name, command)| fits(name, command)).collect();
    let from = from.min(found.len().saturating_sub(1)) / PAGE * PAGE;
    let address = shown.address("commands");
    html! {
        section.card aria-label="Commands" {
            @if all.len() > SEARCH_FROM || search.is_some() { (filters(&address, search)) }
            @if found.is_empty() && search.is_some() {
                (nothing_matches("command", "No name and no description has this text in it.", &address))
            } @else {
                (table(frame, shown, found.iter().skip(from).take(PAGE).copied()))
                (steps(&frame.query, from, PAGE, found.len(), &badge::count(found.len(), "command", "commands")))
            }
        }
    }
}

fn filters(address: &str, search: Option<&str>) -> Markup {
    html! {
        form.filters role="search" method="get" action=(address) {
            div.search { (icon("search")) input type="search" name="q" value=[search] aria-label="Search commands" placeholder="Search by name or description"; }
            button.btn { "Filter" }
            @if search.is_some() { a.btn.bare href=(address) { "Clear filters" } }
        }
    }
}

fn table<'c>(frame: &Frame, shown: &Shown, commands: impl Iterator<Item = (&'c String, &'c Command)>) -> Markup {
    html! {
        div.table {
            table {
                caption.sr { "Commands of " (shown.view.name) }
                thead { tr { th scope="col" { "Command" } th.p2 scope="col" { "Effect" } th.p3.num scope="col" { "Params" } th.p3 scope="col" { "Since" } } }
                tbody {
                    @for (name, command) in commands {
                        tr {
                            th scope="row" {
                                a href=(shown.address(&format!("commands/{name}"))) { (name) }
                                @if let Some(text) = &command.description { span.sub { (prose(text)) } }
                            }
                            @let hindrance = frame.hindrance(name, command.effect);
                            td.p2 { span.row.tight { (effect_badge(command.effect)) @if let Some(why) = hindrance { span.muted title=(why) { "not yours to run" span.sr { ": " (why) } } } @if command.deprecated { (badge("warn", "alert", "Deprecated")) } } }
                            td.p3.num { (command.params.len()) }
                            td.p3 { @if let Some(version) = &command.added_in_version { (version) } }
                        }
                    }
                }
            }
        }
    }
}

/// A connector without a schema has any command: a person names it.
fn open_form(shown: &Shown) -> Markup {
    html! {
        section.card aria-labelledby="open-title" {
            header { h2 #open-title { "Any command" } }
            form method="get" action=(shown.address("commands")) {
                div.body.stack {
                    p.muted { "The type has no schema, so it is the agent or the service that knows its commands." }
                    div.field { label for="open-command" { "Command" } input #open-command name="command" autocomplete="off" spellcheck="false" required; }
                }
                footer { button.btn.main { "Next" } }
            }
        }
    }
}
