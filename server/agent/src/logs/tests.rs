//! What a connector, a script or a caller puts into the log stays within its own line.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;

#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn logged(format: LogFormat, log: impl FnOnce()) -> String {
    let text = Text::default();
    let writer = text.clone();
    tracing::dispatcher::with_default(&subscriber(format, parse_filter("info").unwrap(), move || writer.clone()), log);
    String::from_utf8(text.0.lock().clone()).unwrap()
}

/// A line that forges another one, clears the screen, and turns around what follows it.
const HOSTILE: &str =
    "a\r\n2026-01-01 ERROR forged\u{1b}[2J\u{9b}31m\0\u{7f}\u{202e}txt\u{2066}\u{2028}\u{200b}\u{feff}é b";

#[test]
fn a_hostile_text_stays_in_its_line_wherever_it_stands() {
    let all = logged(LogFormat::Pretty, || {
        let span = tracing::info_span!("request", id = %HOSTILE);
        let _in = span.enter();
        tracing::info!("{HOSTILE}");
        tracing::info!(shown = %HOSTILE, quoted = HOSTILE, debugged = ?HOSTILE, "message");
        tracing::error!(error = &io::Error::other(HOSTILE) as &dyn std::error::Error, "message");
    });
    assert_eq!(all.lines().count(), 3, "{all:?}");
    assert!(all.ends_with('\n'));
    for line in all.lines() {
        let deceptive: Vec<char> = line.chars().filter(|&found| is_deceptive(found)).collect();
        assert!(deceptive.is_empty(), "{deceptive:?} in {line:?}");
    }
    let message =
        r"a\r\n2026-01-01 ERROR forged\u{1b}[2J\u{9b}31m\u{0}\u{7f}\u{202e}txt\u{2066}\u{2028}\u{200b}\u{feff}é b";
    assert!(all.contains(&format!(" {message}\n")), "{all}");
    assert!(all.contains(&format!("message shown={message} quoted=\"")), "{all}");
}

#[test]
fn libraries_that_write_whole_messages_are_kept_quiet() {
    for filter in ["trace", "rmcp=trace", "info"] {
        let text = Text::default();
        let writer = text.clone();
        let subscriber = subscriber(LogFormat::Pretty, parse_filter(filter).unwrap(), move || writer.clone());
        tracing::dispatcher::with_default(&subscriber, || {
            tracing::info!(target: "rmcp::service", "a whole message");
            tracing::warn!(target: "rmcp::service", "a warning");
        });
        let text = String::from_utf8(text.0.lock().clone()).unwrap();
        assert!(!text.contains("whole message") && text.contains("a warning"), "{filter}: {text}");
    }
}

#[test]
fn json_lines_stay_json() {
    let all = logged(LogFormat::Json, || tracing::info!(shown = %HOSTILE, "{HOSTILE}"));
    assert_eq!(all.lines().count(), 1);
    let line: serde_json::Value = serde_json::from_str(&all).unwrap();
    assert_eq!((&line["message"], &line["shown"]), (&HOSTILE.into(), &HOSTILE.into()));
}

#[test]
fn a_filter_that_is_misspelt_is_refused_with_the_word() {
    for (filter, word) in [
        ("verbose", "verbose is no level"),
        ("info,debgu", "debgu is no level"),
        ("server=debgu", "error parsing level filter"),
        ("info,,debug", "empty part"),
        ("", "empty part"),
    ] {
        let error = parse_filter(filter).expect_err(filter).to_string();
        assert!(error.contains(word) && error.contains("--log, FLOH_LOG"), "{error}");
    }
    for filter in ["info", "OFF", "server=debug,info", "server[request{request_id=\"a\"}]=trace,warn", "2"] {
        parse_filter(filter).unwrap();
    }
}
