//! Writes a document's schemas out as JSON Schema 2020-12: references resolved, within the budget of the draft.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use connector_runtime::schema::{
    MAX_DIFFERENT_PATTERNS as MAX_PATTERNS, MAX_LARGE_PATTERNS, MAX_PATTERN_LENGTH, Pattern,
};
use serde_json::{Map, Value};

use super::keywords::{self, Keywords};
use super::merge::{merge, prune, settle};
use super::parts::Parts;
use crate::openapi::notes::Notes;
use crate::openapi::resolve::{Broken, Document};

/// How deep a schema may be nested.
const DEPTH: usize = 24;
/// The maximum number of keywords for which room is allocated beforehand.
const MAX_ROOM: usize = 16;
/// The number of bytes of a name that cost as much as a schema.
const LONG: usize = 512;

/// The maximum number of bytes of all schemas of a draft together: more could not be sent to the server.
const ROOM: usize = 64 << 20;
/// The number of bytes of a schema besides its texts, in memory.
const ENTRY: usize = 96;

/// The direction of a value: read-only values are not sent, write-only values are not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::openapi) enum Way {
    In,
    Out,
}

/// The patterns of a document.
#[derive(Debug, Default)]
struct Patterns {
    /// Whether each can be run.
    known: HashMap<String, bool>,
    large: usize,
}

/// The schemas of a document.
#[derive(Debug)]
pub(in crate::openapi) struct Schemas<'d> {
    document: &'d Document<'d>,
    patterns: RefCell<Patterns>,
    room: Cell<usize>,
}

impl<'d> Schemas<'d> {
    pub(in crate::openapi) fn new(document: &'d Document<'d>) -> Self {
        Self { document, patterns: RefCell::default(), room: Cell::new(ROOM) }
    }

    /// Takes bytes off the limit of a draft; once it is used up, nothing more is written out.
    pub(in crate::openapi) fn spend(&self, bytes: usize) {
        self.room.set(self.room.get().saturating_sub(bytes));
    }

    /// Returns whether the draft has room for more.
    pub(in crate::openapi) fn has_room(&self) -> bool {
        self.room.get() > 0
    }

    /// Writes out a schema. A problem in it degrades the current operation.
    pub(in crate::openapi) fn write(
        &self,
        schema: &'d Value,
        way: Way,
        budget: usize,
        notes: &mut Notes,
        pointer: &str,
    ) -> Map<String, Value> {
        let mut writer = Writer::new(self, way, budget);
        let written = writer.node(schema, 0, true);
        // What is answered is passed on as it comes, whatever its schema says.
        if writer.cut && way == Way::In && self.has_room() {
            let message = "the schema is too long to be written out whole; parts of it take any JSON, and the service judges \
                           them (fewer operations, by include, leave more room)";
            notes.degrade("schema_cut", pointer, message);
        }
        if writer.lost_pattern && way == Way::In {
            let message =
                "a pattern is left out, because it cannot be run here; the service judges what it would refuse";
            notes.warn("pattern_left_out", pointer, message);
        }
        if !self.has_room() {
            let message = "the document repeats its schemas too often to write them all out; any JSON is taken there";
            notes.degrade("too_long", pointer, message);
        }
        for (broken, reference) in writer.broken {
            notes.degrade(broken.code(), pointer, format!("{}; any JSON is taken there", broken.tell(reference)));
        }
        written
    }

    /// Returns a pattern, if it can be run.
    pub(in crate::openapi) fn pattern(&self, text: &str) -> Option<Pattern> {
        let mut patterns = self.patterns.borrow_mut();
        if let Some(known) = patterns.known.get(text) {
            return known.then(|| Pattern::trusted(text));
        }
        if patterns.known.len() >= MAX_PATTERNS || text.len() > MAX_PATTERN_LENGTH {
            return None;
        }
        let mut runs = Pattern::is_small(text);
        if !runs && patterns.large < MAX_LARGE_PATTERNS {
            patterns.large += 1;
            // Compiled once, to see whether it can be: kept, it would take megabytes.
            runs = Pattern::parse(text).is_ok();
        }
        patterns.known.insert(text.to_owned(), runs);
        runs.then(|| Pattern::trusted(text))
    }
}

/// Writes one schema out.
struct Writer<'s, 'd> {
    schemas: &'s Schemas<'d>,
    way: Way,
    /// The number of schemas that may still be written.
    left: usize,
    /// The schemas around this one, by address.
    stack: Vec<*const Value>,
    broken: Vec<(Broken, &'d str)>,
    /// The parts of the top level that were written without a budget; once each is enough.
    tops: HashSet<*const Value>,
    /// Whether a part was left out, so that any JSON is taken there.
    cut: bool,
    /// Whether a pattern was left out, because it cannot be run.
    lost_pattern: bool,
}

/// A schema and what its reference leads to.
struct Found<'d> {
    target: &'d Map<String, Value>,
    address: *const Value,
    parts: Parts<'d>,
    /// The keywords beside the reference.
    beside: Option<Parts<'d>>,
}

impl<'s, 'd> Writer<'s, 'd> {
    fn new(schemas: &'s Schemas<'d>, way: Way, budget: usize) -> Self {
        Self {
            schemas,
            way,
            left: budget,
            stack: Vec::new(),
            broken: Vec::new(),
            tops: HashSet::new(),
            cut: false,
            lost_pattern: false,
        }
    }

    /// Writes a schema. The names of the top level are written whatever is left, so that each has its param.
    fn node(&mut self, schema: &'d Value, depth: usize, top: bool) -> Map<String, Value> {
        if self.left == 0 && !top || depth > DEPTH || !self.schemas.has_room() {
            self.cut = true;
            return Map::new();
        }
        let spent = self.left == 0;
        self.left = self.left.saturating_sub(1);
        match self.find(schema) {
            Some(found) if spent && !self.tops.insert(found.address) => Map::new(),
            Some(found) => self.found(&found, depth, top),
            None => Map::new(),
        }
    }

    /// Follows a schema's reference; a broken one is noted.
    fn find(&mut self, schema: &'d Value) -> Option<Found<'d>> {
        let Value::Object(map) = schema else { return None };
        let own = Parts::of(map);
        let Some(reference) = own.reference else {
            return Some(Found { target: map, address: schema, parts: own, beside: None });
        };
        match self.schemas.document.target(reference) {
            Ok(target @ Value::Object(map)) => {
                Some(Found { target: map, address: target, parts: Parts::of(map), beside: Some(own) })
            }
            Ok(_) => None,
            Err((broken, reference)) => {
                if broken != Broken::Circular && self.broken.len() < 8 {
                    self.broken.push((broken, reference));
                }
                None
            }
        }
    }

    fn found(&mut self, found: &Found<'d>, depth: usize, top: bool) -> Map<String, Value> {
        if self.stack.contains(&found.address) {
            return Map::new();
        }
        self.stack.push(found.address);
        let parts = &found.parts;
        let shallow = depth < 2;
        let mut out = Map::with_capacity(parts.room(shallow).min(MAX_ROOM));
        let mut keywords = Keywords::new(self.schemas, self.way, shallow, self.left);
        keywords.copy(found.target, parts, &mut out);
        self.take(&keywords);
        self.schemas.spend(out.values().map(length).sum::<usize>() + ENTRY);
        let whole = self.properties(parts, &mut out, depth, top);
        self.others(parts, &mut out, depth);
        let whole = self.branches(parts, &mut out, depth, top) && whole;
        // What lacks some of its names takes others.
        if !whole && out.get("additionalProperties") == Some(&Value::Bool(false)) {
            out.shift_remove("additionalProperties");
        }
        keywords::nullable(parts, &mut out);
        if parts.requires || parts.branches() {
            prune(&mut out);
        }
        self.stack.pop();
        // Since 3.1, keywords beside a reference count.
        if let Some(beside) = &found.beside {
            keywords.left = self.left;
            keywords.beside(beside, &mut out);
            self.take(&keywords);
        }
        out
    }

    /// Takes over what copying keywords has cost.
    fn take(&mut self, keywords: &Keywords<'_, '_>) {
        self.left = keywords.left;
        self.cut |= keywords.cut;
        self.lost_pattern |= keywords.lost_pattern;
    }

    /// Writes the properties; false if some of their names are left out.
    fn properties(&mut self, parts: &Parts<'d>, out: &mut Map<String, Value>, depth: usize, top: bool) -> bool {
        let Some(properties) = parts.properties else { return true };
        let mut left = self.left;
        let mut whole = true;
        let mut written = Map::with_capacity(properties.len().min(left));
        let mut dropped = Vec::new();
        for (index, (name, property)) in properties.iter().enumerate() {
            // Each property gets a fair share, so that the first one does not use up what the last one needs.
            let share = (2 * left / (properties.len() - index)).max(4).min(left);
            // A value that a form shows keeps its kind, even if nothing is left for its parts.
            let share = if top { share.max(1) } else { share };
            if share == 0 || !self.schemas.has_room() {
                (self.cut, whole) = (true, false);
                break;
            }
            self.left = share;
            let found = self.find(property);
            let hides = |found: &Found<'d>| {
                found.parts.hides(self.way) || found.beside.as_ref().is_some_and(|beside| beside.hides(self.way))
            };
            if found.as_ref().is_some_and(hides) {
                dropped.push(name.as_str());
                continue;
            }
            self.left = self.left.saturating_sub(1 + name.len() / LONG);
            let mut property = match found {
                Some(found) if depth < DEPTH => self.found(&found, depth + 1, false),
                found => {
                    self.cut |= found.is_some();
                    Map::new()
                }
            };
            if self.way == Way::In {
                keywords::hide_secret(name, &mut property);
            }
            self.schemas.spend(name.len());
            written.insert(name.clone(), Value::Object(property));
            left = left.saturating_sub(share - self.left);
        }
        self.left = left;
        if !dropped.is_empty()
            && let Some(Value::Array(required)) = out.get_mut("required")
        {
            required.retain(|name| !name.as_str().is_some_and(|name| dropped.contains(&name)));
        }
        if !written.is_empty() {
            out.insert("properties".to_owned(), Value::Object(written));
        }
        if parts.kind.is_none_or(|_| !out.contains_key("type")) {
            out.insert("type".to_owned(), "object".into());
        }
        whole
    }

    fn others(&mut self, parts: &Parts<'d>, out: &mut Map<String, Value>, depth: usize) {
        for (keyword, schema) in
            [("items", parts.items), ("additionalProperties", parts.additional), ("not", parts.not)]
        {
            match schema {
                Some(Value::Bool(flag)) if keyword == "additionalProperties" => {
                    out.insert(keyword.to_owned(), Value::Bool(*flag));
                }
                Some(schema @ Value::Object(_)) => {
                    let before = self.left;
                    let written = self.node(schema, depth + 1, false);
                    // A cut `not` would refuse everything.
                    if keyword == "not" && (before == 0 || written.is_empty()) {
                        continue;
                    }
                    out.insert(keyword.to_owned(), Value::Object(written));
                }
                _ => {}
            }
        }
        if !parts.prefix.is_empty() {
            let written = parts.prefix.iter().map(|item| Value::Object(self.node(item, depth + 1, false))).collect();
            out.insert("prefixItems".to_owned(), Value::Array(written));
        }
        if matches!(parts.items, Some(Value::Object(_))) && !out.contains_key("type") {
            out.insert("type".to_owned(), "array".into());
        }
    }

    /// Writes what a schema is composed of; false if some of its names are left out.
    fn branches(&mut self, parts: &Parts<'d>, out: &mut Map<String, Value>, depth: usize, top: bool) -> bool {
        let mut whole = true;
        for branch in parts.all_of {
            if self.left == 0 && !top {
                (self.cut, whole) = (true, false);
                break;
            }
            let written = self.node(branch, depth + 1, top);
            merge(out, written);
        }
        for (keyword, branches) in [("oneOf", parts.one_of), ("anyOf", parts.any_of)] {
            let is_null = |branch: &&Value| branch.get("type").is_some_and(|kind| kind == "null");
            let mut others = branches.iter().filter(|branch| !is_null(branch));
            match (others.next(), others.next()) {
                (None, _) => {}
                (Some(only), None) => {
                    let mut written = self.node(only, depth + 1, top);
                    if branches.iter().any(|branch| is_null(&branch)) {
                        keywords::allow_null(&mut written);
                    }
                    merge(out, written);
                }
                _ => {
                    let written: Vec<Value> =
                        branches.iter().map(|branch| Value::Object(self.node(branch, depth + 1, false))).collect();
                    // A branch that was cut to any JSON would match together with another one; and whether two may match is
                    // for the service to judge, which knows its own schema.
                    let cut = written.iter().any(|branch| branch.as_object().is_none_or(Map::is_empty));
                    let keyword = if cut || self.way == Way::In { "anyOf" } else { keyword };
                    merge(out, Map::from_iter([(keyword.to_owned(), Value::Array(written))]));
                }
            }
        }
        if parts.branches() {
            settle(out);
        }
        whole
    }
}

/// Returns about how many bytes a value has as JSON.
fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + ENTRY / 2,
        Value::Array(items) => items.iter().map(length).sum(),
        Value::Object(map) => map.iter().map(|(key, part)| key.len() + length(part)).sum(),
        _ => ENTRY / 2,
    }
}
