use std::sync::Arc;

use super::{LogLevel, Logger};
use crate::redact::Redactor;

fn logger(level: LogLevel) -> Logger {
    Logger::new("widget", level, Arc::new(Redactor::new(["hunter2".to_owned()])))
}

fn messages(logger: &Logger) -> Vec<String> {
    logger.take().into_iter().map(|line| line.message).collect()
}

#[test]
fn lines_below_the_level_are_dropped() {
    for (index, level) in LogLevel::ALL.iter().copied().enumerate() {
        let name = level.as_str();
        let logger = logger(level);
        logger.trace("trace");
        logger.debug("debug");
        logger.info("info");
        logger.warn("warn");
        logger.error("error");
        let kept = messages(&logger);
        assert_eq!(kept.len(), 5 - index, "{name}");
        assert_eq!(kept[0], name);
    }
}

#[test]
fn lines_are_redacted_and_clones_share_them() {
    let logger = logger(LogLevel::Info);
    logger.clone().info(format_args!("key is {}", "hunter2"));
    assert_eq!(messages(&logger), ["key is [redacted]"]);
    assert!(messages(&logger).is_empty(), "taken once");
}

#[test]
fn a_call_keeps_64_kib() {
    let logger = logger(LogLevel::Info);
    let line = "x".repeat(1024);
    for _ in 0..100 {
        logger.info(&line);
    }
    let lines = logger.take();
    assert_eq!(lines.len(), 65);
    let text: usize = lines.iter().map(|line| line.message.len()).sum();
    assert!(text <= 64 * 1024 + 100, "{text}");
    assert_eq!(lines[64].message, "further lines were dropped: a call keeps 64 KiB of log");
    assert_eq!(lines[64].level, LogLevel::Warn);
}

#[test]
fn debug_shows_no_line() {
    let logger = logger(LogLevel::Info);
    logger.info("private");
    assert_eq!(format!("{logger:?}"), "Logger { connector: \"widget\", level: Info, .. }");
}
