//! A progress bar on standard error, if that is a terminal, while a large document is read and imported.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Smaller documents get no bar.
const LARGE: u64 = 1 << 20;
/// How often the bar is drawn.
const EVERY: Duration = Duration::from_millis(100);
/// Characters of the bar.
const WIDTH: usize = 30;

/// The line, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    terminal: bool,
    drawn: Option<Instant>,
}

impl Progress {
    /// Starts a bar for a document of `bytes` bytes, if that is known.
    pub(super) fn new(bytes: Option<u64>) -> Self {
        let large = bytes.is_none_or(|bytes| bytes >= LARGE);
        Self { terminal: large && io::stderr().is_terminal(), drawn: None }
    }

    /// Shows the progress of a step, at most every 100 milliseconds.
    pub(super) fn tell(&mut self, what: &str, done: u64, all: u64) {
        if !self.terminal || self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.draw(&bar(what, done, all));
    }

    /// Shows the current step, if it is unknown how long it takes.
    pub(super) fn say(&mut self, what: &str) {
        if self.terminal {
            self.draw(what);
        }
    }

    fn draw(&mut self, line: &str) {
        self.drawn = Some(Instant::now());
        let mut stderr = io::stderr().lock();
        drop(write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            self.draw("");
        }
    }
}

fn bar(what: &str, done: u64, all: u64) -> String {
    let part = done.min(all).saturating_mul(WIDTH as u64).checked_div(all).unwrap_or_default();
    let full = usize::try_from(part).unwrap_or(WIDTH);
    let percent = done.min(all).saturating_mul(100).checked_div(all).unwrap_or_default();
    format!("{what} [{}{}] {percent:3} %", "#".repeat(full), "-".repeat(WIDTH - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_from_left_to_right() {
        assert_eq!(bar("reading", 0, 10), format!("reading [{}]   0 %", "-".repeat(30)));
        assert_eq!(bar("reading", 5, 10), format!("reading [{}{}]  50 %", "#".repeat(15), "-".repeat(15)));
        assert_eq!(bar("reading", 12, 10), format!("reading [{}] 100 %", "#".repeat(30)));
        assert_eq!(bar("reading", 0, 0), format!("reading [{}]   0 %", "-".repeat(30)));
    }
}
