//! The default command is removed: calls that name no command are refused.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "default_command_removed",
    level: Level::Major,
    text: "default command removed",
    cases: &[Case::said(Aspect::DefaultCommand, Difference::Removed, "was removed")],
    affects: Affects::Users,
    example: Example::Schema(
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} }, "defaultCommand": "list" }"#,
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} } }"#,
    ),
    in_lock: InLock::Same,
};
