//! What a command does to the connected system, by its method and by what its operation is called. Some services delete
//! by POST; where the name says something else than the method, the name counts, and where neither is sure, nothing is
//! promised.

use connector_runtime::schema::Effect;

use super::names::words;
use super::operations::Operation;

const DELETE: [&str; 17] = [
    "delete",
    "del",
    "remove",
    "destroy",
    "purge",
    "erase",
    "wipe",
    "trash",
    "drop",
    "clear",
    "unlink",
    "revoke",
    "terminate",
    "cancel",
    "unsubscribe",
    "uninstall",
    "detach",
];
const UPDATE: [&str; 24] = [
    "update",
    "edit",
    "modify",
    "patch",
    "set",
    "replace",
    "rename",
    "move",
    "change",
    "enable",
    "disable",
    "activate",
    "deactivate",
    "archive",
    "restore",
    "assign",
    "unassign",
    "reset",
    "merge",
    "lock",
    "unlock",
    "approve",
    "reject",
    "close",
];
const CREATE: [&str; 15] = [
    "create", "add", "new", "insert", "register", "upload", "send", "import", "invite", "publish", "place", "open",
    "submit", "book", "make",
];
const READ: [&str; 16] = [
    "get", "list", "search", "find", "query", "read", "fetch", "count", "check", "show", "lookup", "describe", "view",
    "validate", "preview", "download",
];

/// What a word says that begins or ends a name; `None` if it is no verb that is known here.
fn verb(word: &str) -> Option<Effect> {
    let is_of = |list: &[&str]| list.contains(&word);
    match () {
        () if is_of(&DELETE) => Some(Effect::Delete),
        () if is_of(&UPDATE) => Some(Effect::Update),
        () if is_of(&CREATE) => Some(Effect::Create),
        () if is_of(&READ) => Some(Effect::Read),
        () => None,
    }
}

/// What the name of an operation says: its first or its last word, else a word of deletion anywhere.
fn named(operation: &Operation<'_>) -> Option<Effect> {
    let last = operation.path.rsplit('/').find(|step| !step.is_empty()).filter(|step| !step.contains('{'));
    let texts = operation.id.as_deref().into_iter().chain(last);
    texts.into_iter().find_map(|text| {
        let words = words(text);
        let ends = [words.first(), words.last()].into_iter().flatten();
        let found = ends.into_iter().find_map(|word| verb(word));
        found.or_else(|| words.iter().any(|word| DELETE.contains(&word.as_str())).then_some(Effect::Delete))
    })
}

/// Returns what a command does; `None` if that is not sure.
pub(super) fn effect(operation: &Operation<'_>) -> Option<Effect> {
    let named = named(operation);
    match (operation.method.to_ascii_uppercase().as_str(), named) {
        ("DELETE", _) => Some(Effect::Delete),
        // A search by POST reads, but a second one may cost or leave something: nobody has promised it.
        ("POST", Some(Effect::Read)) => None,
        ("POST", Some(named)) => Some(named),
        ("POST", None) => creates(operation).then_some(Effect::Create),
        ("PUT" | "PATCH", Some(Effect::Delete)) => Some(Effect::Delete),
        ("PUT" | "PATCH", _) => Some(Effect::Update),
        ("GET" | "HEAD", Some(Effect::Delete | Effect::Update | Effect::Create)) => None,
        ("GET" | "HEAD" | "OPTIONS" | "TRACE" | "QUERY", _) => Some(Effect::Read),
        _ => None,
    }
}

/// Whether a POST goes to a collection, and its operation is not called otherwise: `/orders`, and not
/// `/orders/{id}/ship`.
fn creates(operation: &Operation<'_>) -> bool {
    let is_called = operation.id.as_deref().is_some_and(|id| words(id).first().is_some_and(|word| word != "post"));
    let mut steps = operation.path.split('/').filter(|step| !step.is_empty()).rev();
    let last = steps.next().unwrap_or_default();
    let is_collection = last.ends_with('s') && !last.contains(['{', ':', '.']);
    is_collection && !is_called
}
