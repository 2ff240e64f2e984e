//! The connector's log: lines that a handler writes. They are kept for the execution's record and sent to
//! the server's log at once. Every line is redacted before it leaves this module.

use std::fmt::{self, Display};
use std::sync::Arc;

use parking_lot::Mutex;

pub use connector_schema::LogLevel;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::redact::Redactor;

#[cfg(test)]
mod tests;

/// The most bytes of text in the lines of one call; later lines are dropped, and one line says so.
const MAX_BYTES: usize = 64 * 1024;

/// One line of an execution's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written.
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
    lines: Mutex<Lines>,
}

#[derive(Default)]
struct Lines {
    lines: Vec<LogLine>,
    bytes: usize,
    full: bool,
}

impl Logger {
    pub(crate) fn new(connector: &str, level: LogLevel, redactor: Arc<Redactor>) -> Self {
        Self(Arc::new(Inner { connector: connector.to_owned(), level, redactor, lines: Mutex::default() }))
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

    /// Writes a line, unless its level is below the connector's log level.
    pub fn write(&self, level: LogLevel, message: impl Display) {
        let inner = &*self.0;
        if level < inner.level {
            return;
        }
        let message = inner.redactor.text(&message.to_string()).into_owned();
        let connector = inner.connector.as_str();
        match level {
            LogLevel::Trace => tracing::trace!(target: "connector", connector, "{message}"),
            LogLevel::Debug => tracing::debug!(target: "connector", connector, "{message}"),
            LogLevel::Info => tracing::info!(target: "connector", connector, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "connector", connector, "{message}"),
            LogLevel::Error => tracing::error!(target: "connector", connector, "{message}"),
        }
        inner.lines.lock().push(level, message);
    }

    /// Returns the lowest level that is kept.
    pub fn level(&self) -> LogLevel {
        self.0.level
    }

    pub(crate) fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.0.lines.lock().lines)
    }
}

impl Lines {
    fn push(&mut self, level: LogLevel, message: String) {
        if self.full {
            return;
        }
        let at = Timestamp::now();
        self.bytes += message.len();
        if self.bytes > MAX_BYTES {
            self.full = true;
            let message = format!("further lines were dropped: a call keeps {} KiB of log", MAX_BYTES / 1024);
            self.lines.push(LogLine { at, level: LogLevel::Warn, message });
        } else {
            self.lines.push(LogLine { at, level, message });
        }
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
