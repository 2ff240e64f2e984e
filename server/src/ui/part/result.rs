//! The result of a call, as it was recorded.

use floh_client::answers::{ConnectorResult, ExecutionView, LogLine};
use maud::{Markup, html};
use serde_json::Value;

use super::badge;
use super::icon::icon;
use super::time;
use super::tree;

/// From this size on, in bytes, the JSON of a value is not shown in the page but offered for download.
const MAX_INLINE: usize = 256 * 1024;
/// The classes of failures whose cause is where the connection leads, or how.
const OF_CONNECTION: [&str; 7] = ["url", "policy", "scope", "dns", "certificate", "connect", "tls"];
/// The most lines of a log that are shown.
const MAX_LOG_LINES: usize = 500;

/// Shows the state of a call, how long it took and when it was.
pub(in crate::ui) fn state(view: &ExecutionView) -> Markup {
    html! {
        span.row.tight {
            (badge::execution(view.status))
            @if view.mocked { (badge::badge("info", "mask", "Mock")) }
            @if view.deprecated { (badge::badge("warn", "alert", "Deprecated")) }
        }
    }
}

/// Shows what came of a call: its error first, then the payload or the diagnostics, then the log.
pub(in crate::ui) fn outcome(view: &ExecutionView, connection: Option<&str>) -> Markup {
    let result = view.read_result().ok().flatten();
    let root = view.step_id.as_deref().unwrap_or_default();
    html! {
        @if let Some(result) = &result { (shown(result, root, connection, Some(&format!("/executions/{}/value", view.id)))) }
        @else if view.status == floh_client::words::ExecutionStatus::Started { p.muted data-elapsed { "Running" } }
        @else if view.result.is_some() { p.muted { "The result was cut before the end, so it is not shown as a tree." } (json("Result", view.result.as_ref().map_or("", |text| text.get()), "result-json")) }
        @else { p.muted { "No result was recorded." } }
        (truncated(view))
        (logs(&view.read_logs().unwrap_or_default(), view))
    }
}

/// Shows a result. `parts` is the address of the page with the parts of its values that do not fit.
pub(in crate::ui) fn shown(
    result: &ConnectorResult,
    root: &str,
    connection: Option<&str>,
    parts: Option<&str>,
) -> Markup {
    let more = |part: &str| parts.map(|parts| format!("{parts}?part={part}"));
    let diagnostics = result.diagnostics.as_ref().filter(|value| !value.is_null());
    html! {
        @if let Some(error) = &result.error { (failure(error, diagnostics, connection)) }
        @if let Some(diagnostics) = diagnostics { (tree::titled("Diagnostics", diagnostics, "", more("diagnostics").as_deref())) }
        @if let Some(payload) = &result.payload { (payload_box(payload, root, more("payload").as_deref())) }
        @if let Some(variables) = result.variables.as_ref().filter(|variables| !variables.is_empty()) {
            (tree::titled("Variables", &Value::Object(variables.clone()), "", more("variables").as_deref()))
        }
        @if result.success && result.payload.is_none() { p.muted { "No payload." } }
    }
}

fn failure(error: &str, diagnostics: Option<&Value>, connection: Option<&str>) -> Markup {
    let status =
        diagnostics.and_then(|value| value.get("statusCode").or_else(|| value.get("status"))).and_then(Value::as_u64);
    let class = diagnostics.and_then(|value| value.get("class")).and_then(Value::as_str);
    let is_refused = matches!(status, Some(401 | 403))
        || error.starts_with("Missing in config")
        || class.is_some_and(|class| OF_CONNECTION.contains(&class));
    let is_unknown = diagnostics.and_then(|value| value.get("outcome")).and_then(Value::as_str) == Some("unknown");
    html! {
        p.notice.bad role="alert" {
            (icon("alert"))
            span {
                b { (error) }
                @if is_unknown { " The call may have had its effect: look there before you repeat it." }
                @if let Some(connection) = connection.filter(|_| is_refused) { " " a href=(connection) { "Change the connection" } }
            }
        }
    }
}

fn payload_box(payload: &Value, root: &str, more: Option<&str>) -> Markup {
    let text = serde_json::to_string_pretty(payload).unwrap_or_default();
    html! {
        (tree::titled("Payload", payload, root, more))
        @if let Some(table) = tree::table(payload) {
            details.more { summary { "Table" } div.in { (table) } }
        }
        (json("JSON", &text, "payload-json"))
    }
}

fn json(title: &str, text: &str, id: &str) -> Markup {
    html! {
        @if text.len() <= MAX_INLINE {
            div.row { button.btn.small type="button" data-copy-from=(id) { (icon("copy")) "Copy JSON" } }
        }
        details.more {
            summary { (title) span.n { (text.len()) " bytes" } }
            div.in.stack {
                @if text.len() > MAX_INLINE {
                    p.muted { "It is too large to show here; REST has it: " code { "GET /api/executions/{id}" } }
                } @else {
                    pre.code id=(id) tabindex="0" role="region" aria-label=(title) { (text) }
                }
            }
        }
    }
}

/// Says what of the call was too long to be recorded.
fn truncated(view: &ExecutionView) -> Markup {
    let Some(parts) = &view.truncated else { return html! {} };
    let cut = [("params", parts.params), ("result", parts.result), ("diagnostics", parts.diagnostics)];
    html! {
        @for (what, size) in cut.iter().filter_map(|(what, size)| Some((what, size.as_ref()?))) {
            p.notice { (icon("info")) span { "Of the " (what) " only the beginning was recorded; in full they have " (size.bytes) " bytes." } }
        }
    }
}

/// Shows what the handler logged.
fn logs(lines: &[LogLine], view: &ExecutionView) -> Markup {
    if lines.is_empty() {
        return html! {};
    }
    let offset = |line: &LogLine| line.at.as_millisecond() - view.started_at.as_millisecond();
    html! {
        div {
            h3 { "Logs" }
            div.table tabindex="0" role="region" aria-label="Logs" {
                table.dense {
                    caption.sr { "What the command logged" }
                    thead { tr { th.num scope="col" { "After" } th scope="col" { "Level" } th scope="col" { "Message" } } }
                    tbody {
                        @for line in lines.iter().take(MAX_LOG_LINES) {
                            tr { td.num { (time::took(offset(line).max(0))) } td { (line.level) } td { code { (line.message) } } }
                        }
                    }
                }
            }
            @if lines.len() > MAX_LOG_LINES { p.help { (lines.len() - MAX_LOG_LINES) " more lines" } }
        }
    }
}
