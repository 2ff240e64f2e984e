//! Each promise of docs/security.md names the test that keeps it, and that test exists.
#![allow(clippy::unwrap_used, reason = "a test: what goes wrong here fails it")]

use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The rows of the table: the promise, and the tests that are named.
fn rows(text: &str) -> Vec<(String, Vec<String>)> {
    let table = text.split("## Promises and their tests").nth(1).unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split(" | ");
        let promise = cells.next().unwrap().trim().to_owned();
        let tests = cells.next().unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (promise, tests)
    })
    .collect()
}

/// Whether a file of the repository declares a test of this name, which runs.
fn declares(file: &str, test: &str) -> bool {
    let Ok(source) = fs::read_to_string(repository().join(file)) else { return false };
    let called = format!("fn {test}(");
    let lines: Vec<&str> = source.lines().collect();
    let Some(at) = lines.iter().position(|line| line.contains(&called)) else { return false };
    let attributes = lines[..at].iter().rev().take_while(|line| line.trim_start().starts_with('#'));
    // Tests of both databases are listed by name in `on_both!`.
    let marked = attributes.clone().any(|line| line.contains("test"));
    let listed = source.contains("on_both!(") && source.matches(test).count() > 1;
    (marked || listed) && !attributes.clone().any(|line| line.contains("ignore"))
}

#[test]
fn every_promise_is_kept_by_a_test() {
    let text = fs::read_to_string(repository().join("docs/security.md")).unwrap();
    let rows = rows(&text);
    assert!(rows.len() >= 20, "the table was not found: {rows:?}");
    let mut broken = Vec::new();
    for (promise, tests) in &rows {
        if tests.is_empty() {
            broken.push(format!("{promise}: no test is named"));
        }
        for named in tests {
            match named.split_once("::") {
                Some((file, test)) if declares(file, test) => {}
                _ => broken.push(format!("{promise}: {named} is no test")),
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_promise_without_its_test_is_found() {
    assert!(declares("server/tests/promises.rs", "a_promise_without_its_test_is_found"));
    for (file, test) in [
        ("server/tests/floors.rs", "sources"),
        ("server/tests/floors.rs", "no_such_test"),
        ("server/tests/no_such_file.rs", "sources"),
    ] {
        assert!(!declares(file, test), "{test}");
    }
    let text = "## Promises and their tests\n| promise | test |\n|---|---|\n| a | `x.rs::b`, `y.rs::c` |\n| d | |\n";
    let rows = rows(text);
    assert_eq!(
        rows,
        [("a".to_owned(), vec!["x.rs::b".to_owned(), "y.rs::c".to_owned()]), ("d".to_owned(), Vec::new())]
    );
}
