use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{LOG_LINE_BYTES, LogLevel, LogRate, Logger, MAX_LOG_BURST, MAX_LOG_BYTES, MAX_LOG_LINES};
use crate::redact::Redactor;

fn logger(level: LogLevel) -> Logger {
    Logger::new("widget", level, Arc::new(Redactor::new(["hunter2".to_owned()])), None)
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

const FULL: &str = "further lines were dropped: a call keeps 500 lines and 64 KiB of log, and each line counts 100 bytes \
                    more than its text";

#[test]
fn a_call_keeps_64_kib() {
    let logger = logger(LogLevel::Info);
    let line = "x".repeat(1024);
    for _ in 0..100 {
        logger.info(&line);
    }
    let lines = logger.take();
    let kept = MAX_LOG_BYTES / (1024 + LOG_LINE_BYTES);
    assert_eq!(lines.len(), kept + 1);
    assert_eq!((lines[kept].message.as_str(), lines[kept].level), (FULL, LogLevel::Warn));
}

#[test]
fn a_call_keeps_500_lines_however_short() {
    let logger = logger(LogLevel::Info);
    for _ in 0..100_000 {
        logger.info("");
    }
    let lines = messages(&logger);
    assert_eq!(lines.len(), MAX_LOG_LINES + 1);
    assert_eq!(lines[MAX_LOG_LINES], FULL);
}

#[test]
fn a_full_log_formats_nothing_more() {
    struct Loud;
    impl std::fmt::Display for Loud {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("this line is not kept, so nobody asks for its text");
        }
    }
    let logger = logger(LogLevel::Info);
    logger.info("x".repeat(MAX_LOG_BYTES));
    logger.error(Loud);
    assert_eq!(messages(&logger), [FULL]);
}

#[test]
fn a_connector_writes_so_much_at_once_and_so_much_a_second() {
    let (rate, start) = (LogRate::default(), Instant::now());
    let at = |ms: u64| start + Duration::from_millis(ms);
    let written = |count: u32, bytes: usize, now: Instant| (0..count).filter(|_| rate.admits(bytes, now)).count();
    assert_eq!(written(2 * MAX_LOG_BURST, 10, at(0)), 1000);
    assert_eq!(rate.take_dropped(at(0)), Some(1000));
    assert_eq!(rate.take_dropped(at(0)), None, "reported once");
    assert_eq!(written(100, 10, at(500)), 25, "50 a second");
    assert_eq!(rate.take_dropped(at(999)), None, "a report a second is enough");
    assert_eq!(rate.take_dropped(at(1000)), Some(75));
    assert_eq!(written(100, 3 << 10, at(100_000)), 100, "what was not used is kept up to the burst");
    assert_eq!(written(400, 3 << 10, at(100_000)), 150, "a long line costs more");
}

#[test]
fn what_is_dropped_from_the_log_is_kept_for_the_record() {
    let rate = Arc::new(LogRate::default());
    let mut kept = 0;
    for _ in 0..10 {
        let logger = Logger::new("widget", LogLevel::Info, Arc::default(), Some(Arc::clone(&rate)));
        (0..200).for_each(|_| logger.info("line"));
        kept += logger.take().len();
    }
    assert_eq!(kept, 2000);
}

#[test]
fn debug_shows_no_line() {
    let logger = logger(LogLevel::Info);
    logger.info("private");
    assert_eq!(format!("{logger:?}"), "Logger { connector: \"widget\", level: Info, .. }");
}
