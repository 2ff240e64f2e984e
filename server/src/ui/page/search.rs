//! The search over connectors, types and commands.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};

use crate::api::{Problem, Query};
use crate::catalog::{self, MAX_FOUND, MAX_SEARCH_CHARS, MAX_SEARCHED_COMMANDS, SearchFound};
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::form::{Line, capital, summary};
use crate::ui::part::badge;
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::prose::prose;

/// Shows what was found.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let text = query.text("q").unwrap_or_default();
    query.finish()?;
    let (found, lines) = match catalog::search(frame.ctx()?, &services, &text).await {
        Ok(found) => (found, Vec::new()),
        Err(error) if !error.mistakes().is_empty() => {
            let messages = error.mistakes().iter().map(|mistake| capital(&mistake.message));
            let line =
                |message| Line { target: Some("search-q".to_owned()), label: Some("Search".to_owned()), message };
            (SearchFound::default(), messages.map(line).collect())
        }
        Err(error) => return Err(error.into()),
    };
    let content = html! {
        (head(&[], &html! { h1 { "Search" } }, "", &html! {}))
        (summary(&lines))
        section.card aria-label="Search" {
            form.filters role="search" method="get" action="/search" {
                div.search {
                    (icon("search"))
                    input #search-q type="search" name="q" value=(text) aria-label="Search everything" maxlength=(MAX_SEARCH_CHARS)
                        placeholder="Connectors, types, commands" aria-invalid=[(!lines.is_empty()).then_some("true")];
                    kbd aria-hidden="true" { "/" }
                }
                button.btn { "Search" }
            }
            (results(&text, &found))
        }
    };
    if lines.is_empty() {
        return Ok(frame.page("Search", &content));
    }
    Ok(frame.page_with(StatusCode::UNPROCESSABLE_ENTITY, "Error: Search", &content))
}

fn results(text: &str, found: &SearchFound) -> Markup {
    let connectors = found.connectors.as_deref().unwrap_or_default();
    let types = found.types.as_deref().unwrap_or_default();
    let commands = found.commands.as_deref().unwrap_or_default();
    let is_empty = connectors.is_empty() && types.is_empty() && commands.is_empty();
    let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    html! {
        @if text.trim().is_empty() {
            div.empty { (icon("search")) h2 { "Search everything" } p { "Connectors and types by name, description, category and tag; commands by name and description." } }
        } @else if is_empty {
            div.empty role="status" { (icon("search")) h2 { "Nothing matches" } p { "Nothing that this token may see has “" (text) "” in its name or description." } }
        } @else {
            div.body.stack {
                (group("Connectors", connectors.len(), found.more.contains(&"connectors"), Some(&format!("/connectors?q={encoded}")), &html! {
                    @for line in connectors { (item(&format!("/connectors/{}", line.name), "plug", &line.name, &line.type_name, &line.description)) }
                }))
                (group("Types", types.len(), found.more.contains(&"types"), Some(&format!("/types?q={encoded}")), &html! {
                    @for head in types { (item(&format!("/types/{}", head.name), "layers", &head.name, badge::model(head.execution_model), &head.description)) }
                }))
                (group("Commands", commands.len(), found.more.contains(&"commands"), None, &html! {
                    @for line in commands { (item(&format!("/types/{}/commands/{}", line.type_name, line.name), "code", &line.name, &line.type_name, &line.description)) }
                }))
                @if found.is_cut { p.muted { "Only " (MAX_SEARCHED_COMMANDS) " commands were searched; there are more." } }
            }
        }
    }
}

fn group(title: &str, number: usize, has_more: bool, all: Option<&str>, items: &Markup) -> Markup {
    html! {
        @if number > 0 {
            section aria-label=(title) {
                h2 { (title) }
                ul.found { (items) }
                @if has_more {
                    p.muted {
                        "The first " (MAX_FOUND) ". "
                        @match all { Some(address) => a href=(address) { "All that match" }, None => "Add letters to find the others." }
                    }
                }
            }
        }
    }
}

fn item(address: &str, mark: &str, name: &str, of: &str, text: &str) -> Markup {
    html! { li { (icon(mark)) a href=(address) { (name) } span.muted { (of) } @if !text.is_empty() { span.sub { (prose(text)) } } } }
}
