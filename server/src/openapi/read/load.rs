//! Parses text into a value. One visitor serves JSON and YAML: it counts what it builds, notes duplicate keys, and
//! carries out YAML's merge keys.

use std::cell::{Cell, RefCell};
use std::fmt;

use connector_runtime::schema::json_text::{MAX_JSON_VALUES, NUMBER, RESERVED, Unreadable, count_values};
use connector_runtime::schema::pointer;
use serde::de::{DeserializeSeed, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::super::ImportError;
use super::depth::{DEPTH, deep_line};
use super::{block, text};

/// Duplicate keys that are reported.
const MAX_REPEATED: usize = 20;
/// Entries of a map, or items of a list, that are gathered before it is made.
const FEW: usize = 12;

const EXPANDS: &str = "expands to more than ten times its length";
const MANY: &str = "more values than a document may have";
const TAGGED: &str = "an unsupported tag";

/// A document in memory.
#[derive(Debug)]
pub(in super::super) struct Loaded {
    pub(in super::super) value: Value,
    /// Values in it.
    pub(in super::super) nodes: usize,
    /// Pointers to duplicate keys; the last one counts.
    pub(in super::super) repeated: Vec<String>,
    /// The first byte that is not UTF-8, if the text was read as Latin-1.
    pub(in super::super) latin: Option<usize>,
    /// Whether escapes of half a character were replaced.
    pub(in super::super) mended: bool,
}

pub(super) fn load(text: &str) -> Result<Loaded, ImportError> {
    let start = text.trim_start();
    if start.is_empty() {
        return Err(ImportError::new("not_an_object", "the document is empty"));
    }
    if !start.starts_with(['{', '[']) {
        return yaml(text);
    }
    match count_values(text.as_bytes(), MAX_JSON_VALUES) {
        Ok(_) => {}
        Err(Unreadable::TooManyValues { .. }) => return Err(too_many_values()),
        Err(error @ Unreadable::ReservedKey) => return Err(reserved_key(&error)),
    }
    match load_json(text) {
        Ok(loaded) => Ok(loaded),
        Err(error) if error.to_string().contains("recursion limit") => Err(too_deep(error.line(), error.column())),
        Err(error) if text::halves(text).is_some() => match text::halves(text).map(|text| load_json(&text)) {
            Some(Ok(mut loaded)) => {
                loaded.mended = true;
                Ok(loaded)
            }
            _ => Err(not_json(&error)),
        },
        // JSON with comments or trailing commas is valid YAML.
        Err(error) => yaml(text).map_err(|other| {
            if matches!(other.code, "too_deep" | "alias_limit" | "alias_cycle" | "too_many") {
                return other;
            }
            not_json(&error)
        }),
    }
}

fn load_json(text: &str) -> Result<Loaded, serde_json::Error> {
    let load = Load::new(usize::MAX);
    let mut json = serde_json::Deserializer::from_str(text);
    let value = load.seed().deserialize(&mut json)?;
    json.end()?;
    Ok(load.end(value))
}

fn not_json(error: &serde_json::Error) -> ImportError {
    ImportError::new("invalid_syntax", format!("the document is not valid JSON: {error}"))
        .placed(error.line(), error.column())
}

fn yaml(text: &str) -> Result<Loaded, ImportError> {
    if let Some(line) = deep_line(text) {
        return Err(too_deep(line, 1));
    }
    // Without aliases every value costs a character of text.
    let limit = text.len().saturating_mul(10).saturating_add(1 << 18);
    let load = Load::new(limit);
    if let Ok(value) = block::read(text, load.seed()) {
        return Ok(load.end(value));
    }
    let load = Load::new(limit);
    // A second document in the file is ignored.
    let Some(document) = yaml_serde::Deserializer::from_str(text).next() else {
        return Err(ImportError::new("not_an_object", "the document is empty"));
    };
    match load.seed().deserialize(document) {
        Ok(value) => Ok(load.end(value)),
        Err(error) => {
            let message = error.to_string();
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            Err(if message.contains(RESERVED) {
                reserved_key(&Unreadable::ReservedKey)
            } else if message.contains(MANY) {
                too_many_values()
            } else if message.contains(EXPANDS) || message.contains("repetition limit") {
                ImportError::new(
                    "alias_limit",
                    "the document repeats YAML aliases too many times; write it without them",
                )
            } else if message.contains("recursion limit") {
                let text = "the document contains a YAML alias that refers to itself, or is nested too deeply";
                let message = format!("{text}, at line {line} column {column}");
                ImportError::new("alias_cycle", message).placed(line, column)
            } else if message.contains(TAGGED) {
                let message = format!("the document uses an unsupported YAML tag: {message}; remove the tag");
                ImportError::new("unknown_tag", message).placed(line, column)
            } else {
                ImportError::new("invalid_syntax", format!("the document is not valid YAML: {message}"))
                    .placed(line, column)
            })
        }
    }
}

fn reserved_key(error: &Unreadable) -> ImportError {
    ImportError::new("reserved_key", format!("the document cannot be read: {error}"))
}

fn too_many_values() -> ImportError {
    let message = format!("the document has more than {MAX_JSON_VALUES} values; import a part of it");
    ImportError::new("too_many", message)
}

fn too_deep(line: usize, column: usize) -> ImportError {
    let message =
        format!("the document is nested too deeply, at line {line} column {column}: {DEPTH} levels are the limit");
    ImportError::new("too_deep", message).placed(line, column)
}

/// The state of one parse.
struct Load {
    limit: usize,
    spent: Cell<usize>,
    nodes: Cell<usize>,
    repeated: RefCell<Vec<String>>,
    /// The entries of the maps that are being read, and the items of the lists, the innermost last. Most have few: made
    /// once it is known how many, a map takes half the memory of one that grows.
    entries: RefCell<Vec<(String, Value)>>,
    items: RefCell<Vec<Value>>,
}

impl Load {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            spent: Cell::new(0),
            nodes: Cell::new(0),
            repeated: RefCell::default(),
            entries: RefCell::default(),
            items: RefCell::default(),
        }
    }

    fn seed(&self) -> Seed<'_> {
        Seed(self)
    }

    /// Counts a value.
    fn spend<E: serde::de::Error>(&self, length: usize) -> Result<(), E> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > MAX_JSON_VALUES {
            return Err(E::custom(MANY));
        }
        self.lengthen(length)
    }

    fn lengthen<E: serde::de::Error>(&self, length: usize) -> Result<(), E> {
        self.spent.set(self.spent.get().saturating_add(length + 1));
        if self.spent.get() > self.limit { Err(E::custom(EXPANDS)) } else { Ok(()) }
    }

    /// Prefixes the pointers that were noted since `from` with a step.
    fn under(&self, from: usize, step: &str) {
        let mut repeated = self.repeated.borrow_mut();
        for pointer in &mut repeated[from..] {
            *pointer = format!("/{}{pointer}", pointer::escape(step));
        }
    }

    /// Notes a key that is there twice.
    fn repeat(&self, noted: usize, key: &str) {
        if noted < MAX_REPEATED {
            self.repeated.borrow_mut().push(String::new());
            self.under(noted, key);
        }
    }

    /// Adds an entry to a map that is being read, whose entries begin at `from` as long as they are few.
    fn add(&self, from: usize, noted: usize, map: &mut Map<String, Value>, key: String, value: Value) {
        if !map.is_empty() {
            match map.entry(key) {
                Entry::Vacant(place) => drop(place.insert(value)),
                Entry::Occupied(mut place) => {
                    self.repeat(noted, place.key());
                    place.insert(value);
                }
            }
            return;
        }
        let mut entries = self.entries.borrow_mut();
        if let Some((key, place)) = entries[from..].iter_mut().find(|(known, _)| *known == key) {
            self.repeat(noted, key);
            *place = value;
            return;
        }
        entries.push((key, value));
        if entries.len() - from > FEW {
            map.extend(entries.drain(from..));
        }
    }

    /// Makes a map, unless it was made as it grew.
    fn map(&self, from: usize, map: Map<String, Value>) -> Map<String, Value> {
        if map.is_empty() { self.entries.borrow_mut().drain(from..).collect() } else { map }
    }

    /// JSON has no aliases, so what it expands to has no limit of its own.
    fn is_json(&self) -> bool {
        self.limit == usize::MAX
    }

    fn end(self, value: Value) -> Loaded {
        Loaded { value, nodes: self.nodes.get(), repeated: self.repeated.into_inner(), latin: None, mended: false }
    }
}

#[derive(Clone, Copy)]
struct Seed<'l>(&'l Load);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.0.spend(0).map(|()| Value::Null)
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Value, E> {
        self.0.spend(0).map(|()| Value::Bool(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        self.0.spend(0).map(|()| Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        self.0.spend(0).map(|()| Value::from(value))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        self.0.spend(0).map(|()| Number::from_i128(value).map_or(Value::Null, Value::Number))
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        self.0.spend(0).map(|()| Number::from_u128(value).map_or(Value::Null, Value::Number))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        self.0.spend(0).map(|()| Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.0.spend(value.len()).map(|()| Value::String(value.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        self.0.spend(value.len()).map(|()| Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        self.0.spend(0)?;
        let from = self.0.items.borrow().len();
        let mut list = Vec::new();
        for index in 0_usize.. {
            let noted = self.0.repeated.borrow().len();
            let Some(item) = items.next_element_seed(self)? else { break };
            if self.0.repeated.borrow().len() > noted {
                self.0.under(noted, &index.to_string());
            }
            match index {
                0..FEW => self.0.items.borrow_mut().push(item),
                FEW => {
                    list.extend(self.0.items.borrow_mut().drain(from..));
                    list.push(item);
                }
                _ => list.push(item),
            }
        }
        if list.is_empty() {
            list.extend(self.0.items.borrow_mut().drain(from..));
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        self.0.spend(0)?;
        let from = self.0.entries.borrow().len();
        let mut map = Map::new();
        let mut merged = Vec::new();
        while let Some(key) = entries.next_key_seed(Key)? {
            if key == NUMBER && self.0.is_json() {
                let text = entries.next_value::<String>()?;
                return text.parse().map(Value::Number).map_err(A::Error::custom);
            }
            // YAML may escape any character of a key, so it is known only here.
            if key.starts_with(RESERVED) {
                return Err(A::Error::custom(RESERVED));
            }
            let noted = self.0.repeated.borrow().len();
            let value = entries.next_value_seed(self)?;
            self.0.lengthen(key.len())?;
            if self.0.repeated.borrow().len() > noted {
                self.0.under(noted, &key);
            }
            if key == "<<" && (value.is_object() || value.is_array()) && !self.0.is_json() {
                merged.push(value);
                continue;
            }
            self.0.add(from, noted, &mut map, key, value);
        }
        let mut map = self.0.map(from, map);
        for value in merged {
            merge(&mut map, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Value, A::Error> {
        let (tag, value) = tagged.variant_seed(Key)?;
        drop(value.newtype_variant_seed(self)?);
        Err(A::Error::custom(format_args!("{TAGGED} {tag}")))
    }
}

/// The mapping's own keys take precedence over those of a merge key.
fn merge(map: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                map.entry(key).or_insert(value);
            }
        }
        Value::Array(all) => all.into_iter().for_each(|one| merge(map, one)),
        _ => {}
    }
}

/// A key is always a text: `200:` is "200".
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key that is a text")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<String, E> {
        Ok(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<String, E> {
        Ok(value)
    }
}
