//! The history of a connector type: its versions, one of them, and two of them compared.

use axum::extract::State;
use axum::response::Response;
use floh_client::answers::{Actor, VersionDetail, VersionView};
use floh_client::words::VersionSource;
use maud::{Markup, html};

use super::head::TypeShown;
use crate::api::{PathKey, PathKeys, Problem, Query};
use crate::catalog::{self, Compared};
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;
use crate::ui::form::capital;
use crate::ui::page::change::{changes, level_badge};
use crate::ui::part::badge::count;
use crate::ui::part::editor::Lang;
use crate::ui::part::icon::icon;
use crate::ui::part::pages::pager;
use crate::ui::part::{diff, time};

/// How many changes of a version its row names.
const FIRST_CHANGES: usize = 3;
/// The maximum number of bytes of a schema or a script that a page shows.
const MAX_INLINE: usize = 256 << 10;

/// Shows the versions, newest first.
pub(in crate::ui) async fn list(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let page = PageRequest { limit: PageRequest::DEFAULT, cursor: query.text("cursor") };
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let found = catalog::versions(ctx, &services, &shown.head.name, &page).await?;
    let note = count(found.items.len(), "version", "versions");
    let content = html! {
        (shown.head("versions", &html! {}))
        section.card aria-label="Versions" {
            @if found.items.len() > 1 { (compare_form(&shown, &found.items)) }
            div.table {
                table {
                    caption.sr { "Versions of " (shown.head.name) ", newest first" }
                    thead { tr { th scope="col" { "Version" } th scope="col" { "Level" } th.p2 scope="col" { "Changes" } th.p3 scope="col" { "By" } th scope="col" { "Written" } } }
                    tbody { @for view in &found.items { (row(&shown, view)) } }
                }
            }
            (pager(&frame.query, found.next_cursor.as_deref(), page.cursor.is_none(), &note))
        }
    };
    Ok(frame.page(&format!("Versions of {}", shown.head.name), &content))
}

fn row(shown: &TypeShown, view: &VersionView) -> Markup {
    let change = &view.change;
    let more = change.total.saturating_sub(FIRST_CHANGES.min(change.changes.len()));
    html! {
        tr {
            th scope="row" {
                a href=(shown.address(&format!("versions/{}", view.version))) { (view.version) }
                @if view.version == shown.head.version { span.sub { "now" } }
            }
            td { (level(view)) }
            td.p2 {
                @for change in change.changes.iter().take(FIRST_CHANGES) { span.said { (capital(&change.message)) } }
                @if more > 0 { span.said.muted { "and " (count(more, "more", "more")) } }
            }
            td.p3 { (source(view.source)) @if let Some(actor) = &view.actor { span.said.muted { (actor.name) } } }
            td { (time::ago(view.created_at)) }
        }
    }
}

fn level(view: &VersionView) -> Markup {
    if view.source == VersionSource::Create {
        return crate::ui::part::badge::badge("line", "", "First");
    }
    level_badge(view.change.level)
}

/// What wrote a version, in words.
fn source(source: VersionSource) -> &'static str {
    match source {
        VersionSource::Create => "Created",
        VersionSource::Put => "Changed",
        VersionSource::Refresh => "From the service",
        VersionSource::Seed => "With the server",
    }
}

fn compare_form(shown: &TypeShown, versions: &[VersionView]) -> Markup {
    html! {
        form.filters method="get" action=(shown.address("compare")) aria-label="Compare" {
            (chooser("from", "From", versions, 1))
            (chooser("to", "To", versions, 0))
            button.btn { "Compare" }
        }
    }
}

fn chooser(name: &str, label: &str, versions: &[VersionView], chosen: usize) -> Markup {
    html! {
        label.row.tight {
            (label)
            span.sel {
                select name=(name) { @for (place, view) in versions.iter().enumerate() { option value=(view.version) selected[place == chosen] { (view.version) } } }
                (icon("down"))
            }
        }
    }
}

/// Shows a version.
pub(in crate::ui) async fn show(
    frame: Frame,
    State(services): State<Services>,
    PathKeys(key, version): PathKeys,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let detail = catalog::version(ctx, &services, &shown.head.name, &version).await?;
    let view = &detail.view;
    let is_now = view.version == shown.head.version;
    let schema = serde_json::to_string_pretty(&detail.config_schema).unwrap_or_default();
    let content = html! {
        (shown.head("versions", &html! {}))
        section.card aria-labelledby="version-title" {
            header {
                h2 #version-title { "Version " (view.version) }
                (level(view))
                span.end {
                    @if is_now { span.muted { "now" } }
                    @else { a.btn.small href={ (shown.address("compare")) "?from=" (view.version) "&to=" (shown.head.version) } { "Compare with " (shown.head.version) } }
                }
            }
            div.body.stack {
                p.muted { (source(view.source)) " " (time::ago(view.created_at)) (by(view.actor.as_ref())) }
                @if view.change.changes.is_empty() { p.muted { "Nothing changed from the one before." } }
                @else { (changes(&view.change.changes, view.change.total)) }
            }
        }
        @let whole = format!("/api/connector-types/{}/versions/{}", shown.head.name, view.version);
        @if let Some(script) = &detail.script_source { (text_card("script", "Script", Lang::Js, script, &whole)) }
        (text_card("config-schema", "Config schema", Lang::Json, &schema, &whole))
    };
    Ok(frame.page(&format!("{} {}", shown.head.name, view.version), &content))
}

fn by(actor: Option<&Actor>) -> Markup {
    html! { @if let Some(actor) = actor { " by " (actor.name) } }
}

fn text_card(id: &str, title: &str, lang: Lang, text: &str, whole: &str) -> Markup {
    html! {
        div.card {
            header {
                h2 { (title) }
                @if text.len() <= MAX_INLINE { span.end { button.btn.small type="button" data-copy-from=(id) { (icon("copy")) "Copy" } } }
            }
            div.body {
                @if text.len() <= MAX_INLINE { pre.code id=(id) tabindex="0" role="region" aria-label=(title) data-code data-lang=(lang.as_str()) { code { (text) } } }
                @else { p.muted { "It has " (text.len() / 1024) " KiB, which is too much for a page. " a href=(whole) { "The whole version as JSON" } } }
            }
        }
    }
}

/// Shows what differs between two versions.
pub(in crate::ui) async fn compare(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
    query: Query,
) -> Result<Response, Problem> {
    let mut query = query.without_empty();
    let whole = query.text("script").is_some_and(|script| script == "whole");
    let (from, to) = (query.text("from"), query.text("to"));
    query.finish()?;
    let ctx = frame.ctx()?;
    let shown = TypeShown::read(ctx, &services, &key).await?;
    if let Some(moved) = shown.to_name(&frame, &key) {
        return Ok(moved);
    }
    let from = from.unwrap_or_else(|| shown.head.version.clone());
    let to = to.unwrap_or_else(|| shown.head.version.clone());
    let compared = catalog::compare_versions(ctx, &services, &shown.head.name, &from, &to).await?;
    let Compared { from, to, level, changes: items } = &compared;
    let content = html! {
        (shown.head("versions", &html! {}))
        section.card aria-labelledby="changes-title" {
            header {
                h2 #changes-title { "From " (from.view.version) " to " (to.view.version) }
                (level_badge(*level))
                span.end.muted { small { (count(items.len(), "change", "changes")) } }
            }
            div.body.stack {
                @if items.is_empty() { p.muted { "Nothing differs." } } @else { (changes(items, items.len())) }
            }
            footer { a.btn.bare href={ (shown.address("compare")) "?from=" (to.view.version) "&to=" (from.view.version) } { "The other way round" } a.btn.bare href=(shown.address("versions")) { "All versions" } }
        }
        (scripts(&shown, from, to, whole))
    };
    Ok(frame.page(&format!("{} from {} to {}", shown.head.name, from.view.version, to.view.version), &content))
}

fn scripts(shown: &TypeShown, from: &VersionDetail, to: &VersionDetail, whole: bool) -> Markup {
    let (Some(old), Some(new)) = (&from.script_source, &to.script_source) else { return html! {} };
    let address = format!("{}?from={}&to={}", shown.address("compare"), from.view.version, to.view.version);
    diff::scripts(old, new, &address, &format!("{address}&script=whole"), whole)
}
