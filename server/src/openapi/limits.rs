//! Counts what a document declares before anything is done with it: some of it costs far more than its text.

use serde_json::Value;

use super::error::ImportError;
use super::operations::Operation;
use super::resolve::{Document, reference};

/// The most security schemes of a document: each operation may take all of them.
const MAX_SCHEMES: usize = 100;
/// The most alternatives of one `security`, and the most schemes of one alternative.
const MAX_ALTERNATIVES: usize = 100;
/// The most variables of one server.
const MAX_VARIABLES: usize = 50;
/// The most operations of a document.
pub(super) const MAX_OPERATIONS: usize = 20_000;
/// The most parameters that an operation and its path declare.
const MAX_PARAMETERS: usize = 500;
/// The most parameters of all operations, those of their paths counted for each.
const MAX_ALL_PARAMETERS: usize = 300_000;
/// The most schemes that all operations ask for together, those of the document's own `security` counted for each.
const MAX_ALL_NEEDS: usize = 300_000;
/// The longest path, in bytes. An operation whose path is longer is refused.
pub(super) const MAX_PATH: usize = 4096;
/// The most patterns of a document.
const MAX_PATTERNS: usize = 50_000;

/// Checks the parts that do not belong to an operation, and counts the values of the document: one that is sent on is not
/// the text that it was read from.
///
/// # Errors
/// If there are too many of a kind, with the place.
pub(super) fn check_root(root: &Value) -> Result<usize, ImportError> {
    let schemes =
        root.pointer("/components/securitySchemes").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    within(schemes, MAX_SCHEMES, "security schemes", || "/components/securitySchemes".to_owned())?;
    check_security(root.get("security"), "/security")?;
    check_servers(root.get("servers"), "/servers")?;
    let (mut values, mut patterns) = (0, 0);
    count(root, &mut values, &mut patterns);
    within(patterns, MAX_PATTERNS, "patterns", String::new)?;
    Ok(values)
}

/// Checks the operations of a document.
///
/// # Errors
/// As [`check_root`].
pub(super) fn check_operations(document: &Document<'_>, operations: &[Operation<'_>]) -> Result<(), ImportError> {
    let (mut all, mut needs) = (0, 0);
    for operation in operations {
        let place = &operation.pointer;
        let declared = [operation.shared("parameters"), operation.says("parameters")];
        let parameters = declared.into_iter().flatten().map(|list| length(document, list)).sum();
        within(parameters, MAX_PARAMETERS, "parameters of one operation", || format!("{place}/parameters"))?;
        all += parameters;
        within(all, MAX_ALL_PARAMETERS, "parameters of all operations", || "/paths".to_owned())?;
        check_security(operation.says("security"), &format!("{place}/security"))?;
        let security = operation.says("security").or_else(|| document.root.get("security"));
        let alternatives = security.and_then(Value::as_array).into_iter().flatten();
        needs += alternatives.filter_map(Value::as_object).map(serde_json::Map::len).sum::<usize>();
        within(needs, MAX_ALL_NEEDS, "security requirements of all operations", || "/security".to_owned())?;
        let servers = operation.says("servers").or_else(|| operation.shared("servers"));
        check_servers(servers, &format!("{place}/servers"))?;
    }
    Ok(())
}

/// Refuses one operation more than a document may have.
pub(super) fn too_many_operations() -> ImportError {
    let message = format!("the document has more than {MAX_OPERATIONS} operations; import a part of it");
    ImportError::new("too_many_operations", message).at("/paths")
}

fn check_security(security: Option<&Value>, place: &str) -> Result<(), ImportError> {
    let Some(alternatives) = security.and_then(Value::as_array) else { return Ok(()) };
    within(alternatives.len(), MAX_ALTERNATIVES, "alternatives of security", || place.to_owned())?;
    for alternative in alternatives.iter().filter_map(Value::as_object) {
        within(alternative.len(), MAX_ALTERNATIVES, "schemes of one alternative", || place.to_owned())?;
    }
    Ok(())
}

fn check_servers(servers: Option<&Value>, place: &str) -> Result<(), ImportError> {
    for (index, server) in servers.and_then(Value::as_array).into_iter().flatten().enumerate() {
        let declared = server.get("variables").and_then(Value::as_object).map_or(0, serde_json::Map::len);
        let used = server.get("url").and_then(Value::as_str).map_or(0, |url| url.matches('{').count());
        within(declared.max(used), MAX_VARIABLES, "variables of one server", || format!("{place}/{index}"))?;
    }
    Ok(())
}

fn length(document: &Document<'_>, list: &Value) -> usize {
    let list = reference(list).and_then(|target| document.find(target).ok()).unwrap_or(list);
    match list {
        Value::Array(items) => items.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    }
}

/// Counts values, and the patterns among them. Both in one pass: it costs as much as fetching the document from memory.
fn count(value: &Value, values: &mut usize, patterns: &mut usize) {
    *values += 1;
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                *patterns += usize::from(key == "pattern" && value.is_string());
                count(value, values, patterns);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| count(item, values, patterns)),
        _ => {}
    }
}

fn within(count: usize, most: usize, what: &str, place: impl FnOnce() -> String) -> Result<(), ImportError> {
    if count <= most {
        return Ok(());
    }
    Err(too_many(format!("the document has more than {most} {what}; import a part of it"), place()))
}

fn too_many(message: String, place: String) -> ImportError {
    ImportError::new("too_many", message).at(place)
}
