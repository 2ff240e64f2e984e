//! The example of every rule, put to the comparison of locks: the same rule, at the same level, in the same words
//! as the diff of the two schemas gives.

use super::schema_text::lock_of;
use crate::lock::{LockVerdict, diff, verdict::verdict_on};
use crate::schema::ConfigSchema;
use crate::version::{InLock, Level, RULES, Rule, Wording, suggested_version};

/// The locks of the example of a rule.
fn locks(rule: &Rule) -> Option<[String; 2]> {
    let (old, new) = rule.example.schemas()?;
    Some([old, new].map(|text| lock_of(&ConfigSchema::parse(&serde_json::from_str(&text).unwrap()).unwrap())))
}

#[test]
fn each_example_is_in_the_lock_what_its_rule_says() {
    for rule in RULES {
        let Some([old, new]) = locks(rule) else {
            assert_eq!(rule.in_lock, InLock::Absent, "{rule:?}");
            continue;
        };
        let changes = diff(&old, &new).unwrap();
        let found: Vec<(&str, Level)> = changes.items.iter().map(|change| (change.rule.id, change.level())).collect();
        let expected: &[(&str, Level)] = match rule.in_lock {
            InLock::Same => &[(rule.id, rule.level)],
            InLock::AsText => &[("text_changed", Level::Patch)],
            InLock::Absent => &[],
        };
        assert_eq!(found, expected, "{rule:?}\n{old}\n{new}");
    }
}

#[test]
fn a_change_is_said_in_the_words_of_its_rule() {
    for rule in RULES.iter().filter(|rule| rule.in_lock == InLock::Same) {
        let [old, new] = locks(rule).unwrap();
        let message = &diff(&old, &new).unwrap().items[0].message;
        let said = rule.cases.iter().any(|case| match case.wording {
            Wording::Phrase(phrase) => message.ends_with(&format!(" {phrase}")),
            Wording::Values | Wording::Comparison => false,
        });
        assert!(said || message.contains(&format!(": {}", rule.text)), "{rule:?}: {message}");
    }
}

#[test]
fn the_compiler_refuses_each_example_without_the_version_that_it_needs() {
    let version = semver::Version::new(1, 0, 0);
    for rule in RULES {
        let Some([old, new]) = locks(rule) else { continue };
        let change = diff(&old, &new).unwrap().items.pop();
        let raised = suggested_version(&version, change.as_ref().map_or(Level::None, |change| change.level()));
        let judged = |version: &str| verdict_on("lab", version, old.as_bytes(), new.as_bytes());
        assert!(matches!(judged(&raised.to_string()), LockVerdict::Fine), "{rule:?}");
        match (judged("1.0.0"), change) {
            (LockVerdict::Fine, None) => {}
            (LockVerdict::Fine, Some(change)) => assert_eq!(change.level(), Level::Patch, "{rule:?}"),
            (LockVerdict::Changed(report) | LockVerdict::Added(report), Some(change)) => {
                assert!(change.level() > Level::Patch, "{rule:?}: other texts do not stop a build");
                let line = format!("\n  {}  {}\n", change.level(), change.message);
                assert!(report.as_str().contains(&line), "{rule:?}: {}", report.as_str());
                assert!(report.as_str().contains(&format!("version = \"{raised}\"")), "{rule:?}: {}", report.as_str());
            }
            (verdict, change) => panic!("{rule:?}: {verdict:?}, {change:?}"),
        }
    }
}
