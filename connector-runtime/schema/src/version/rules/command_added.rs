//! A command is added.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "command_added",
    level: Level::Minor,
    text: "command added",
    cases: &[Case::said(Aspect::Command, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Schema(
        r#"{ "connectionConfig": {}, "commands": { "list": {} } }"#,
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} } }"#,
    ),
    in_lock: InLock::Same,
};
