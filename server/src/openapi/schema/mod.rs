//! The document's schemas -> JSON Schema 2020-12 that stands alone, and fields made of it.
//!
//! Whatever is not a sound keyword is left out, so that what comes out always compiles: real documents hold
//! `required: true` in properties, `type: int` and patterns of other engines. References are written out;
//! a cycle, and what goes beyond the budget, is cut to any JSON. The budget is what keeps a document whose
//! schemas repeat each other 2^60 times from costing more than its length.

mod field;
mod keywords;
mod merge;

use std::cell::RefCell;
use std::collections::HashMap;

use connector_runtime::schema::Pattern;
use serde_json::{Map, Value};

pub(super) use self::field::field;
use self::keywords::Keywords;
use self::merge::{merge, prune};
use super::notes::Notes;
use super::resolve::{Broken, Document, reference};

/// How deep a schema is written out.
const DEPTH: usize = 24;

/// Which way a value goes: what is read only is not sent, what is write only does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
}

/// The schemas of a document.
#[derive(Debug)]
pub(super) struct Schemas<'d> {
    document: &'d Document<'d>,
    patterns: RefCell<HashMap<String, Option<Pattern>>>,
}

impl<'d> Schemas<'d> {
    pub(super) fn new(document: &'d Document<'d>) -> Self {
        Self { document, patterns: RefCell::default() }
    }

    /// Writes a schema out. What is broken in it degrades the operation at hand.
    pub(super) fn write(
        &self,
        schema: &'d Value,
        way: Way,
        budget: usize,
        notes: &mut Notes,
        pointer: &str,
    ) -> Map<String, Value> {
        let mut writer = Writer { schemas: self, way, left: budget, stack: Vec::new(), broken: Vec::new() };
        let written = writer.node(schema, 0);
        for (broken, reference) in writer.broken {
            notes.degrade(broken.code(), pointer, format!("{}; any JSON is taken there", broken.tell(reference)));
        }
        written
    }

    /// Returns a pattern, where it can be run.
    pub(super) fn pattern(&self, text: &str) -> Option<Pattern> {
        if let Some(known) = self.patterns.borrow().get(text) {
            return known.clone();
        }
        let pattern = Pattern::parse(text).ok();
        self.patterns.borrow_mut().insert(text.to_owned(), pattern.clone());
        pattern
    }
}

/// Writes one schema out.
struct Writer<'s, 'd> {
    schemas: &'s Schemas<'d>,
    way: Way,
    /// Schemas that may still be written.
    left: usize,
    /// The schemas around this one, by address.
    stack: Vec<*const Value>,
    broken: Vec<(Broken, &'d str)>,
}

impl<'d> Writer<'_, 'd> {
    fn node(&mut self, schema: &'d Value, depth: usize) -> Map<String, Value> {
        let mut out = Map::new();
        if self.left == 0 || depth > DEPTH {
            return out;
        }
        self.left -= 1;
        let target = match self.schemas.document.resolve(schema) {
            Ok(target) => target,
            Err((broken, reference)) => {
                if broken != Broken::Circular && self.broken.len() < 8 {
                    self.broken.push((broken, reference));
                }
                return out;
            }
        };
        let Value::Object(map) = target else { return out };
        let address = std::ptr::from_ref(target);
        if self.stack.contains(&address) {
            return out;
        }
        self.stack.push(address);
        Keywords { schemas: self.schemas, way: self.way, shallow: depth < 2 }.copy(map, &mut out);
        self.properties(map, &mut out, depth);
        self.others(map, &mut out, depth);
        self.branches(map, &mut out, depth);
        keywords::nullable(map, &mut out);
        prune(&mut out);
        self.stack.pop();
        // Since 3.1, what stands beside a reference counts.
        if reference(schema).is_some()
            && let Some(beside) = schema.as_object()
        {
            Keywords { schemas: self.schemas, way: self.way, shallow: depth < 2 }.beside(beside, &mut out);
        }
        out
    }

    fn properties(&mut self, map: &'d Map<String, Value>, out: &mut Map<String, Value>, depth: usize) {
        let Some(Value::Object(properties)) = map.get("properties") else { return };
        let hidden = if self.way == Way::In { "readOnly" } else { "writeOnly" };
        let mut left = self.left;
        let mut written = Map::new();
        let mut dropped = Vec::new();
        for (index, (name, property)) in properties.iter().enumerate() {
            // Each gets a fair share, so that the first one does not use up what the last one needs.
            let share = (2 * left / (properties.len() - index)).max(4).min(left);
            // What a form shows has its kind, even where nothing is left for what it is made of.
            let share = if depth == 0 { share.max(1) } else { share };
            if share == 0 {
                break;
            }
            self.left = share;
            let hides = |schema: &Value| schema.get(hidden) == Some(&Value::Bool(true));
            if hides(property) || self.schemas.document.resolve(property).is_ok_and(hides) {
                dropped.push(name.as_str());
                continue;
            }
            written.insert(name.clone(), Value::Object(self.node(property, depth + 1)));
            left = left.saturating_sub(share - self.left);
        }
        self.left = left;
        if let Some(Value::Array(required)) = out.get_mut("required") {
            required.retain(|name| !name.as_str().is_some_and(|name| dropped.contains(&name)));
        }
        if !written.is_empty() {
            out.insert("properties".to_owned(), Value::Object(written));
        }
        out.entry("type").or_insert_with(|| "object".into());
    }

    fn others(&mut self, map: &'d Map<String, Value>, out: &mut Map<String, Value>, depth: usize) {
        for keyword in ["items", "additionalProperties", "not"] {
            match map.get(keyword) {
                Some(Value::Bool(flag)) if keyword == "additionalProperties" => {
                    out.insert(keyword.to_owned(), Value::Bool(*flag));
                }
                Some(schema @ Value::Object(_)) => {
                    let before = self.left;
                    let written = self.node(schema, depth + 1);
                    // A cut `not` would refuse everything.
                    if keyword == "not" && (before == 0 || written.is_empty()) {
                        continue;
                    }
                    out.insert(keyword.to_owned(), Value::Object(written));
                }
                _ => {}
            }
        }
        if let Some(Value::Array(items)) = map.get("prefixItems") {
            let written: Vec<Value> = items.iter().map(|item| Value::Object(self.node(item, depth + 1))).collect();
            if !written.is_empty() {
                out.insert("prefixItems".to_owned(), Value::Array(written));
            }
        }
        if out.contains_key("items") {
            out.entry("type").or_insert_with(|| "array".into());
        }
    }

    fn branches(&mut self, map: &'d Map<String, Value>, out: &mut Map<String, Value>, depth: usize) {
        for branch in list(map, "allOf") {
            if self.left == 0 {
                break;
            }
            let written = self.node(branch, depth + 1);
            merge(out, written);
        }
        for keyword in ["oneOf", "anyOf"] {
            let branches = list(map, keyword);
            let is_null = |branch: &&Value| branch.get("type").is_some_and(|kind| kind == "null");
            let mut others = branches.iter().filter(|branch| !is_null(branch));
            match (others.next(), others.next()) {
                (None, _) => {}
                (Some(only), None) => {
                    let mut written = self.node(only, depth + 1);
                    if branches.iter().any(|branch| is_null(&branch)) {
                        keywords::allow_null(&mut written);
                    }
                    merge(out, written);
                }
                _ => {
                    let written: Vec<Value> =
                        branches.iter().map(|branch| Value::Object(self.node(branch, depth + 1))).collect();
                    // A branch that was cut to any JSON would make more than one fit.
                    let cut = written.iter().any(|branch| branch.as_object().is_none_or(Map::is_empty));
                    let keyword = if cut { "anyOf" } else { keyword };
                    merge(out, Map::from_iter([(keyword.to_owned(), Value::Array(written))]));
                }
            }
        }
    }
}

fn list<'d>(map: &'d Map<String, Value>, keyword: &str) -> &'d [Value] {
    map.get(keyword).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
