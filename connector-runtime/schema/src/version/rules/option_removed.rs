//! A select loses an option: calls that give it are refused.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "option_removed",
    level: Level::Major,
    text: "option removed",
    cases: &[Case::said(Aspect::SelectOption, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Param(
        r#"{ "type": "select", "options": [{ "value": "open" }, { "value": "closed" }] }"#,
        r#"{ "type": "select", "options": [{ "value": "open" }] }"#,
    ),
    in_lock: InLock::Same,
};
