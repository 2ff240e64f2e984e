//! The log output of the server, for tests that check it.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tracing::dispatcher::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use floh_agent::logs::{LogFormat, parse_filter, subscriber};

/// Collects what this thread logs, as JSON lines, until it is dropped.
pub(crate) struct Log {
    text: Text,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Starts to collect the lines that pass a filter.
    pub(crate) fn keep(filter: &str) -> Self {
        let text = Text::default();
        let guard =
            tracing::dispatcher::set_default(&subscriber(LogFormat::Json, parse_filter(filter).unwrap(), text.clone()));
        Self { text, _guard: guard }
    }

    /// Returns the lines so far.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let text = String::from_utf8(self.text.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Text {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}
