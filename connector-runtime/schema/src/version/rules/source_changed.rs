//! An imported command calls another operation of the API.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "source_changed",
    level: Level::Patch,
    text: "API operation behind the command changed",
    cases: &[Case::values(Aspect::Source, Difference::Changed)],
    affects: Affects::Nobody,
    example: Example::Command(
        r#"{ "source": { "method": "GET", "path": "/items" } }"#,
        r#"{ "source": { "method": "GET", "path": "/v2/items" } }"#,
    ),
    in_lock: InLock::Absent,
};
