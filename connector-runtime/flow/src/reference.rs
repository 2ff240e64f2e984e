//! References: `{{path}}`, `{{path ?? JSON}}` and `{{"text"}}` in the texts of a step.
//!
//! A value is parsed once into a [`Template`], which keeps its JSON text, and rendered against a [`Bag`] as often as the
//! step runs. What a reference brings is never scanned again, so data cannot inject a reference.

mod grammar;
mod render;
#[cfg(test)]
mod tests;

use std::fmt;

use connector_schema::pointer;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

pub use self::grammar::TextMistake;
pub use self::render::{Absence, Bag, MAX_RENDERED_BYTES, ReferenceError, ReferenceErrorKind, render, render_at};
pub(crate) use self::render::{listed, render_params};

/// A JSON value whose texts may hold placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(pub(crate) Node);

/// The parts of a template. A part without placeholders is one `Literal`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Literal(Value),
    Text { source: String, pieces: Vec<Piece> },
    Array(Vec<Template>),
    Object(Vec<(String, Template)>),
}

/// One part of a text: letters, or what a reference brings.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    Reference(Reference),
}

/// One `{{path}}` or `{{path ?? JSON}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// What is read.
    pub path: Path,
    /// What an absent value, or null, is replaced by.
    pub default: Option<Value>,
    /// Where the placeholder begins in its text, in characters from 1.
    pub column: usize,
}

/// Where a value is in the bag: a root and the way below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The first name.
    pub root: String,
    /// The way below the root.
    pub rest: Vec<Segment>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// `.name` or `[0]`: digits without a leading zero are an index on arrays, and always a key on objects.
    Name(String),
    /// `["any name"]`: always a key.
    Key(String),
}

impl Segment {
    /// Returns the key that it is on objects.
    pub fn key(&self) -> &str {
        let (Self::Name(key) | Self::Key(key)) = self;
        key
    }

    /// Returns the index that it is on arrays; one too large to be counted is past the end of every array.
    pub fn index(&self) -> Option<usize> {
        let Self::Name(name) = self else { return None };
        let is_index = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
        is_index.then(|| name.parse().unwrap_or(usize::MAX))
    }
}

impl Path {
    /// Returns the first part of the path, with so many segments below the root.
    pub fn prefix(&self, segments: usize) -> Self {
        Self { root: self.root.clone(), rest: self.rest[..segments.min(self.rest.len())].to_vec() }
    }

    /// Returns whether another path is this one or leads below it.
    pub fn leads_to(&self, other: &Self) -> bool {
        self.root == other.root
            && self.rest.len() <= other.rest.len()
            && self.rest.iter().zip(&other.rest).all(|(own, its)| own.key() == its.key())
    }
}

/// Writes a path in the grammar's words. An index is written in brackets.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.root)?;
        for segment in &self.rest {
            match segment {
                Segment::Name(name) if segment.index().is_some() => write!(f, "[{name}]")?,
                Segment::Name(name) => write!(f, ".{name}")?,
                Segment::Key(key) if grammar::is_plain_name(key) && segment_is_no_index(key) => write!(f, ".{key}")?,
                Segment::Key(key) => write!(f, "[{}]", Value::from(key.as_str()))?,
            }
        }
        Ok(())
    }
}

fn segment_is_no_index(key: &str) -> bool {
    !key.bytes().all(|byte| byte.is_ascii_digit())
}

impl Template {
    /// Parses a value: every text in it, at any depth. Keys of objects are kept as they are.
    ///
    /// # Errors
    /// Every mistake, with the JSON pointer from the value and the column in the text.
    pub fn parse(value: &Value) -> Result<Self, Vec<(String, TextMistake)>> {
        let mut mistakes = Vec::new();
        let template = Self::parse_into(value, "", &mut mistakes);
        if mistakes.is_empty() { Ok(template) } else { Err(mistakes) }
    }

    fn parse_into(value: &Value, at: &str, mistakes: &mut Vec<(String, TextMistake)>) -> Self {
        let node = match value {
            Value::String(text) if text.contains("{{") => match grammar::pieces(text) {
                Ok(pieces) => Node::Text { source: text.clone(), pieces },
                Err(mistake) => {
                    mistakes.push((at.to_owned(), mistake));
                    Node::Literal(Value::Null)
                }
            },
            Value::Array(items) if holds_braces(value) => Node::Array(
                (0..)
                    .zip(items)
                    .map(|(index, item): (usize, _)| Self::parse_into(item, &format!("{at}/{index}"), mistakes))
                    .collect(),
            ),
            Value::Object(map) if holds_braces(value) => Node::Object(
                map.iter()
                    .map(|(key, item)| (key.clone(), Self::parse_into(item, &pointer::join(at, key), mistakes)))
                    .collect(),
            ),
            literal => Node::Literal(literal.clone()),
        };
        Self(node)
    }

    /// Returns the value itself if it has no placeholder.
    pub fn as_literal(&self) -> Option<&Value> {
        if let Node::Literal(value) = &self.0 { Some(value) } else { None }
    }

    /// Returns the reference if the whole value is one placeholder, which then keeps its type.
    pub fn as_reference(&self) -> Option<&Reference> {
        match &self.0 {
            Node::Text { pieces, .. } => match &**pieces {
                [Piece::Reference(reference)] => Some(reference),
                _ => None,
            },
            _ => None,
        }
    }

    /// Calls `found` with each reference, the JSON pointer of its text below `at`, and whether it stands alone in it.
    pub fn visit<'t>(&'t self, at: &str, found: &mut dyn FnMut(&str, &'t Reference, bool)) {
        match &self.0 {
            Node::Literal(_) => {}
            Node::Text { pieces, .. } => {
                let alone = self.as_reference().is_some();
                for piece in pieces {
                    if let Piece::Reference(reference) = piece {
                        found(at, reference, alone);
                    }
                }
            }
            Node::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    if item.as_literal().is_none() {
                        item.visit(&format!("{at}/{index}"), found);
                    }
                }
            }
            Node::Object(entries) => {
                for (key, item) in entries {
                    if item.as_literal().is_none() {
                        item.visit(&pointer::join(at, key), found);
                    }
                }
            }
        }
    }
}

fn holds_braces(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{"),
        Value::Array(items) => items.iter().any(holds_braces),
        Value::Object(map) => map.values().any(holds_braces),
        _ => false,
    }
}

/// Writes the value that was parsed.
impl Serialize for Template {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Node::Literal(value) => value.serialize(serializer),
            Node::Text { source, .. } => serializer.serialize_str(source),
            Node::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Node::Object(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, item) in entries {
                    map.serialize_entry(key, item)?;
                }
                map.end()
            }
        }
    }
}
