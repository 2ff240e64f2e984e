//! Two locks side by side: a cursor over both sorted texts that yields one change after another, without
//! allocation, so that the compiler can walk it too.

use std::cmp::Ordering;

use super::bytes;
use super::line::{Kind, Line, line_at, lookup, next_line};
use super::number;
use crate::version::{Rule, rule};

/// A change, with the lines that it stands between.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) rule: &'static Rule,
    pub(super) line: Line<'a>,
    /// The attribute that changed, as the lock and as the schema call it; empty for a whole line.
    pub(super) attribute: (&'static str, &'static str),
    pub(super) was: Option<&'a [u8]>,
    pub(super) is: Option<&'a [u8]>,
}

impl Found<'_> {
    /// Returns whether a whole line came or went.
    pub(super) const fn is_whole(&self) -> bool {
        self.attribute.1.is_empty() && (self.was.is_none() || self.is.is_none())
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

/// The attributes of a field: in a lock, and in a schema.
const FIELD: [(&str, &str); 11] = [
    ("", "type"),
    ("", "secret"),
    ("required", "required"),
    ("null", "type"),
    ("default", "default"),
    ("integer", "integer"),
    ("min", "minimum"),
    ("max", "maximum"),
    ("min_length", "minLength"),
    ("max_length", "maxLength"),
    ("pattern", "pattern"),
];
const FORMAT: (&str, &str) = ("format", "format");
const COMMAND: [(&str, &str); 4] =
    [("since", "addedInVersion"), ("effect", "effect"), ("idempotent", "idempotent"), ("deprecated", "deprecated")];

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
            if let Some(rule) = self.whole(&line, removed) {
                let (was, is) = if removed { (Some(line.rest), None) } else { (None, Some(line.rest)) };
                return Some(Found { rule, line, attribute: ("", ""), was, is });
            }
        }
    }

    /// The rule of a line that only one side has; none where what it belongs to came or went as a whole.
    const fn whole(&self, line: &Line<'_>, removed: bool) -> Option<&'static Rule> {
        if !matches!(line.kind, Kind::Command) && !line.command().is_empty() {
            let mut buffer = [0; KEY];
            let length = write_key(&mut buffer, &[b"command ", line.command()]);
            let key = bytes::slice(&buffer, 0, length);
            if lookup(self.old, key).is_none() || lookup(self.new, key).is_none() {
                return None;
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
            match (lookup(self.old, key), lookup(self.new, key)) {
                (Some(was), Some(is)) if bytes::same(kind(&was), kind(&is)) => {}
                _ => return None,
            }
        }
        Some(match (line.kind, removed) {
            (Kind::Command, true) => rule::COMMAND_REMOVED,
            (Kind::Command, false) => rule::COMMAND_ADDED,
            (Kind::Output, true) => rule::OUTPUT_REMOVED,
            (Kind::Output, false) => rule::OUTPUT_ADDED,
            (Kind::ConnectionOption | Kind::ParamOption, true) => rule::OPTION_REMOVED,
            (Kind::ConnectionOption | Kind::ParamOption, false) => rule::OPTION_ADDED,
            (Kind::DefaultCommand, true) => rule::DEFAULT_COMMAND_REMOVED,
            (Kind::DefaultCommand, false) => rule::DEFAULT_COMMAND_ADDED,
            (Kind::Connection | Kind::Param, true) if line.is_nested() => rule::PROPERTY_REMOVED,
            (Kind::Connection | Kind::Param, false) if line.is_nested() => {
                if line.has("required") {
                    rule::PROPERTY_REQUIRED
                } else {
                    rule::PROPERTY_ADDED
                }
            }
            (Kind::Connection, true) => rule::CONNECTION_FIELD_REMOVED,
            (Kind::Connection, false) if line.has("required") => rule::CONNECTION_FIELD_ADDED_REQUIRED,
            (Kind::Connection, false) => rule::CONNECTION_FIELD_ADDED,
            (Kind::Param, true) => rule::PARAM_REMOVED,
            (Kind::Param, false) if line.has("default") => rule::PARAM_ADDED,
            (Kind::Param, false) => rule::PARAM_ADDED_WITHOUT_DEFAULT,
            // A command without its line of texts was cut by hand.
            (Kind::Text | Kind::Texts, _) => rule::TEXT_CHANGED,
        })
    }
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
    match is.kind {
        Kind::Connection | Kind::Param => compare_field(was, is, step),
        Kind::Command => compare_command(was, is, step),
        _ if step > 0 => Step::Over,
        Kind::DefaultCommand => Step::Last(Found {
            rule: rule::DEFAULT_COMMAND_CHANGED,
            line: is,
            attribute: ("", ""),
            was: Some(was.rest),
            is: Some(is.rest),
        }),
        _ => Step::Last(Found {
            rule: rule::TEXT_CHANGED,
            line: is,
            attribute: ("", ""),
            was: Some(was.rest),
            is: Some(is.rest),
        }),
    }
}

const fn compare_command<'a>(was: Line<'a>, is: Line<'a>, step: usize) -> Step<'a> {
    if step >= COMMAND.len() {
        return Step::Over;
    }
    let attribute = COMMAND[step];
    let (before, now) = (was.attribute(attribute.0), is.attribute(attribute.0));
    let rule = match (step, before, now) {
        (_, None, None) => return Step::Same,
        (0 | 1, Some(before), Some(now)) if bytes::same(before, now) => return Step::Same,
        (0, ..) => rule::SINCE_CHANGED,
        (1, ..) => rule::EFFECT_CHANGED,
        (_, Some(_), Some(_)) => return Step::Same,
        (2, Some(_), None) => rule::IDEMPOTENT_WITHDRAWN,
        (2, None, Some(_)) => rule::IDEMPOTENT_DECLARED,
        (_, Some(_), None) => rule::DEPRECATION_LIFTED,
        (_, None, Some(_)) => rule::DEPRECATION_SET,
    };
    Step::Found(Found { rule, line: is, attribute, was: before, is: now })
}

const fn compare_field<'a>(was: Line<'a>, is: Line<'a>, step: usize) -> Step<'a> {
    if step > FIELD.len() {
        return Step::Over;
    }
    let attribute = if step < FIELD.len() { FIELD[step] } else { FORMAT };
    let nested = is.is_nested();
    let (before, now) = match step {
        0 => (Some(kind(&was)), Some(kind(&is))),
        1 => (Some(word(&was)), Some(word(&is))),
        _ => (was.attribute(attribute.0), is.attribute(attribute.0)),
    };
    match (before, now) {
        (None, None) => return Step::Same,
        (Some(before), Some(now)) if bytes::same(before, now) => return Step::Same,
        _ => {}
    }
    let found = Found { rule: field_rule(step, nested, before, now), line: is, attribute, was: before, is: now };
    if step == 0 { Step::Last(found) } else { Step::Found(found) }
}

/// The rule of a changed attribute, by its place in [`FIELD`].
const fn field_rule(step: usize, nested: bool, was: Option<&[u8]>, is: Option<&[u8]>) -> &'static Rule {
    match (step, was, is) {
        (0, ..) => rule::TYPE_CHANGED,
        (1, Some(was), _) => {
            if bytes::same(was, b"secret") {
                rule::SECRET_LIFTED
            } else {
                rule::SECRET_SET
            }
        }
        (2, _, Some(_)) => {
            if nested {
                rule::PROPERTY_REQUIRED
            } else {
                rule::BECAME_REQUIRED
            }
        }
        (2, ..) => {
            if nested {
                rule::PROPERTY_OPTIONAL
            } else {
                rule::BECAME_OPTIONAL
            }
        }
        (3, None, _) => rule::SCHEMA_WIDENED,
        (3, ..) => rule::TYPE_CHANGED,
        (4, None, _) => rule::DEFAULT_ADDED,
        (4, _, None) => rule::DEFAULT_REMOVED,
        (4, ..) => rule::DEFAULT_CHANGED,
        (5, None, _) => rule::INTEGER_ADDED,
        (5, ..) => rule::INTEGER_DROPPED,
        (6..=9, None, _) => rule::BOUNDS_NARROWED,
        (6..=9, _, None) => rule::BOUNDS_WIDENED,
        (6..=9, Some(was), Some(is)) => match (number::compare(was, is), step == 6 || step == 8) {
            (Some(Ordering::Equal), _) => rule::TEXT_CHANGED,
            (Some(Ordering::Greater), true) | (Some(Ordering::Less), false) => rule::BOUNDS_WIDENED,
            _ => rule::BOUNDS_NARROWED,
        },
        (10, _, Some(_)) => rule::PATTERN_NARROWED,
        (10, ..) => rule::PATTERN_DROPPED,
        (_, _, Some(_)) => rule::FORMAT_ADDED,
        _ => rule::FORMAT_DROPPED,
    }
}
