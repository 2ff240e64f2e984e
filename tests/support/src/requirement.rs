//! What a test needs and the machine may not have: PostgreSQL, Python, git, a network namespace.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Mutex;

/// Says that a test does not run here, and why: in one line for each reason, which a test runner does not swallow.
///
/// # Panics
/// When the run demands that every test does (`FLOH_TEST_REQUIRE=all`).
#[expect(clippy::disallowed_methods, reason = "what the test run asks for, not a setting of the server")]
pub fn skipped(why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let required = std::env::var("FLOH_TEST_REQUIRE").is_ok_and(|value| value == "all");
    assert!(!required, "FLOH_TEST_REQUIRE=all, but {why}");
    if SAID.lock().unwrap().insert(why.to_owned()) {
        // libtest captures what the macros print and shows it for failures alone; this it lets through.
        let said = writeln!(std::io::stderr(), "skipped: {why}");
        assert!(said.is_ok(), "nobody could be told: {why}");
    }
}
