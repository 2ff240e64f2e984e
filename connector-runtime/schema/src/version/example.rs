//! The example of a rule: the smallest pair of schemas that falls under it. The tests of the rules walk them, by the
//! diff of two schemas and by the comparison of two locks.

/// Two config schemas, old and new, as JSON texts; of parts, only the parts are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Example {
    /// Whole schemas.
    Schema(&'static str, &'static str),
    /// The connection fields, by name.
    Connection(&'static str, &'static str),
    /// The one command `list`.
    Command(&'static str, &'static str),
    /// The one param `value` of the one command `list`.
    Param(&'static str, &'static str),
    /// Nothing in a schema: what changed is kept beside it.
    Outside,
}

impl Example {
    /// Returns both schemas, whole; `None` where the change is not in a schema.
    pub fn schemas(self) -> Option<(String, String)> {
        let (old, new, before, after) = match self {
            Self::Outside => return None,
            Self::Schema(old, new) => (old, new, "", ""),
            Self::Connection(old, new) => (old, new, r#"{ "connectionConfig": "#, r#", "commands": {} }"#),
            Self::Command(old, new) => (old, new, r#"{ "connectionConfig": {}, "commands": { "list": "#, " } }"),
            Self::Param(old, new) => (
                old,
                new,
                r#"{ "connectionConfig": {}, "commands": { "list": { "params": ["value"], "paramSchema": { "value": "#,
                " } } } }",
            ),
        };
        Some((format!("{before}{old}{after}"), format!("{before}{new}{after}")))
    }
}

/// What the lock of a connector shows of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InLock {
    /// The change itself, under the same rule.
    Same,
    /// A changed text, by its hash.
    AsText,
    /// Nothing: a lock does not have it, as connectors in Rust do not have it or nobody's call depends on it.
    Absent,
}
