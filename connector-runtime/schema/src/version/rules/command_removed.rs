//! A command is removed: calls of it are refused.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "command_removed",
    level: Level::Major,
    text: "command removed",
    cases: &[Case::said(Aspect::Command, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Schema(
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} } }"#,
        r#"{ "connectionConfig": {}, "commands": { "list": {} } }"#,
    ),
    in_lock: InLock::Same,
};
