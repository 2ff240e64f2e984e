//! A run while it is watched: a line for each step that has ended, and on a terminal one below them, redrawn in place, for the step
//! at work.

use std::io::{self, IsTerminal as _, Write as _};

use floh_client::answers::RunView;
use floh_client::words::{RunStatus, TaskStatus};
use jiff::Timestamp;

use super::lines::{Steps, Style};

/// The frames of the spinner.
const FRAMES: [char; 4] = ['|', '/', '-', '\\'];
/// The width that a terminal is taken to have if it does not say.
const USUAL_WIDTH: usize = 80;

/// What is shown of a run that is watched.
#[derive(Debug)]
pub(super) struct Live {
    style: Style,
    is_terminal: bool,
    /// How many tasks were written for good.
    written: usize,
    frame: usize,
    is_drawn: bool,
}

impl Live {
    /// Shows lines on standard output, redrawn if that is a terminal.
    pub(super) fn new() -> Self {
        Self {
            style: Style::of_stdout(),
            is_terminal: io::stdout().is_terminal(),
            written: 0,
            frame: 0,
            is_drawn: false,
        }
    }

    /// Writes the steps that have ended since the last time, and draws the one at work.
    pub(super) fn show(&mut self, run: &RunView) {
        let (steps, now) = (Steps::of(run), Timestamp::now());
        for line in self.ended(run, &steps, now) {
            self.clear();
            put(&format!("{line}\n"));
        }
        self.draw(run, &steps, now);
    }

    /// Draws the step at work again, with the time of now.
    pub(super) fn tick(&mut self, run: &RunView) {
        if self.is_terminal {
            self.draw(run, &Steps::of(run), Timestamp::now());
        }
    }

    /// Removes what is redrawn, so that other lines can follow.
    pub(super) fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            put("\r\x1b[K");
        }
    }

    /// Returns the lines of the tasks that have ended and were not written.
    fn ended(&mut self, run: &RunView, steps: &Steps, now: Timestamp) -> Vec<String> {
        let has_ended = |status| !matches!(status, TaskStatus::Started | TaskStatus::Waiting);
        let new = run.tasks.iter().skip(self.written).take_while(|task| has_ended(task.status));
        let lines: Vec<String> = new.map(|task| steps.line(task, now, self.style)).collect();
        self.written += lines.len();
        lines
    }

    fn draw(&mut self, run: &RunView, steps: &Steps, now: Timestamp) {
        if !self.is_terminal || run.status.is_ended() {
            return;
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        let line = self.current(run, steps, now, width());
        put(&format!("\r\x1b[K{line}"));
        self.is_drawn = true;
    }

    /// Returns the line of the step at work, which is not wider than the terminal, so that it is one line.
    fn current(&self, run: &RunView, steps: &Steps, now: Timestamp, width: usize) -> String {
        let frame = FRAMES.get(self.frame).copied().unwrap_or(' ');
        let progress = format!("{}/{}", self.written + 1, steps.len());
        let text = match run.tasks.get(self.written) {
            // Colours would be cut with the line.
            Some(task) => steps.line(task, now, Style::Plain),
            None if run.status == RunStatus::Queued => "waits for its turn".to_owned(),
            None => "goes on".to_owned(),
        };
        format!("{frame} {progress}  {text}").chars().take(width.saturating_sub(1)).collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.clear();
    }
}

fn put(text: &str) {
    let mut stdout = io::stdout().lock();
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// Returns how many columns the terminal has.
fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0).unwrap_or(USUAL_WIDTH)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(tasks: &Value) -> RunView {
        serde_json::from_value(json!({
            "id": "01900000-0000-7000-8000-000000000001", "status": "running", "stepCount": 2, "position": 0,
            "token": { "tokenId": null, "name": "t" }, "source": "rest", "requestId": "r", "resumes": 0,
            "createdAt": "2026-01-01T00:00:00Z", "tasks": tasks,
            "steps": [{ "id": "a", "connector": "crm", "command": "list" }, { "id": "b", "connector": "crm", "command": "drop" }],
        }))
        .unwrap()
    }

    fn task(id: &str, status: &str) -> Value {
        json!({ "stepId": id, "status": status, "attempts": [], "startedAt": "2026-01-01T00:00:00Z" })
    }

    #[test]
    fn each_step_is_written_once_when_it_has_ended() {
        let mut live = Live { style: Style::Plain, is_terminal: true, written: 0, frame: 0, is_drawn: false };
        let now: Timestamp = "2026-01-01T00:00:01Z".parse().unwrap();
        let mut seen = |tasks: Value| {
            let run = run(&tasks);
            let lines = live.ended(&run, &Steps::of(&run), now);
            (lines, live.current(&run, &Steps::of(&run), now, 40))
        };
        let (lines, current) = seen(json!([task("a", "started")]));
        assert!(lines.is_empty() && current == "| 1/2  started    a  crm.list       1.0 s"[..39], "{current}");
        let (lines, current) = seen(json!([task("a", "succeeded")]));
        assert!(lines.len() == 1 && lines[0].starts_with("succeeded  a"), "{lines:?}");
        assert_eq!(current, "| 2/2  goes on");
        let (lines, current) = seen(json!([task("a", "succeeded"), task("b", "waiting")]));
        assert!(lines.is_empty() && current.starts_with("| 2/2  waiting"), "{lines:?} {current}");
        let (lines, _) = seen(json!([task("a", "succeeded"), task("b", "failed")]));
        assert!(lines.len() == 1 && lines[0].starts_with("failed     b"), "{lines:?}");
    }
}
