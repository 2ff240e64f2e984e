//! A run and its steps as lines for people.

use std::io::{self, IsTerminal as _};

use floh_client::answers::{RunTask, RunView};
use floh_client::words::{RunFailureCode, RunStatus, TaskStatus};
use jiff::Timestamp;
use serde::Deserialize;

use crate::config::variable;
use crate::plain_text::plain;

/// The widest column of step ids, in characters; a longer id pushes its line to the right.
const MAX_ID: usize = 24;
/// The maximum number of characters of an error in a line.
const MAX_ERROR: usize = 500;

/// Whether lines have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// None.
    Plain,
    /// For a terminal.
    Coloured,
}

impl Style {
    /// Coloured if standard output is a terminal, unless `NO_COLOR` is set.
    pub(super) fn of_stdout() -> Self {
        if io::stdout().is_terminal() && variable("NO_COLOR").is_none() { Self::Coloured } else { Self::Plain }
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// A step as its run defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Its id.
    pub(super) id: String,
    /// What it does: `crm.listUsers`, or `wait`.
    pub(super) what: String,
}

/// The steps of a run, and the widths of their columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Steps {
    steps: Vec<Step>,
    id: usize,
    what: usize,
}

impl Steps {
    /// Reads them.
    pub(super) fn of(run: &RunView) -> Self {
        #[derive(Deserialize)]
        struct Shape {
            id: String,
            connector: Option<String>,
            command: Option<String>,
        }
        let shapes: Vec<Shape> = serde_json::from_str(run.steps.get()).unwrap_or_default();
        let step = |shape: Shape| {
            let what = match (shape.connector, shape.command) {
                (Some(connector), Some(command)) => clean(&format!("{connector}.{command}")),
                (Some(connector), None) => clean(&connector),
                (None, _) => "wait".to_owned(),
            };
            Step { id: clean(&shape.id), what }
        };
        let steps: Vec<Step> = shapes.into_iter().map(step).collect();
        let widest = |text: fn(&Step) -> &str| {
            steps.iter().map(|step| text(step).chars().count()).max().unwrap_or_default().min(MAX_ID)
        };
        let (id, what) = (widest(|step| &step.id), widest(|step| &step.what));
        Self { steps, id, what }
    }

    /// Returns how many there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Writes a task as a line: state, step, what it does, time, attempts, when it goes on, error.
    pub(super) fn line(&self, task: &RunTask, now: Timestamp, style: Style) -> String {
        let name = task.status.as_str();
        let colour = match task.status {
            TaskStatus::Succeeded => "32",
            TaskStatus::Failed => "31",
            TaskStatus::Unknown | TaskStatus::Cancelled => "33",
            TaskStatus::Started | TaskStatus::Waiting => "36",
            TaskStatus::Skipped => "2",
        };
        let what = self.steps.iter().find(|step| step.id == task.step_id).map_or("", |step| &step.what);
        let (id_width, what_width) = (self.id, self.what);
        let mut line = format!(
            "{}  {:id_width$}  {what:what_width$}  {:>10}",
            style.paint(colour, &format!("{name:9}")),
            clean(&task.step_id),
            took(task, now),
        );
        if task.attempts.len() > 1 {
            line.push_str(&format!("  {} attempts", task.attempts.len()));
        }
        if let (TaskStatus::Waiting, Some(at)) = (task.status, task.retry_at) {
            let goes_on = if task.attempts.is_empty() { "until" } else { "tried again" };
            line.push_str(&format!("  {goes_on} {at:.0} (in {})", between(now, at)));
        }
        if let Some(error) = task.error.as_ref().filter(|_| task.status != TaskStatus::Succeeded) {
            line.push_str(&format!("  {}", plain(error, MAX_ERROR)));
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Returns how long a task took, or has taken so far.
fn took(task: &RunTask, now: Timestamp) -> String {
    let Some(from) = task.started_at.filter(|_| task.status != TaskStatus::Skipped) else { return "-".to_owned() };
    between(from, task.finished_at.unwrap_or(now))
}

/// Writes how a run stands or has ended, in a sentence.
pub(super) fn outcome(run: &RunView, now: Timestamp, style: Style) -> String {
    let colour = match run.status {
        RunStatus::Succeeded => "32",
        RunStatus::Failed => "31",
        RunStatus::Cancelled => "33",
        RunStatus::Queued | RunStatus::Running | RunStatus::Waiting => "36",
    };
    let mut line = format!("run {} {}", run.id, style.paint(colour, run.status.as_str()));
    if let Some(from) = run.started_at {
        let word = if run.finished_at.is_some() { "after" } else { "for" };
        line.push_str(&format!(" {word} {}", between(from, run.finished_at.unwrap_or(now))));
    }
    if let Some(failure) = &run.failure {
        let step = failure.step.as_ref().map(|step| format!(" at step {}", clean(step))).unwrap_or_default();
        line.push_str(&format!("{step}: {}: {}", failure.code, plain(&failure.message, MAX_ERROR)));
    }
    line
}

/// Says what may be done about a run that ended without success, if anything.
pub(super) fn advice(run: &RunView) -> Option<String> {
    let resume = format!("floh run resume {}", run.id);
    match (run.status, &run.failure) {
        (RunStatus::Failed | RunStatus::Cancelled, _) if is_unknown(run) => Some(format!(
            "whether that step took effect is not known; find out, then go on with `{resume} --unknown retry` to call it again, or with \
             `--unknown skip` to pass it over"
        )),
        (RunStatus::Failed | RunStatus::Cancelled, _) => {
            Some(format!("go on with that step: `{resume}`, within 24 h of the end"))
        }
        _ => None,
    }
}

fn is_unknown(run: &RunView) -> bool {
    run.failure.as_ref().is_some_and(|failure| failure.code == RunFailureCode::OutcomeUnknown)
        || run.tasks.last().is_some_and(|task| task.status == TaskStatus::Unknown)
}

/// Writes a whole run: its steps that were begun, then how it stands.
pub(super) fn whole(run: &RunView, style: Style) -> Vec<String> {
    let (steps, now) = (Steps::of(run), Timestamp::now());
    let mut lines: Vec<String> = run.tasks.iter().map(|task| steps.line(task, now, style)).collect();
    lines.push(outcome(run, now, style));
    lines
}

/// Returns a name as one line without characters that nobody sees.
pub(super) fn clean(text: &str) -> String {
    plain(text, 130)
}

/// Writes the time between two moments; none is negative.
pub(super) fn between(from: Timestamp, to: Timestamp) -> String {
    let ms = to.as_millisecond().saturating_sub(from.as_millisecond()).max(0);
    let seconds = ms / 1_000;
    match seconds {
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds}.{} s", ms % 1_000 / 100),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(more: &Value) -> RunView {
        let mut run = json!({
            "id": "01900000-0000-7000-8000-000000000001", "status": "running", "stepCount": 2, "position": 0,
            "token": { "tokenId": null, "name": "t" }, "source": "rest", "requestId": "r", "resumes": 0,
            "createdAt": "2026-01-01T00:00:00Z", "startedAt": "2026-01-01T00:00:00Z",
            "steps": [{ "id": "find", "connector": "crm", "command": "list" }, { "id": "rest", "wait": { "forMs": 5 } }], "tasks": [],
        });
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(run).unwrap()
    }

    fn task(more: &Value) -> RunTask {
        let mut task =
            json!({ "stepId": "find", "status": "succeeded", "attempts": [], "startedAt": "2026-01-01T00:00:00Z" });
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(task).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_written_for_people() {
        let from = at("2026-01-01T00:00:00Z");
        for (ms, text) in [
            (-5, "0 ms"),
            (999, "999 ms"),
            (1_260, "1.2 s"),
            (65_000, "1 min 05 s"),
            (3_900_000, "1 h 05 min"),
            (90_000_000, "1 d 01 h"),
        ] {
            let to = Timestamp::from_millisecond(from.as_millisecond() + ms).unwrap();
            assert_eq!(between(from, to), text);
        }
    }

    #[test]
    fn a_task_is_a_line() {
        let steps = Steps::of(&run(&json!({})));
        let now = at("2026-01-01T00:00:02Z");
        let line = |more: Value| steps.line(&task(&more), now, Style::Plain);
        let done = line(json!({ "finishedAt": "2026-01-01T00:00:00.250Z" }));
        assert_eq!(done, "succeeded  find  crm.list      250 ms");
        assert_eq!(line(json!({ "status": "started" })), "started    find  crm.list       2.0 s");
        assert_eq!(line(json!({ "stepId": "rest", "status": "skipped" })), "skipped    rest  wait               -");
        let attempt = json!({ "executionId": "01900000-0000-7000-8000-000000000002", "status": "failed", "startedAt": "2026-01-01T00:00:00Z" });
        let waiting = line(
            json!({ "status": "waiting", "attempts": [attempt, attempt], "retryAt": "2026-01-01T00:00:05Z", "error": "no\u{1b}[2J luck" }),
        );
        assert!(waiting.ends_with("2 attempts  tried again 2026-01-01T00:00:05Z (in 3.0 s)  no[2J luck"), "{waiting}");
        assert!(steps.line(&task(&json!({})), now, Style::Coloured).starts_with("\u{1b}[32msucceeded\u{1b}[0m  find"));
    }

    #[test]
    fn the_outcome_says_why_and_what_to_do() {
        let now = at("2026-01-01T00:00:02Z");
        let going = run(&json!({}));
        assert_eq!(outcome(&going, now, Style::Plain), "run 01900000-0000-7000-8000-000000000001 running for 2.0 s");
        assert_eq!(advice(&going), None);
        let failed = |code: &str| {
            run(
                &json!({ "status": "failed", "finishedAt": "2026-01-01T00:00:01Z", "failure": { "step": "find", "code": code, "message": "no luck" } }),
            )
        };
        let text = outcome(&failed("step_failed"), now, Style::Plain);
        assert!(text.ends_with("failed after 1.0 s at step find: step_failed: no luck"), "{text}");
        assert!(
            advice(&failed("step_failed")).unwrap().contains("`floh run resume 01900000-0000-7000-8000-000000000001`")
        );
        assert!(advice(&failed("outcome_unknown")).unwrap().contains("--unknown retry"));
    }
}
