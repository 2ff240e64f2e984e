//! Another command is the default: calls that name none do something else.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "default_command_changed",
    level: Level::Major,
    text: "default command changed",
    cases: &[Case::told(Aspect::DefaultCommand, Difference::Changed)],
    affects: Affects::Users,
    example: Example::Schema(
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} }, "defaultCommand": "list" }"#,
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} }, "defaultCommand": "show" }"#,
    ),
    in_lock: InLock::Same,
};
