//! Badges: a mark and a word, never colour alone.

use floh_client::answers::{AgentState, CircuitState, ConnectorView, RemoteState};
use floh_client::words::{ExecutionModel, ExecutionStatus, RunStatus, TaskStatus};
use maud::{Markup, html};

use super::icon::icon;
use crate::catalog::ConnectorStatus;

/// A badge of a class (`good`, `warn`, `bad`, `info`, `line` or none) with a mark, if one is named.
pub(in crate::ui) fn badge(class: &str, mark: &str, text: &str) -> Markup {
    html! { span class={ "badge " (class) } { @if !mark.is_empty() { (icon(mark)) } (text) } }
}

/// The state of a call.
pub(in crate::ui) fn execution(status: ExecutionStatus) -> Markup {
    let (class, mark) = match status {
        ExecutionStatus::Succeeded => ("good", "check"),
        ExecutionStatus::Failed => ("bad", "cross"),
        ExecutionStatus::Started => ("info", "clock"),
        _ => ("warn", "alert"),
    };
    badge(class, mark, execution_word(status))
}

/// The word for the state of a call.
pub(in crate::ui) fn execution_word(status: ExecutionStatus) -> &'static str {
    match status {
        ExecutionStatus::Succeeded => "Succeeded",
        ExecutionStatus::Failed => "Failed",
        ExecutionStatus::Started => "Running",
        _ => "Unknown",
    }
}

/// The state of a run.
pub(in crate::ui) fn run(status: RunStatus) -> Markup {
    let (class, mark) = match status {
        RunStatus::Queued => ("", "clock"),
        RunStatus::Running => ("info", "play"),
        RunStatus::Waiting => ("info", "clock"),
        RunStatus::Succeeded => ("good", "check"),
        RunStatus::Failed => ("bad", "cross"),
        RunStatus::Cancelled => ("warn", "cross"),
    };
    badge(class, mark, run_word(status))
}

/// The word for the state of a run.
pub(in crate::ui) fn run_word(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "Queued",
        RunStatus::Running => "Running",
        RunStatus::Waiting => "Waiting",
        RunStatus::Succeeded => "Succeeded",
        RunStatus::Failed => "Failed",
        RunStatus::Cancelled => "Cancelled",
    }
}

/// The state of a step of a run; `None` is one that was not begun.
pub(in crate::ui) fn task(status: Option<TaskStatus>) -> Markup {
    let (class, mark, word) = match status {
        None => ("", "clock", "Not begun"),
        Some(TaskStatus::Started) => ("info", "play", "Running"),
        Some(TaskStatus::Waiting) => ("info", "clock", "Waiting"),
        Some(TaskStatus::Succeeded) => ("good", "check", "Succeeded"),
        Some(TaskStatus::Failed) => ("bad", "cross", "Failed"),
        Some(TaskStatus::Skipped) => ("line", "", "Skipped"),
        Some(TaskStatus::Unknown) => ("warn", "alert", "Unknown"),
        Some(TaskStatus::Cancelled) => ("warn", "cross", "Cancelled"),
    };
    badge(class, mark, word)
}

/// Whether an agent is connected.
pub(in crate::ui) fn agent(state: AgentState) -> Markup {
    match state {
        AgentState::Connected => badge("good", "check", "Connected"),
        AgentState::Lost => badge("bad", "cross", "Lost"),
    }
}

/// How the commands of a connector are served, in a word.
pub(in crate::ui) fn model(model: ExecutionModel) -> &'static str {
    match model {
        ExecutionModel::BuiltIn => "Built-in",
        ExecutionModel::Script => "Script",
        ExecutionModel::OasDerived => "OpenAPI",
        ExecutionModel::External => "External",
    }
}

/// The icon of an execution model.
pub(in crate::ui) fn model_icon(model: ExecutionModel) -> &'static str {
    match model {
        ExecutionModel::BuiltIn => "plug",
        ExecutionModel::Script => "code",
        ExecutionModel::OasDerived => "file",
        ExecutionModel::External => "globe",
    }
}

/// Returns whether the mock of a connector is on.
pub(in crate::ui) fn is_mocked(view: &ConnectorView) -> bool {
    view.mock.get("enabled").and_then(serde_json::Value::as_bool) == Some(true)
}

/// Whether a connector can be called, for its own page, where the status of what serves it is known.
pub(in crate::ui) fn connector(view: &ConnectorView) -> Markup {
    let has_agent =
        !matches!(&view.state, Some(RemoteState::Agent(agent)) if !agent.connected || agent.refused.is_some());
    let is_open = matches!(&view.state, Some(RemoteState::Service(service)) if service.circuit == CircuitState::Open);
    let lacks = !view.missing.is_empty() || !view.invalid.is_empty();
    // In the order of the list by status.
    let status = match () {
        () if !view.enabled => ConnectorStatus::Disabled,
        () if !view.ready && !lacks => ConnectorStatus::TypeGone,
        () if !view.ready => ConnectorStatus::FieldsMissing,
        () if !has_agent => ConnectorStatus::NoAgent,
        () if is_open => ConnectorStatus::CircuitOpen,
        () if is_mocked(view) => ConnectorStatus::MockOn,
        () => ConnectorStatus::Ready,
    };
    self::status(status, view)
}

/// The status of a connector, and that its mock is on where the status says something else.
pub(in crate::ui) fn status(status: ConnectorStatus, view: &ConnectorView) -> Markup {
    let is_told = status == ConnectorStatus::MockOn || !is_mocked(view);
    html! {
        (self::status_badge(status, view))
        @if !is_told { " " (badge("info", "mask", status_word(ConnectorStatus::MockOn))) }
    }
}

fn status_badge(status: ConnectorStatus, view: &ConnectorView) -> Markup {
    let (class, mark) = match status {
        ConnectorStatus::Disabled => ("", "pause"),
        ConnectorStatus::TypeGone | ConnectorStatus::CircuitOpen => ("bad", "alert"),
        ConnectorStatus::FieldsMissing => ("warn", "alert"),
        ConnectorStatus::NoAgent => ("bad", "server"),
        ConnectorStatus::MockOn => ("info", "mask"),
        ConnectorStatus::Ready => ("good", "check"),
    };
    let text = match status {
        ConnectorStatus::FieldsMissing if view.missing.is_empty() => {
            format!("{} invalid", count(view.invalid.len(), "field", "fields"))
        }
        ConnectorStatus::FieldsMissing => format!("{} missing", count(view.missing.len(), "field", "fields")),
        other => status_word(other).to_owned(),
    };
    badge(class, mark, &text)
}

/// The words for a status.
pub(in crate::ui) fn status_word(status: ConnectorStatus) -> &'static str {
    match status {
        ConnectorStatus::Disabled => "Disabled",
        ConnectorStatus::TypeGone => "Type gone",
        ConnectorStatus::FieldsMissing => "Fields missing",
        ConnectorStatus::NoAgent => "No agent",
        ConnectorStatus::CircuitOpen => "Circuit open",
        ConnectorStatus::MockOn => "Mock on",
        ConnectorStatus::Ready => "Ready",
    }
}

/// Words for a number of things.
pub(in crate::ui) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}
