//! A default command is added: calls that name none were refused so far.

use super::*;

pub(crate) const RULE: Rule = Rule {
    id: "default_command_added",
    level: Level::Minor,
    text: "default command added",
    cases: &[Case::said(Aspect::DefaultCommand, Difference::Added, "was added")],
    affects: Affects::Nobody,
    example: Example::Schema(
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} } }"#,
        r#"{ "connectionConfig": {}, "commands": { "list": {}, "show": {} }, "defaultCommand": "list" }"#,
    ),
    in_lock: InLock::Same,
};
