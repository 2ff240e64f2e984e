//! The page of a connector: its tabs, and the overview.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use connector_runtime::schema::{ConfigSchema, Effect};
use floh_client::answers::{CircuitState, ConnectorView, ExecutionSummary, RemoteState};
use floh_client::bodies::Test;
use floh_client::words::Recording;
use floh_client::{ExecutionFilter, Revision};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::connectors::badges;
use super::{command, executions};
use crate::api::{PathKey, Problem};
use crate::auth::{OpContext, Scope};
use crate::catalog;
use crate::error::Error;
use crate::execute::{self, IdempotentOutcome, TEST_COMMAND};
use crate::services::Services;
use crate::store::PageRequest;
use crate::ui::door::Frame;
use crate::ui::form::Typed;
use crate::ui::part::badge::{self, badge};
use crate::ui::part::chart::{Bar, chart};
use crate::ui::part::frame::head;
use crate::ui::part::icon::icon;
use crate::ui::part::time;

/// How far back the chart goes, beside the current hour.
const SHOWN: SignedDuration = SignedDuration::from_hours(23);
/// How many of the last executions the overview shows.
const LAST_EXECUTIONS: u32 = 6;

/// A connector with what its type accepts.
#[derive(Debug)]
pub(in crate::ui) struct Shown {
    /// The connector.
    pub(in crate::ui) view: ConnectorView,
    /// The schema of its type.
    pub(in crate::ui) schema: Arc<ConfigSchema>,
}

impl Shown {
    /// Reads a connector by its name or id.
    pub(in crate::ui) async fn read(ctx: &OpContext, services: &Services, key: &str) -> Result<Self, Error> {
        let (view, schema) = catalog::get_with_schema(ctx, services, key).await?;
        Ok(Self { view, schema })
    }

    /// Returns the address of the connector, or of a tab of it.
    pub(in crate::ui) fn address(&self, tab: &str) -> String {
        if tab.is_empty() {
            format!("/connectors/{}", self.view.name)
        } else {
            format!("/connectors/{}/{tab}", self.view.name)
        }
    }

    /// Returns whether the connector can be tested: by a command of its type, or at the address of its service. A type
    /// without a schema is an agent's, and may have the command.
    pub(in crate::ui) fn has_test(&self) -> bool {
        self.schema.commands.contains_key("test") || self.view.endpoint_url.is_some() || self.schema.open
    }

    /// Shows the head of every page of the connector.
    pub(in crate::ui) fn head(&self, frame: &Frame, tab: &str) -> Markup {
        let effect = self.schema.commands.get(TEST_COMMAND).and_then(|command| command.effect);
        let title = html! { h1 { (self.view.name) } (badges(&self.view)) };
        let lacking = (!self.has_test()).then_some("Its type has no test command: try a command");
        let hindrance = frame.hindrance(TEST_COMMAND, effect).or(lacking);
        let actions = html! {
            form method="post" action=(self.address("test")) {
                button.btn disabled[hindrance.is_some()] title=[hindrance] aria-description=[hindrance] { (icon("pulse")) "Test" }
            }
            a.btn.main href=(self.address("commands")) { (icon("play")) "Try a command" }
        };
        // Who may run commands sees the own executions.
        let executions = if frame.reads_executions() { Scope::ConnectorsRead } else { Scope::AuditRead };
        let commands = self.schema.commands.len();
        let tabs = [
            ("", "Overview", String::new(), Scope::ConnectorsRead),
            (
                "commands",
                "Commands",
                if self.schema.open { String::new() } else { commands.to_string() },
                Scope::ConnectorsRead,
            ),
            ("connection", "Connection", String::new(), Scope::ConnectorsWrite),
            ("mock", "Mock", String::new(), Scope::ConnectorsWrite),
            ("executions", "Executions", String::new(), executions),
            ("settings", "Settings", String::new(), Scope::ConnectorsWrite),
        ];
        html! {
            (head(&[("/connectors", "Connectors")], &title, &self.view.description, &actions))
            nav.tabs aria-label=(self.view.name) {
                @for (name, word, count, scope) in tabs {
                    @if frame.allows(scope) {
                        a href=(self.address(name)) aria-current=[(tab == name).then_some("page")] { (word) @if !count.is_empty() { " " span.n { (count) } } }
                    }
                }
            }
        }
    }
}

/// Shows the overview.
pub(in crate::ui) async fn overview(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    if let Some(moved) = to_name(&frame, &key, &shown.view) {
        return Ok(moved);
    }
    let history =
        if frame.allows(Scope::AuditRead) { Some(History::read(ctx, &services, &shown.view).await?) } else { None };
    let content = html! {
        (shown.head(&frame, ""))
        @if frame.query == "made=1" {
            p.notice.good role="status" data-once { (icon("check")) span { (shown.view.name) " is made. " @if shown.has_test() { "Test it." } @else { "Try a command." } } }
        }
        (notices(&shown))
        div.aside {
            div.stack {
                @match &history {
                    Some(history) => (history.show(&shown)),
                    None => p.notice {
                        (icon("info"))
                        span {
                            "Calls are shown to tokens with the scope audit:read. "
                            @if frame.reads_executions() { a href=(shown.address("executions")) { "Your own executions" } }
                        }
                    },
                }
            }
            aside.stack { (about(&frame, &shown)) }
        }
    };
    Ok(frame.page(&shown.view.name, &content))
}

/// Leads from the id of a connector to its name, which is what people see; the query goes with it.
pub(in crate::ui) fn to_name(frame: &Frame, key: &str, view: &ConnectorView) -> Option<Response> {
    if key == view.name {
        return None;
    }
    let rest = frame.address();
    // `/connectors/` and the key as it stands in the path, which may be escaped.
    let rest = rest.strip_prefix("/connectors/").and_then(|rest| rest.find(['/', '?']).map(|end| &rest[end..]));
    Some(Redirect::permanent(&format!("/connectors/{}{}", view.name, rest.unwrap_or_default())).into_response())
}

/// Tests the connector and shows the execution.
pub(in crate::ui) async fn test(
    frame: Frame,
    State(services): State<Services>,
    PathKey(key): PathKey,
) -> Result<Response, Problem> {
    let ctx = frame.ctx()?;
    let shown = Shown::read(ctx, &services, &key).await?;
    let outcome = execute::test(ctx, &services, &key, Test::default()).await?;
    let IdempotentOutcome::Ran(executed) = outcome else { return Err(Error::internal("a test was replayed").into()) };
    // A call that leaves no record has no page.
    if shown.view.record == Recording::None {
        return Ok(frame.page("Test", &html! { (shown.head(&frame, "")) (command::direct_result(&executed)) }));
    }
    Ok(Redirect::to(&format!("/executions/{}", executed.id)).into_response())
}

/// What keeps the connector from working, and what to do.
fn notices(shown: &Shown) -> Markup {
    let view = &shown.view;
    let lacking: Vec<&str> = view.missing.iter().chain(&view.invalid).map(String::as_str).collect();
    let deprecated: Vec<&str> =
        shown.schema.commands.iter().filter(|(_, command)| command.deprecated).map(|(name, _)| name.as_str()).collect();
    html! {
        @if !lacking.is_empty() {
            p.notice.warn {
                (icon("alert"))
                span { "The connection is not complete: " (lacking.join(", ")) ". " a href=(shown.address("connection")) { "Fill it in" } }
            }
        } @else if let Some(reason) = &view.reason {
            p.notice.bad { (icon("alert")) span { (reason) } }
        }
        @if !view.enabled { p.notice { (icon("pause")) span { "Disabled: calls are refused. " a href=(shown.address("settings")) { "Enable it" } } } }
        @match &view.state {
            Some(RemoteState::Service(service)) => {
                @if service.circuit != CircuitState::Closed {
                    p.notice.bad {
                        (icon("alert"))
                        span {
                            "No calls are sent after " (badge::count(service.failures as usize, "failure", "failures")) " in a row"
                            @if let Some(error) = &service.last_error { ": " (error) }
                            @if let Some(ms) = service.retry_in_ms { ". The next attempt is in " (time::took(i64::try_from(ms).unwrap_or(i64::MAX))) }
                            "."
                        }
                    }
                }
                @if let Some(mismatch) = &service.mismatch { p.notice.bad { (icon("alert")) span { (mismatch) } } }
            },
            Some(RemoteState::Agent(agent)) if !agent.connected => {
                p.notice.bad {
                    (icon("server"))
                    span { @match &agent.refused { Some(reason) => (reason), None => "No agent that serves this connector is connected. " } a href="/agents" { "Agents" } }
                }
            },
            _ => {},
        }
        @if !deprecated.is_empty() {
            p.notice { (icon("info")) span { "Deprecated commands: " (deprecated.iter().take(8).copied().collect::<Vec<_>>().join(", ")) @if deprecated.len() > 8 { " and " (deprecated.len() - 8) " more" } "." } }
        }
    }
}

/// What was called in the last day.
struct History {
    bars: Vec<Bar>,
    labels: Vec<String>,
    p95_ms: Option<u64>,
    last: Vec<ExecutionSummary>,
}

impl History {
    async fn read(ctx: &OpContext, services: &Services, view: &ConnectorView) -> Result<Self, Error> {
        let now = Timestamp::now();
        let day = execute::connector_activity(ctx, services, view.id, now - SHOWN, now).await?;
        let bars = day.hours.iter().map(|hour| Bar::of(&hour.sums)).collect();
        let labels = day.hours.iter().map(|hour| hour.begins.strftime("%H:%M").to_string()).collect();
        let filter = ExecutionFilter { connector: Some(view.id.to_string()), ..ExecutionFilter::default() };
        let page = PageRequest { limit: LAST_EXECUTIONS, cursor: None };
        let last = execute::list_executions(ctx, services, &filter, &page).await?.items;
        Ok(Self { bars, labels, p95_ms: day.total.percentile(95), last })
    }

    fn show(&self, shown: &Shown) -> Markup {
        let calls: u64 = self.bars.iter().map(|bar| bar.calls).sum();
        let failed: u64 = self.bars.iter().map(|bar| bar.failed).sum();
        html! {
            dl.tiles {
                div { dt { "Calls, 24 h" } dd { (calls) } }
                div { dt { "Failed" } dd { (failed) @if calls > 0 { small { (failed * 100 / calls) " %" } } } }
                div { dt { "p95" } dd { @match self.p95_ms { Some(ms) => (time::took(i64::try_from(ms).unwrap_or(i64::MAX))), None => "–" } } }
                div { dt { "Last" } dd { @match self.last.first() { Some(call) => (time::ago(call.started_at)), None => "never" } } }
            }
            section.card aria-labelledby="calls-title" {
                header { h2 #calls-title { "Calls, last 24 hours" } }
                div.body.stack {
                    @if calls == 0 { p.muted { "None. Calls of mocks are not counted." } } @else { (chart(&self.bars, &self.labels)) }
                }
            }
            section.card aria-labelledby="last-title" {
                header { h2 #last-title { "Last executions" } span.end { a href=(shown.address("executions")) { "All" } } }
                @if self.last.is_empty() {
                    div.body { p.muted { "Never called." } }
                } @else {
                    (executions::table(&self.last, false, None))
                }
            }
        }
    }
}

fn about(frame: &Frame, shown: &Shown) -> Markup {
    let view = &shown.view;
    let names: Vec<&str> = shown.schema.commands.keys().map(String::as_str).collect();
    html! {
        section.card aria-labelledby="about-title" {
            header { h2 #about-title { "About" } }
            div.body {
                dl.facts {
                    dt { "Type" } dd { (frame.type_link(&view.type_name)) " " (view.version) }
                    dt { "Model" } dd { (badge::model(view.execution_model)) }
                    @if let Some(url) = &view.endpoint_url { dt { "Endpoint" } dd { code { (url) } } }
                    @for (label, value) in destinations(shown) { dt { (label) } dd { code { (value) } } }
                    dt { "Commands" }
                    dd { @if shown.schema.open { "any: the type has no schema" } @else { (names.iter().take(4).copied().collect::<Vec<_>>().join(", ")) @if names.len() > 4 { " and " (names.len() - 4) " more" } } }
                    @if let Some(category) = &view.category { dt { "Category" } dd { (category) } }
                    @if !view.tags.is_empty() { dt { "Tags" } dd { (view.tags.join(", ")) } }
                    dt { "Log level" } dd { (view.log_level) }
                    dt { "Recorded" } dd { (view.record) }
                    dt { "Created" } dd { (time::ago(view.created_at)) }
                    dt { "Changed" } dd { (time::ago(view.updated_at)) @if let Some(by) = &view.updated_by { " by " (by.name) } }
                    dt { "ID" } dd { code { (view.id) } }
                }
            }
        }
    }
}

/// The addresses in the connection: where requests go.
fn destinations(shown: &Shown) -> Vec<(String, String)> {
    let urls = shown.schema.connection.iter().filter(|(_, field)| field.format.as_deref() == Some("uri"));
    let values = urls.filter_map(|(name, field)| {
        let value = shown.view.config.get(name)?.as_str()?;
        Some((field.label.clone().unwrap_or_else(|| crate::ui::form::words(name)), value.to_owned()))
    });
    values.take(4).collect()
}

/// Reads the revision that a form was made from. Without it a save would replace what the person has never seen.
pub(in crate::ui) fn revision(typed: &Typed) -> Result<Option<i64>, Error> {
    let text = typed.text("revision");
    let unknown = || Error::stale("the form does not say which version it was made from; open the page again");
    text.parse::<Revision>().map(|Revision(number)| Some(number)).map_err(|_| unknown())
}

/// The badge of what a command does.
pub(in crate::ui) fn effect_badge(effect: Option<Effect>) -> Markup {
    match effect {
        Some(effect @ (Effect::Delete | Effect::Update)) => badge("warn line", "", effect.as_str()),
        Some(effect) => badge("line", "", effect.as_str()),
        None => html! {},
    }
}
