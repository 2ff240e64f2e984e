//! Moves what a Swagger 2.0 document refers to in other files among its own definitions, parameters and responses, because
//! it is rewritten by these. Paths and operations are put where they are referred to.

use std::collections::{HashMap, HashSet, VecDeque};

use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use connector_runtime::schema::pointer;
use serde_json::{Map, Value, json};

use super::references::{At, visit};
use super::space::Target;
use super::{Files, too_many_values};
use crate::openapi::ImportError;
use crate::openapi::read::count;
use crate::openapi::resolve::Document;

/// How many references from file to file are followed for one path.
const MAX_STEPS: usize = 20;

/// Makes one document.
///
/// # Errors
/// If it has too many values.
pub(super) fn hoist(mut document: Value, files: &Files) -> Result<Value, ImportError> {
    let mut hoist = Hoist::new(files, count(&document));
    for part in ["/definitions", "/parameters", "/responses", "/securityDefinitions", "/paths"] {
        hoist.place(document.pointer_mut(part), &files.root)?;
    }
    hoist.paths(&mut document)?;
    for section in ["definitions", "parameters", "responses"] {
        let names = document.get(section).and_then(Value::as_object).into_iter().flat_map(Map::keys);
        hoist.taken.extend(names.map(|name| (section, name.clone())));
    }
    hoist.lead(&mut document, &files.root, At::Schema);
    while let Some((section, name, target, at)) = hoist.waiting.pop_front() {
        let Some(found) = hoist.find(&target)? else { continue };
        let mut value = found;
        hoist.lead(&mut value, &target.file, at);
        let Value::Object(map) = &mut document else { break };
        if let Value::Object(section) = map.entry(section).or_insert_with(|| json!({})) {
            section.insert(name, value);
        }
    }
    Ok(document)
}

struct Hoist<'f> {
    files: &'f Files,
    /// What has moved where.
    names: HashMap<(&'static str, String, String), String>,
    /// Names that a section has.
    taken: HashSet<(&'static str, String)>,
    /// The next number of a name that is taken.
    next: HashMap<(&'static str, String), usize>,
    waiting: VecDeque<(&'static str, String, Target, At)>,
    nodes: usize,
}

impl<'f> Hoist<'f> {
    fn new(files: &'f Files, nodes: usize) -> Self {
        let (names, taken, next) = (HashMap::new(), HashSet::new(), HashMap::new());
        Self { files, names, taken, next, waiting: VecDeque::new(), nodes }
    }

    /// Copies what a target is; `None` if its file or its part does not exist.
    fn find(&mut self, target: &Target) -> Result<Option<Value>, ImportError> {
        let Some(file) = self.files.others.get(&target.file) else { return Ok(None) };
        let Ok(found) = Document::new(file).find(&format!("#{}", target.pointer)) else { return Ok(None) };
        self.nodes += count(found);
        if self.nodes > MAX_JSON_VALUES {
            return Err(too_many_values());
        }
        Ok(Some(found.clone()))
    }

    /// Replaces a reference to another file by what it refers to. Keys beside it stay.
    fn place(&mut self, value: Option<&mut Value>, from: &str) -> Result<Option<String>, ImportError> {
        let Some(value) = value else { return Ok(None) };
        let mut from = from.to_owned();
        for _ in 0..MAX_STEPS {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { break };
            let Ok(target) = self.files.space.target(&from, reference) else { break };
            if target.file == self.files.root {
                break;
            }
            let Some(mut found) = self.find(&target)? else { break };
            if let (Value::Object(found), Value::Object(own)) = (&mut found, &mut *value) {
                own.shift_remove("$ref");
                found.extend(std::mem::take(own));
            }
            *value = found;
            from = target.file;
        }
        Ok((from != self.files.root).then_some(from))
    }

    /// Puts paths and operations of other files in their places.
    fn paths(&mut self, document: &mut Value) -> Result<(), ImportError> {
        let Some(Value::Object(paths)) = document.get_mut("paths") else { return Ok(()) };
        for (_, item) in paths.iter_mut() {
            if let Some(file) = self.place(Some(&mut *item), &self.files.root)? {
                self.lead(item, &file, At::PathItem);
            }
            for (_, operation) in item.as_object_mut().into_iter().flatten() {
                if let Some(file) = self.place(Some(&mut *operation), &self.files.root)? {
                    self.lead(operation, &file, At::Operation);
                }
            }
        }
        Ok(())
    }

    /// Leads the references of a value of the file `from` to where their targets move.
    fn lead(&mut self, value: &mut Value, from: &str, at: At) {
        visit(value, at, &mut |reference, at| {
            let Ok(target) = self.files.space.target(from, reference) else { return };
            if target.file == self.files.root {
                *reference = format!("#{}", target.pointer);
            } else if self.files.others.contains_key(&target.file) {
                *reference = self.moved(target, at);
            }
        });
    }

    /// Returns the reference to what moves.
    fn moved(&mut self, target: Target, at: At) -> String {
        let section = match at {
            At::Parameter => "parameters",
            At::Response => "responses",
            _ => "definitions",
        };
        let key = (section, target.file.clone(), target.pointer.clone());
        let name = match self.names.get(&key) {
            Some(name) => name.clone(),
            None => {
                let name = self.name(section, &target);
                self.names.insert(key, name.clone());
                self.waiting.push_back((section, name.clone(), target, at));
                name
            }
        };
        format!("#/{section}/{}", pointer::escape(&name))
    }

    fn name(&mut self, section: &'static str, target: &Target) -> String {
        let last = target.pointer.rsplit('/').next().filter(|last| !last.is_empty());
        let stem = target.file.rsplit('/').next().unwrap_or_default().split('.').next().unwrap_or_default();
        let plain: String = last.unwrap_or(stem).chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        let mut name = plain.clone();
        let number = self.next.entry((section, plain.clone())).or_insert(2);
        while !self.taken.insert((section, name.clone())) {
            name = format!("{plain}{number}");
            *number += 1;
        }
        name
    }
}
