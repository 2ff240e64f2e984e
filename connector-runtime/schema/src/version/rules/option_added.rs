//! A select gets an option.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "option_added",
    level: Level::Minor,
    text: "option added",
    cases: &[Case::said(Aspect::SelectOption, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Param(
        r#"{ "type": "select", "options": [{ "value": "open" }] }"#,
        r#"{ "type": "select", "options": [{ "value": "open" }, { "value": "closed" }] }"#,
    ),
    in_lock: InLock::Same,
};
