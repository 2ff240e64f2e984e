//! The table as a whole: every file is in it, every example falls under its rule alone, every difference has a rule.

use std::collections::BTreeSet;
use std::path::Path;

use crate::ConfigSchema;
use crate::version::{Aspect, Change, Difference, InLock, Level, RULES, Wording, diff, judge};

#[test]
fn each_example_falls_under_its_rule_and_no_other() {
    for rule in RULES {
        let Some((old, new)) = rule.example.schemas() else {
            assert_eq!(rule.in_lock, InLock::Absent, "{rule:?}");
            continue;
        };
        let [old, new] = [old, new].map(|text| {
            let schema = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{rule:?}: {error}: {text}"));
            ConfigSchema::parse(&schema).unwrap_or_else(|error| panic!("{rule:?}: {error}"))
        });
        let changes = diff(&old, &new);
        let found: Vec<(&str, Level)> = changes.items.iter().map(|change| (change.rule.id, change.level())).collect();
        assert_eq!(found, [(rule.id, rule.level)], "{changes:#?}");
        assert!(diff(&old, &old).is_empty() && diff(&new, &new).is_empty());
        let Change { message, .. } = &changes.items[0];
        let said = rule.cases.iter().any(|case| match case.wording {
            Wording::Phrase(phrase) => message.contains(phrase),
            Wording::Values | Wording::Comparison => true,
        });
        assert!(said, "{rule:?}: {message}");
    }
}

#[test]
fn every_file_of_a_rule_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/version/rules");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "mod")
        .collect();
    let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(files, rules, "a file is named for the id of its rule");
    assert_eq!(rules.len(), RULES.len(), "an id names one rule");
    assert!(RULES.is_sorted_by(|a, b| a.level >= b.level), "the breaking ones first");
}

#[test]
fn each_case_is_judged_by_its_rule_and_what_no_rule_is_about_is_breaking() {
    for rule in RULES {
        assert!(!rule.cases.is_empty(), "{rule:?}");
        for case in rule.cases {
            let judgement = judge(case.aspect, case.difference);
            assert_eq!((judgement.rule, judgement.wording), (*rule, case.wording));
        }
    }
    let unclaimed = judge(Aspect::Command, Difference::Rewritten);
    assert_eq!((unclaimed.rule.id, unclaimed.rule.level), ("schema_narrowed", Level::Major));
}

#[test]
fn the_documentation_lists_every_rule() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/version-rules.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let wanted: Vec<String> =
        RULES.iter().map(|rule| format!("| `{}` | {} | {} |", rule.id, rule.level, rule.text)).collect();
    assert_eq!(rows, wanted);
}
