//! Two locks side by side: a cursor over both sorted texts that yields one change after another, without
//! allocation, so that the compiler can walk it too.

use std::cmp::Ordering;

use super::bytes;
use super::line::{Kind, Line, line_at, lookup, next_line};
use super::number;
use crate::version::{Aspect, Difference, Judgement, Level, judge};

/// A change, with the line that it is about.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    /// What the rules say of it.
    pub(super) judgement: Judgement,
    pub(super) line: Line<'a>,
    /// The attribute that changed; [`WHOLE`] for a whole line.
    pub(super) attribute: Attribute,
    pub(super) was: Option<&'a [u8]>,
    pub(super) is: Option<&'a [u8]>,
}

impl Found<'_> {
    pub(super) const fn level(&self) -> Level {
        self.judgement.rule.level
    }

    /// Returns whether a whole line came or went.
    pub(super) const fn is_whole(&self) -> bool {
        self.attribute.in_schema.is_empty() && (self.was.is_none() || self.is.is_none())
    }

    /// Returns whether something new came.
    pub(super) const fn is_addition(&self) -> bool {
        self.is_whole() && self.was.is_none()
    }
}

/// Walks two locks that were checked.
pub(super) struct Cursor<'a> {
    old: &'a [u8],
    new: &'a [u8],
    at_old: usize,
    at_new: usize,
    /// The lines of one key that are being compared, and the next attribute of them.
    pair: Option<(Line<'a>, Line<'a>)>,
    step: usize,
}

/// A part of a line that is compared by itself.
#[derive(Clone, Copy)]
pub(super) struct Attribute {
    /// What the rules call it.
    aspect: Aspect,
    /// Its key in the lock; empty for the type of a field, which has none.
    pub(super) in_lock: &'static str,
    /// Its key in the config schema.
    pub(super) in_schema: &'static str,
}

const fn attribute(aspect: Aspect, in_lock: &'static str, in_schema: &'static str) -> Attribute {
    Attribute { aspect, in_lock, in_schema }
}

/// Stands for a whole line.
const WHOLE: Attribute = attribute(Aspect::Text, "", "");
const FIELD: [Attribute; 12] = [
    attribute(Aspect::Type, "", "type"),
    attribute(Aspect::SecretMark, "", "secret"),
    attribute(Aspect::Required, "required", "required"),
    attribute(Aspect::Type, "null", "type"),
    attribute(Aspect::DefaultValue, "default", "default"),
    attribute(Aspect::Integer, "integer", "integer"),
    attribute(Aspect::Bounds, "min", "minimum"),
    attribute(Aspect::Bounds, "max", "maximum"),
    attribute(Aspect::Bounds, "min_length", "minLength"),
    attribute(Aspect::Bounds, "max_length", "maxLength"),
    attribute(Aspect::Pattern, "pattern", "pattern"),
    attribute(Aspect::Format, "format", "format"),
];
const COMMAND: [Attribute; 5] = [
    attribute(Aspect::Since, "since", "addedInVersion"),
    attribute(Aspect::Effect, "effect", "effect"),
    attribute(Aspect::Idempotent, "idempotent", "idempotent"),
    attribute(Aspect::Deprecated, "deprecated", "deprecated"),
    attribute(Aspect::Declaration, "variables", "variables"),
];

impl<'a> Cursor<'a> {
    pub(super) const fn new(old: &'a [u8], new: &'a [u8]) -> Self {
        Self { old, new, at_old: next_line(old, 0), at_new: next_line(new, 0), pair: None, step: 0 }
    }

    /// Returns the next change.
    pub(super) const fn next(&mut self) -> Option<Found<'a>> {
        loop {
            if let Some((was, is)) = self.pair {
                let step = self.step;
                self.step += 1;
                match compare(was, is, step) {
                    Step::Found(found) => return Some(found),
                    Step::Same => continue,
                    Step::Last(found) => {
                        self.pair = None;
                        return Some(found);
                    }
                    Step::Over => self.pair = None,
                }
            }
            let (was, is) = (at(self.old, self.at_old), at(self.new, self.at_new));
            let (side, line) = match (was, is) {
                (None, None) => return None,
                (Some(was), None) => (Ordering::Less, was),
                (None, Some(is)) => (Ordering::Greater, is),
                (Some(was), Some(is)) => match bytes::compare(was.key, is.key) {
                    Ordering::Equal => {
                        if !bytes::same(was.rest, is.rest) {
                            self.pair = Some((was, is));
                            self.step = 0;
                        }
                        self.at_old = next_line(self.old, self.at_old);
                        self.at_new = next_line(self.new, self.at_new);
                        continue;
                    }
                    Ordering::Less => (Ordering::Less, was),
                    Ordering::Greater => (Ordering::Greater, is),
                },
            };
            let removed = matches!(side, Ordering::Less);
            if removed {
                self.at_old = next_line(self.old, self.at_old);
            } else {
                self.at_new = next_line(self.new, self.at_new);
            }
            if self.counts(&line) {
                let (was, is) = if removed { (Some(line.rest), None) } else { (None, Some(line.rest)) };
                return Some(Found { judgement: whole(&line, removed), line, attribute: WHOLE, was, is });
            }
        }
    }

    /// Returns whether a line that only one side has says something by itself: not where what it belongs to came or
    /// went as a whole, or is of another type.
    const fn counts(&self, line: &Line<'_>) -> bool {
        if !matches!(line.kind, Kind::Command) && !line.command().is_empty() {
            let mut buffer = [0; KEY];
            let length = write_key(&mut buffer, &[b"command ", line.command()]);
            let key = bytes::slice(&buffer, 0, length);
            let (Some(was), Some(is)) = (lookup(self.old, key), lookup(self.new, key)) else { return false };
            if line.is_variable() {
                return was.has("variables") && is.has("variables") && self.counts_of_variable(line);
            }
        }
        if line.is_option() || line.is_nested() {
            let mut buffer = [0; KEY];
            let path = line.path();
            let owner = match bytes::find_last(path, b'.') {
                Some(dot) if !line.is_option() => bytes::slice(path, 0, dot),
                _ => path,
            };
            let length = if line.command().is_empty() {
                write_key(&mut buffer, &[b"connection ", owner])
            } else {
                write_key(&mut buffer, &[b"param ", line.command(), b" ", owner])
            };
            let key = bytes::slice(&buffer, 0, length);
            return match (lookup(self.old, key), lookup(self.new, key)) {
                (Some(was), Some(is)) => bytes::same(kind(&was), kind(&is)),
                _ => false,
            };
        }
        true
    }
}

impl Cursor<'_> {
    /// Returns whether a line of a variable says something by itself. What is inside a variable does only where the
    /// line of the variable is the same on both sides: where it differs, the variable came, went or was retyped.
    const fn counts_of_variable(&self, line: &Line<'_>) -> bool {
        if !line.is_option() && !line.is_nested() {
            return true;
        }
        let path = line.path();
        let mut buffer = [0; KEY];
        let owner = bytes::slice(path, 0, bytes::find(path, b'.'));
        let length = write_key(&mut buffer, &[b"variable ", line.command(), b" ", owner]);
        let key = bytes::slice(&buffer, 0, length);
        match (lookup(self.old, key), lookup(self.new, key)) {
            (Some(was), Some(is)) => bytes::same(was.rest, is.rest),
            _ => false,
        }
    }
}

/// Judges a line that only one side has.
const fn whole(line: &Line<'_>, removed: bool) -> Judgement {
    let aspect = match line.kind {
        Kind::Command => Aspect::Command,
        Kind::Output => Aspect::Output,
        Kind::ConnectionOption | Kind::ParamOption => Aspect::SelectOption,
        Kind::DefaultCommand => Aspect::DefaultCommand,
        Kind::Connection | Kind::Param if line.is_nested() => Aspect::Property,
        Kind::Connection => Aspect::ConnectionField,
        Kind::Param => Aspect::Param,
        Kind::Variable if !line.is_nested() => Aspect::Variable,
        Kind::Variable | Kind::VariableOption => return judge(Aspect::Variable, Difference::Changed),
        // A command without its line of texts was cut by hand.
        Kind::Text | Kind::Texts => return judge(Aspect::Text, Difference::Changed),
    };
    let needs_value = match aspect {
        Aspect::Property | Aspect::ConnectionField => line.has("required"),
        Aspect::Param => !line.has("default"),
        _ => false,
    };
    let difference = match (removed, needs_value) {
        (true, _) => Difference::Removed,
        (false, true) => Difference::AddedWithoutValue,
        (false, false) => Difference::Added,
    };
    judge(aspect, difference)
}

/// The longest key that is looked up.
const KEY: usize = 2_500;

const fn write_key(buffer: &mut [u8; KEY], parts: &[&[u8]]) -> usize {
    let mut out = super::out::Out::keep(buffer);
    let mut at = 0;
    while at < parts.len() {
        out.bytes(parts[at]);
        at += 1;
    }
    if out.length < KEY { out.length } else { KEY }
}

const fn at(text: &[u8], at: usize) -> Option<Line<'_>> {
    if at < text.len() { Line::read(line_at(text, at)) } else { None }
}

enum Step<'a> {
    Found(Found<'a>),
    /// Nothing else of the pair matters.
    Last(Found<'a>),
    Same,
    Over,
}

/// The kind of a field; that of a secret is `string`.
const fn kind<'a>(line: &Line<'a>) -> &'a [u8] {
    let word = word(line);
    if bytes::same(word, b"secret") { b"string" } else { word }
}

const fn word<'a>(line: &Line<'a>) -> &'a [u8] {
    bytes::slice(line.rest, 0, bytes::find(line.rest, b' '))
}

const fn compare<'a>(was: Line<'a>, is: Line<'a>, step: usize) -> Step<'a> {
    let aspect = match is.kind {
        Kind::Connection | Kind::Param => return compare_field(was, is, step),
        Kind::Command => return compare_command(was, is, step),
        _ if step > 0 => return Step::Over,
        Kind::DefaultCommand => Aspect::DefaultCommand,
        Kind::Variable => Aspect::Variable,
        _ => Aspect::Text,
    };
    Step::Last(Found {
        judgement: judge(aspect, Difference::Changed),
        line: is,
        attribute: WHOLE,
        was: Some(was.rest),
        is: Some(is.rest),
    })
}

const fn compare_command<'a>(was: Line<'a>, is: Line<'a>, step: usize) -> Step<'a> {
    if step >= COMMAND.len() {
        return Step::Over;
    }
    let attribute = COMMAND[step];
    let (before, now) = (was.attribute(attribute.in_lock), is.attribute(attribute.in_lock));
    let Some(difference) = differs(before, now) else { return Step::Same };
    let difference = match attribute.aspect {
        // Nothing said is a value too.
        Aspect::Since | Aspect::Effect => Difference::Changed,
        _ => difference,
    };
    let judgement = judge(attribute.aspect, difference);
    Step::Found(Found { judgement, line: is, attribute, was: before, is: now })
}

const fn compare_field<'a>(was: Line<'a>, is: Line<'a>, step: usize) -> Step<'a> {
    if step >= FIELD.len() {
        return Step::Over;
    }
    let attribute = FIELD[step];
    let (before, now) = match attribute.aspect {
        Aspect::Type if attribute.in_lock.is_empty() => (Some(kind(&was)), Some(kind(&is))),
        Aspect::SecretMark => (secret(&was), secret(&is)),
        _ => (was.attribute(attribute.in_lock), is.attribute(attribute.in_lock)),
    };
    let Some(difference) = differs(before, now) else { return Step::Same };
    let (aspect, difference) = match attribute.aspect {
        Aspect::Required if is.is_nested() => (Aspect::PropertyRequired, difference),
        // Of a nested value: it may now be null.
        Aspect::Type if matches!(difference, Difference::Added) => (Aspect::Type, Difference::Widened),
        Aspect::Type => (Aspect::Type, Difference::Changed),
        Aspect::Bounds => (Aspect::Bounds, bound(&attribute, before, now)),
        aspect => (aspect, difference),
    };
    let found = Found { judgement: judge(aspect, difference), line: is, attribute, was: before, is: now };
    // Nothing outweighs another type.
    if step == 0 { Step::Last(found) } else { Step::Found(found) }
}

/// The word `secret`, where a field is one.
const fn secret<'a>(line: &Line<'a>) -> Option<&'a [u8]> {
    let word = word(line);
    if bytes::same(word, b"secret") { Some(word) } else { None }
}

/// How a value differs that a line may have.
const fn differs(was: Option<&[u8]>, is: Option<&[u8]>) -> Option<Difference> {
    let same = match (was, is) {
        (Some(was), Some(is)) => bytes::same(was, is),
        _ => false,
    };
    Difference::of_value(was.is_some(), is.is_some(), same)
}

const fn bound(attribute: &Attribute, was: Option<&[u8]>, is: Option<&[u8]>) -> Difference {
    let upper = bytes::starts_with(attribute.in_lock.as_bytes(), b"max");
    let order = match (was, is) {
        (Some(was), Some(is)) => number::compare(is, was),
        _ => None,
    };
    match Difference::of_bound(upper, was.is_some(), is.is_some(), order) {
        Some(difference) => difference,
        None => Difference::Rewritten,
    }
}
