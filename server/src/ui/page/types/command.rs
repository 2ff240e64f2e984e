//! A command of a connector type: its params, its outputs, and its JSON Schema.

use axum::extract::State;
use axum::response::Response;
use connector_runtime::schema::{Command, command_schemas};
use floh_client::words::ExecutionModel;
use maud::{Markup, html};
use serde_json::json;

use super::fields;
use super::head::TypeShown;
use crate::api::{PathKeys, Problem};
use crate::catalog;
use crate::error::Error;
use crate::services::Services;
use crate::ui::door::Frame;
use crate::ui::form::capital;
use crate::ui::page::connector::effect_badge;
use crate::ui::part::badge::badge;
use crate::ui::part::icon::icon;
use crate::ui::part::prose::prose;

/// The maximum number of bytes of a schema that a page shows.
const MAX_INLINE: usize = 256 << 10;
/// The maximum number of commands that an error names.
const MAX_NAMED: usize = 20;

/// Shows a command.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, name): PathKeys,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let schema = catalog::schema_of_type(ctx, &services, &shown.head.name).await?;
    let Some(command) = schema.commands.get(&name) else {
        let known: Vec<&str> = schema.commands.keys().take(MAX_NAMED).map(String::as_str).collect();
        let type_name = &shown.head.name;
        return Err(Error::not_found(format!("{type_name} has no command {name}; it has {}", known.join(", "))).into());
    };
    let scenarios = if shown.head.execution_model == ExecutionModel::BuiltIn {
        let capabilities = catalog::capabilities(ctx, &services, &shown.head.name).await?;
        let found = capabilities.commands.into_iter().find(|known| known.name == name);
        found.map(|known| known.mock_scenarios).unwrap_or_default()
    } else {
        Vec::new()
    };
    let content = html! {
        (shown.head("", &html! {}))
        div.aside {
            div.stack {
                section.card aria-labelledby="command-title" {
                    header { h2 #command-title { (name) } (effect_badge(command.effect)) @if command.deprecated { (badge("warn", "alert", "Deprecated")) } }
                    div.body.stack {
                        @if let Some(text) = &command.description { p { (prose(text)) } }
                        @if command.deprecated { p.notice.warn { (icon("alert")) span { (prose(&capital(command.deprecated_message.as_deref().unwrap_or("Use another command.")))) } } }
                        @if command.params.is_empty() { p.muted { "It has no params." } }
                    }
                    @if !command.params.is_empty() { (fields::table(&command.params, "List of params")) }
                }
                (schemas(command))
            }
            aside.stack { (about(&name, command, schema.default_command.as_deref(), &scenarios)) }
        }
    };
    Ok(frame.page(&format!("{name} of {}", shown.head.name), &content))
}

fn schemas(command: &Command) -> Markup {
    let (params, outputs) = command_schemas(command);
    let text = serde_json::to_string_pretty(&json!({ "params": params, "outputs": outputs })).unwrap_or_default();
    html! {
        div.card {
            header {
                h2 { "JSON Schema" }
                @if text.len() <= MAX_INLINE { span.end { button.btn.small type="button" data-copy-from="json-schema" { (icon("copy")) "Copy" } } }
            }
            div.body {
                @if text.len() <= MAX_INLINE { pre.code #json-schema tabindex="0" role="region" aria-label="JSON Schema" data-code data-lang="json" { code { (text) } } }
                @else { p.muted { "It has " (text.len() / 1024) " KiB, which is too much for a page. The schema of the type can be downloaded." } }
            }
        }
    }
}

fn about(name: &str, command: &Command, default: Option<&str>, scenarios: &[String]) -> Markup {
    html! {
        section.card aria-labelledby="about-title" {
            header { h2 #about-title { "About" } }
            div.body {
                dl.facts {
                    dt { "Outputs" } dd { @if command.outputs.is_empty() { "not named" } @else { (command.outputs.join(", ")) } }
                    dt { "Sent twice" } dd { @if command.idempotent { "the same as sent once" } @else { "done twice" } }
                    @if default == Some(name) { dt { "Default" } dd { "it runs if a call names no command" } }
                    @if let Some(version) = &command.added_in_version { dt { "Since" } dd { (version) } }
                    @if let Some(source) = &command.source { dt { "Operation" } dd { code { (source.method) " " (source.path) } } }
                    @if !scenarios.is_empty() { dt { "Mock scenarios" } dd { (scenarios.join(", ")) } }
                }
            }
        }
    }
}
