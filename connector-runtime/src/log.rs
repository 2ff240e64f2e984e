//! The connector's log: lines that a handler writes. They are kept for the execution's record and sent to
//! the server's log at once. Every line is redacted before it leaves this module.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

pub use connector_schema::LogLevel;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::redact::Redactor;

pub use rate::{LogRate, MAX_LOG_BURST, MAX_LOG_UNITS_PER_SECOND};

mod rate;
#[cfg(test)]
mod tests;

/// The most bytes that the lines of one call may cost; later lines are dropped, and one line says so. A line costs its
/// text and [`LOG_LINE_BYTES`].
pub const MAX_LOG_BYTES: usize = 64 * 1024;
/// The most lines of one call.
pub const MAX_LOG_LINES: usize = 500;
/// What a line costs beside its text: its time, its level, and what keeps it.
pub const LOG_LINE_BYTES: usize = 100;

/// One line of an execution's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written.
    #[serde(with = "crate::schema::times::milliseconds")]
    pub at: Timestamp,
    /// Its importance.
    pub level: LogLevel,
    /// What it says, redacted.
    pub message: String,
}

/// Writes the log lines of one call. Clones write to the same log.
#[derive(Clone)]
pub struct Logger(Arc<Inner>);

struct Inner {
    connector: String,
    level: LogLevel,
    redactor: Arc<Redactor>,
    /// Limits what reaches the log of the process; `None` for no limit.
    rate: Option<Arc<LogRate>>,
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<LogLine>,
    bytes: usize,
    full: bool,
}

impl Logger {
    pub(crate) fn new(connector: &str, level: LogLevel, redactor: Arc<Redactor>, rate: Option<Arc<LogRate>>) -> Self {
        Self(Arc::new(Inner { connector: connector.to_owned(), level, redactor, rate, lines: Mutex::default() }))
    }

    /// Writes a line at level trace: every step.
    pub fn trace(&self, message: impl Display) {
        self.write(LogLevel::Trace, message);
    }

    /// Writes a line at level debug: it helps to find a mistake.
    pub fn debug(&self, message: impl Display) {
        self.write(LogLevel::Debug, message);
    }

    /// Writes a line at level info: operators want to know it.
    pub fn info(&self, message: impl Display) {
        self.write(LogLevel::Info, message);
    }

    /// Writes a line at level warn: it may need attention.
    pub fn warn(&self, message: impl Display) {
        self.write(LogLevel::Warn, message);
    }

    /// Writes a line at level error: something went wrong.
    pub fn error(&self, message: impl Display) {
        self.write(LogLevel::Error, message);
    }

    /// Writes a line, unless its level is below the connector's log level or the call has filled its log.
    pub fn write(&self, level: LogLevel, message: impl Display) {
        let inner = &*self.0;
        if level < inner.level || inner.lines.lock().full {
            return;
        }
        let message = inner.redactor.text(&message.to_string()).into_owned();
        if let Some(line) = inner.lines.lock().push(level, message) {
            inner.pass_on(line);
        }
    }

    /// Takes a line of so many bytes from what the connector may write to the log of the process. For lines about it that
    /// its executor writes there itself.
    pub fn admits(&self, bytes: usize) -> bool {
        self.0.rate.as_ref().is_none_or(|rate| rate.passes(&self.0.connector, bytes))
    }

    /// Returns the lowest level that is kept.
    pub fn level(&self) -> LogLevel {
        self.0.level
    }

    pub(crate) fn take(&self) -> Vec<LogLine> {
        self.0.report_dropped(Instant::now());
        std::mem::take(&mut self.0.lines.lock().lines)
    }
}

impl Inner {
    /// Writes a line to the log of the process, unless the connector has written too many.
    fn pass_on(&self, line: &LogLine) {
        let now = Instant::now();
        let (connector, message) = (self.connector.as_str(), line.message.as_str());
        macro_rules! pass_on {
            ($level:ident) => {
                // A line that the process does not log takes no units from those that it does.
                if tracing::enabled!(target: "connector", tracing::Level::$level)
                    && self.rate.as_ref().is_none_or(|rate| rate.admits(message.len(), now))
                {
                    self.report_dropped(now);
                    tracing::event!(target: "connector", tracing::Level::$level, connector, "{message}");
                }
            };
        }
        match line.level {
            LogLevel::Trace => pass_on!(TRACE),
            LogLevel::Debug => pass_on!(DEBUG),
            LogLevel::Info => pass_on!(INFO),
            LogLevel::Warn => pass_on!(WARN),
            LogLevel::Error => pass_on!(ERROR),
        }
    }

    fn report_dropped(&self, now: Instant) {
        if let Some(rate) = &self.rate {
            rate.report_dropped(&self.connector, now);
        }
    }
}

impl Lines {
    /// Keeps a line, or in place of the first one that does not fit a line that says so. Returns the line that was kept.
    fn push(&mut self, level: LogLevel, message: String) -> Option<&LogLine> {
        if self.full {
            return None;
        }
        let at = Timestamp::now();
        self.bytes += message.len() + LOG_LINE_BYTES;
        self.full = self.bytes > MAX_LOG_BYTES || self.lines.len() >= MAX_LOG_LINES;
        self.lines.push(if self.full {
            let message = format!(
                "further lines were dropped: a call keeps {MAX_LOG_LINES} lines and {} KiB of log, and each line counts \
                 {LOG_LINE_BYTES} bytes more than its text",
                MAX_LOG_BYTES / 1024
            );
            LogLine { at, level: LogLevel::Warn, message }
        } else {
            LogLine { at, level, message }
        });
        self.lines.last()
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger")
            .field("connector", &self.0.connector)
            .field("level", &self.0.level)
            .finish_non_exhaustive()
    }
}
