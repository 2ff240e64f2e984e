//! Finds every operation of a document: each method of each path, even if something is wrong with it.

use serde_json::{Map, Value};

use super::error::ImportError;
use super::limits::{MAX_OPERATIONS, MAX_PATH, too_many_operations};
use super::notes::Notes;
use super::resolve::{Broken, Document, cut, get, reference};
use connector_runtime::schema::pointer;

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];
/// How many references from path item to path item are followed.
const MAX_STEPS: usize = 20;

/// An operation as the document has it.
#[derive(Debug)]
pub(super) struct Operation<'d> {
    /// The method, as a request names it.
    pub(super) method: String,
    /// The path; of one that is too long only the beginning.
    pub(super) path: &'d str,
    pub(super) id: Option<String>,
    /// The operation's own object.
    pub(super) own: &'d Map<String, Value>,
    /// Keys of the path's item, the outermost first.
    pub(super) item: Vec<&'d Map<String, Value>>,
    /// JSON pointer to it.
    pub(super) pointer: String,
    /// References on the way to it that lead nowhere, so that parts of it are lacking.
    pub(super) broken: Vec<(Broken, &'d str)>,
    /// Whether the path was too long, so that nothing can be called by it.
    pub(super) is_path_cut: bool,
}

impl<'d> Operation<'d> {
    /// Returns what the operation itself says.
    pub(super) fn says(&self, key: &str) -> Option<&'d Value> {
        get(self.own, key)
    }

    /// Returns what the path says for all its operations.
    pub(super) fn shared(&self, key: &str) -> Option<&'d Value> {
        self.item.iter().find_map(|item| get(item, key))
    }

    /// Returns the first tag.
    pub(super) fn tag(&self) -> Option<&'d str> {
        self.tags().next()
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &'d str> {
        self.says("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }
}

/// Lists the operations, in the order of the document.
///
/// # Errors
/// If there are too many.
pub(super) fn list<'d>(
    document: &Document<'d>,
    latest: bool,
    notes: &mut Notes,
) -> Result<Vec<Operation<'d>>, ImportError> {
    let mut all = Vec::new();
    let Some(paths) = document.root.get("paths").and_then(Value::as_object) else { return Ok(all) };
    for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        if all.len() > MAX_OPERATIONS {
            break;
        }
        let pointer = format!("/paths/{}", escape(path));
        if !item.is_object() {
            if !item.is_null() {
                notes.warn("path_item_not_object", &pointer, "the path is not an object and is ignored");
            }
            continue;
        }
        let is_cut = path.len() > MAX_PATH;
        let path = &path[..path.floor_char_boundary(MAX_PATH)];
        if !path.starts_with('/') {
            notes.warn("path_without_slash", &pointer, "the path does not begin with `/`; one is put before it");
        }
        let item = Item { is_cut, ..follow(document, item, &pointer, notes) };
        for (index, layer) in item.layers.iter().enumerate() {
            for (key, value) in *layer {
                if item.layers[..index].iter().any(|outer| outer.contains_key(key)) {
                    continue;
                }
                if METHODS.contains(&key.as_str()) || (latest && key == "query") {
                    take(
                        document,
                        path,
                        &key.to_ascii_uppercase(),
                        value,
                        &item,
                        &format!("{pointer}/{key}"),
                        notes,
                        &mut all,
                    );
                } else if latest && key == "additionalOperations" {
                    for (method, value) in value.as_object().into_iter().flatten() {
                        let pointer = format!("{pointer}/{key}/{}", escape(method));
                        take(document, path, method, value, &item, &pointer, notes, &mut all);
                    }
                } else if METHODS.contains(&key.to_ascii_lowercase().as_str()) {
                    let message = format!("`{key}` is not a method; methods are written in lower case. It is ignored");
                    notes.warn("method_in_upper_case", &pointer, message);
                }
            }
        }
    }
    if all.len() > MAX_OPERATIONS { Err(too_many_operations()) } else { Ok(all) }
}

#[expect(clippy::too_many_arguments, reason = "one place calls it twice")]
fn take<'d>(
    document: &Document<'d>,
    path: &'d str,
    method: &str,
    value: &'d Value,
    item: &Item<'d>,
    pointer: &str,
    notes: &mut Notes,
    all: &mut Vec<Operation<'d>>,
) {
    let mut broken: Vec<_> = item.broken.into_iter().collect();
    let own = match reference(value) {
        Some(_) => document.resolve(value).unwrap_or_else(|lost| {
            broken.push(lost);
            value
        }),
        None => value,
    };
    let Some(own) = own.as_object() else {
        return notes.warn("operation_not_object", pointer, "the operation is not an object and is ignored");
    };
    let id = match own.get("operationId") {
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        None | Some(Value::Null | Value::String(_)) => None,
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => {
            notes.warn("operationId_not_string", pointer, "the operationId is not a text and is ignored");
            None
        }
    };
    let is_path_cut = item.is_cut;
    let (method, pointer, item) = (method.to_owned(), pointer.to_owned(), item.layers.clone());
    all.push(Operation { method, path, id, own, item, pointer, broken, is_path_cut });
}

/// A path item.
struct Item<'d> {
    /// It and what it refers to, the outermost first.
    layers: Vec<&'d Map<String, Value>>,
    /// A reference that leads nowhere.
    broken: Option<(Broken, &'d str)>,
    /// Whether the path was too long.
    is_cut: bool,
}

/// Follows a path item's references. Keys beside a reference take precedence over those of its target.
fn follow<'d>(document: &Document<'d>, item: &'d Value, pointer: &str, notes: &mut Notes) -> Item<'d> {
    let mut layers = Vec::new();
    let mut current = item;
    let mut broken = None;
    for _ in 0..=MAX_STEPS {
        let Some(map) = current.as_object() else { return Item { layers, broken, is_cut: false } };
        layers.push(map);
        let Some(target) = reference(current) else { return Item { layers, broken, is_cut: false } };
        match document.find(target) {
            Ok(next) => current = next,
            Err(lost) => {
                notes.warn(lost.code(), pointer, lost.tell(target));
                broken = Some((lost, target));
                return Item { layers, broken, is_cut: false };
            }
        }
    }
    let shown = reference(item).map_or("", |text| cut(text, 200));
    notes.warn("circular_ref", pointer, format!("path reference `{shown}` refers to itself and is ignored"));
    Item { layers, broken, is_cut: false }
}

/// Escapes one step of a JSON pointer.
pub(super) fn escape(step: &str) -> String {
    pointer::escape(cut(step, 300)).into_owned()
}
