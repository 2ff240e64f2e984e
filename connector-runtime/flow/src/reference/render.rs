//! Replaces references by values of the bag.

use std::borrow::Cow;
use std::fmt;

use connector_schema::{json_type, pointer, shown_name};
use serde_json::{Map, Value};

use super::{Node, Path, Piece, Reference, Segment, Template};
use crate::suggest::nearest;

/// The most bytes that one rendered value takes as JSON text: what a body of REST may hold. Without it a small
/// definition that names a large value often would fill the memory.
pub const MAX_RENDERED_BYTES: usize = 10 << 20;
/// The most names that a message lists.
const MAX_LISTED: usize = 20;

/// What references read: the variables of a run, and the reserved roots `run` and `steps`.
#[derive(Debug, Clone, Copy)]
pub struct Bag<'b> {
    variables: &'b Map<String, Value>,
    run: Option<&'b Value>,
    steps: Option<&'b Value>,
}

impl<'b> Bag<'b> {
    /// Reads variables alone; `run` and `steps` are absent.
    pub fn new(variables: &'b Map<String, Value>) -> Self {
        Self { variables, run: None, steps: None }
    }

    /// Also reads the run (`id`, `startedAt`) and the steps that have ended (`steps.<id>.success`, `.error`). A variable
    /// of the same name is hidden.
    #[must_use]
    pub fn with_run(self, run: &'b Value, steps: &'b Value) -> Self {
        Self { run: Some(run), steps: Some(steps), ..self }
    }

    /// Returns the value of a root.
    pub fn root(&self, name: &str) -> Option<&'b Value> {
        match name {
            "run" => self.run,
            "steps" => self.steps,
            name => self.variables.get(name),
        }
    }

    /// Finds a value; nothing is cloned.
    ///
    /// # Errors
    /// If it is absent: how much of the path was found, and what is there instead.
    pub fn find(&self, path: &Path) -> Result<&'b Value, Absence> {
        let Some(mut value) = self.root(&path.root) else { return Err(self.absent_root(&path.root)) };
        for (depth, segment) in path.rest.iter().enumerate() {
            let Some(next) = step(value, segment) else { return Err(Absence::of(path, depth, value)) };
            value = next;
        }
        Ok(value)
    }

    fn absent_root(&self, name: &str) -> Absence {
        let reserved = [("run", self.run), ("steps", self.steps)];
        let reserved = reserved.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name);
        let known = || self.variables.keys().map(String::as_str).chain(reserved.clone());
        let suggestion = nearest(name, known()).map(str::to_owned);
        let variables: Vec<&str> = self.variables.keys().map(String::as_str).collect();
        let there = if variables.is_empty() {
            "the run has no variables yet".to_owned()
        } else {
            format!("the run has {}", listed(variables.len(), variables.iter().copied()))
        };
        Absence { there, suggestion }
    }
}

/// Goes one step down.
fn step<'v>(value: &'v Value, segment: &Segment) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(segment.key()),
        Value::Array(items) => items.get(segment.index()?),
        _ => None,
    }
}

/// What is found where a path ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absence {
    /// What is there instead, such as `users has total, items`.
    pub there: String,
    /// The name that was probably meant.
    pub suggestion: Option<String>,
}

impl Absence {
    fn of(path: &Path, depth: usize, value: &Value) -> Self {
        let place = path.prefix(depth).to_string();
        let place = shown_name(&place);
        let key = path.rest[depth].key();
        match value {
            Value::Object(map) if map.is_empty() => Self { there: format!("{place} is empty"), suggestion: None },
            Value::Object(map) => Self {
                there: format!("{place} has {}", listed(map.len(), map.keys().map(String::as_str))),
                suggestion: nearest(key, map.keys().map(String::as_str)).map(str::to_owned),
            },
            Value::Array(items) => {
                let number = items.len();
                let s = if number == 1 { "" } else { "s" };
                Self { there: format!("{place} has {number} item{s}, counted from 0"), suggestion: None }
            }
            Value::Null => Self { there: format!("{place} is null"), suggestion: None },
            other => Self { there: format!("{place} is a {}", json_type(other)), suggestion: None },
        }
    }
}

/// Writes what is there and what was meant, as the end of a sentence.
impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.there)?;
        match &self.suggestion {
            Some(meant) => write!(f, "; did you mean {meant}?"),
            None => Ok(()),
        }
    }
}

/// Lists names for a message, cut where there are many.
pub(crate) fn listed<'n>(number: usize, names: impl Iterator<Item = &'n str>) -> String {
    let shown: Vec<Cow<'_, str>> = names.take(MAX_LISTED).map(shown_name).collect();
    let more = number.saturating_sub(shown.len());
    let list = shown.join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}

/// A reference that brought nothing that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct ReferenceError {
    /// JSON pointer of the text with the reference.
    pub pointer: String,
    /// The path that was read.
    pub path: String,
    /// What is wrong.
    pub kind: ReferenceErrorKind,
}

/// Why a reference failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceErrorKind {
    /// Nothing is there.
    Absent(Absence),
    /// Null within a text.
    NullInText,
    /// The rendered value has more than [`MAX_RENDERED_BYTES`] bytes.
    TooLarge,
}

impl ReferenceError {
    fn new(pointer: &str, reference: &Reference, kind: ReferenceErrorKind) -> Self {
        Self { pointer: pointer.to_owned(), path: reference.path.to_string(), kind }
    }

    fn text(&self) -> String {
        let Self { pointer, path, kind } = self;
        let path = shown_name(path);
        match kind {
            ReferenceErrorKind::Absent(absence) => format!("Unknown reference {path} at {pointer}: {absence}"),
            ReferenceErrorKind::NullInText => format!(
                "Reference {path} at {pointer} is null, which has no text; write {{{{{path} ?? \"\"}}}} for an empty one"
            ),
            ReferenceErrorKind::TooLarge => format!(
                "Reference {path} at {pointer} makes the value larger than {MAX_RENDERED_BYTES} bytes; \
                 read a part of it, or read it less often"
            ),
        }
    }
}

/// Replaces every reference of a template. A placeholder that is the whole text keeps the type of its value.
///
/// # Errors
/// The first reference that is absent, or null within a text. Pointers start at the template.
pub fn render(template: &Template, bag: &Bag<'_>) -> Result<Value, ReferenceError> {
    render_at(template, "", bag)
}

/// As [`render`], with pointers that start with `at`, such as `/params`.
///
/// # Errors
/// As [`render`].
pub fn render_at(template: &Template, at: &str, bag: &Bag<'_>) -> Result<Value, ReferenceError> {
    Renderer { bag, left: MAX_RENDERED_BYTES }.render(template, at)
}

/// Renders the params of one call, which are at `/params` of their step, within one [`MAX_RENDERED_BYTES`].
pub(crate) fn render_params<'t>(
    params: impl Iterator<Item = (&'t str, &'t Template)>,
    bag: &Bag<'_>,
) -> Result<Map<String, Value>, ReferenceError> {
    let mut renderer = Renderer { bag, left: MAX_RENDERED_BYTES };
    params
        .map(|(name, template)| Ok((name.to_owned(), renderer.render(template, &pointer::join("/params", name))?)))
        .collect()
}

struct Renderer<'a> {
    bag: &'a Bag<'a>,
    /// Bytes that may still be written.
    left: usize,
}

impl Renderer<'_> {
    fn render(&mut self, template: &Template, at: &str) -> Result<Value, ReferenceError> {
        match &template.0 {
            Node::Literal(value) => Ok(value.clone()),
            Node::Text { pieces, .. } => match &**pieces {
                [Piece::Reference(reference)] => {
                    let value = self.value(reference, at)?;
                    self.spend(size(value), reference, at)?;
                    Ok(value.clone())
                }
                pieces => self.text(pieces, at).map(Value::String),
            },
            Node::Array(items) => {
                let items = items.iter().enumerate();
                items.map(|(index, item)| self.render(item, &format!("{at}/{index}"))).collect()
            }
            Node::Object(entries) => entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), self.render(item, &pointer::join(at, key))?)))
                .collect::<Result<Map<String, Value>, _>>()
                .map(Value::Object),
        }
    }

    fn text(&mut self, pieces: &[Piece], at: &str) -> Result<String, ReferenceError> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Text(letters) => text.push_str(letters),
                Piece::Reference(reference) => {
                    let value = self.value(reference, at)?;
                    if value.is_null() {
                        return Err(ReferenceError::new(at, reference, ReferenceErrorKind::NullInText));
                    }
                    self.spend(size(value), reference, at)?;
                    match value {
                        Value::String(letters) => text.push_str(letters),
                        other => text.push_str(&other.to_string()),
                    }
                }
            }
        }
        Ok(text)
    }

    /// Finds the value of a reference, or its default.
    fn value<'v>(&self, reference: &'v Reference, at: &str) -> Result<&'v Value, ReferenceError>
    where
        Self: 'v,
    {
        match (self.bag.find(&reference.path), &reference.default) {
            (Ok(Value::Null) | Err(_), Some(default)) => Ok(default),
            (Ok(value), _) => Ok(value),
            (Err(absence), None) => Err(ReferenceError::new(at, reference, ReferenceErrorKind::Absent(absence))),
        }
    }

    fn spend(&mut self, bytes: usize, reference: &Reference, at: &str) -> Result<(), ReferenceError> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| ReferenceError::new(at, reference, ReferenceErrorKind::TooLarge))?;
        Ok(())
    }
}

/// Estimates the bytes of a value as JSON text, without writing it.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(number) => number.as_str().len(),
        Value::String(text) => text.len() + 2,
        Value::Array(items) => 2 + items.iter().map(|item| size(item) + 1).sum::<usize>(),
        Value::Object(map) => 2 + map.iter().map(|(key, item)| key.len() + 4 + size(item)).sum::<usize>(),
    }
}
