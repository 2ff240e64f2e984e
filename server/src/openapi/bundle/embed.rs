//! Puts the files of an OpenAPI 3 document into it, each once, and leads the references there.

use std::collections::HashSet;

use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use connector_runtime::schema::pointer;
use serde_json::{Map, Value};

use super::references::{At, visit};
use super::{Files, too_many_values};
use crate::openapi::ImportError;
use crate::openapi::read::count;
use crate::openapi::resolve::Document;

/// The key of a document under which its files are.
const FILES: &str = "x-floh-files";
/// The parts of a document that are looked at in their own place; each may be a file of its own.
const PARTS: [&str; 7] =
    ["/info", "/servers", "/security", "/tags", "/paths", "/components", "/components/securitySchemes"];

/// Makes one document.
///
/// # Errors
/// If it has too many values.
pub(super) fn embed(mut document: Value, mut files: Files) -> Result<Value, ImportError> {
    let mut others = std::mem::take(&mut files.others);
    let known: HashSet<String> = others.keys().cloned().collect();
    let lead = |value: &mut Value, from: &str| {
        visit(value, At::Schema, &mut |reference, _| {
            let Ok(target) = files.space.target(from, reference) else { return };
            if target.file == files.root {
                *reference = format!("#{}", target.pointer);
            } else if known.contains(&target.file) {
                *reference = format!("#/{FILES}/{}{}", pointer::escape(&target.file), target.pointer);
            }
        });
    };
    lead(&mut document, &files.root);
    for (name, value) in &mut others {
        lead(value, name);
    }
    let Value::Object(map) = &mut document else { return Ok(document) };
    let mut names: Vec<String> = others.keys().cloned().collect();
    names.sort_unstable();
    let held: Map<String, Value> =
        names.into_iter().filter_map(|name| others.remove(&name).map(|value| (name, value))).collect();
    map.insert(FILES.to_owned(), Value::Object(held));
    let mut nodes = count(&document);
    for part in PARTS {
        let whole = Document::new(&document);
        let Some(found) = document.pointer(part).filter(|found| found.get("$ref").is_some()) else { continue };
        let Ok(target) = whole.resolve(found) else { continue };
        nodes += count(target);
        if nodes > MAX_JSON_VALUES {
            return Err(too_many_values());
        }
        let target = target.clone();
        if let Some(place) = document.pointer_mut(part) {
            *place = target;
        }
    }
    Ok(document)
}
