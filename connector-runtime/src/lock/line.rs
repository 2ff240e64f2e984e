//! The lines of a lock: what they may say, and how their parts are found.

use std::cmp::Ordering;
use std::fmt;

use super::{bytes, number, print};

/// Why a lock cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the lock {mistake}")]
pub struct LockError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub mistake: Mistake,
}

/// What is wrong with a line of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The first line is not of the form `version 1.0.0`.
    Version,
    /// The line is none of those that a lock has.
    Unreadable,
    /// The line follows one that comes after it, or is a duplicate.
    Order,
}

impl Mistake {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Version => "does not say the version, such as `version 1.0.0`; it is the first line of every lock",
            Self::Unreadable => "cannot be read: it is none of the lines that a lock has, or was cut short",
            Self::Order => "is out of order, or a duplicate: the lines of a lock are sorted",
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Command,
    Connection,
    ConnectionOption,
    DefaultCommand,
    Output,
    Param,
    ParamOption,
    /// The texts of a command.
    Text,
    /// The texts of the connection, and the order of the commands.
    Texts,
    /// A variable that a command declares.
    Variable,
    VariableOption,
}

/// Each kind with its keyword and how many names follow.
const KINDS: [(Kind, &str, usize); 11] = [
    (Kind::Command, "command", 1),
    (Kind::Connection, "connection", 1),
    (Kind::ConnectionOption, "connection-option", 2),
    (Kind::DefaultCommand, "default-command", 0),
    (Kind::Output, "output", 2),
    (Kind::Param, "param", 2),
    (Kind::ParamOption, "param-option", 3),
    (Kind::Text, "text", 1),
    (Kind::Texts, "texts", 0),
    (Kind::Variable, "variable", 2),
    (Kind::VariableOption, "variable-option", 3),
];

/// A line, in its parts.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) kind: Kind,
    /// Keyword and names: what makes it the same line in two locks.
    pub(super) key: &'a [u8],
    /// The names alone.
    names: &'a [u8],
    /// What the line says of the thing it names.
    pub(super) rest: &'a [u8],
}

impl<'a> Line<'a> {
    pub(super) const fn read(line: &'a [u8]) -> Option<Self> {
        let keyword = token(line);
        let mut at = 0;
        while at < KINDS.len() {
            let (kind, name, names) = KINDS[at];
            if bytes::same(keyword, name.as_bytes()) {
                let mut end = keyword.len();
                let mut left = names;
                while left > 0 {
                    if end >= line.len() {
                        return None;
                    }
                    let name = token(bytes::from(line, end + 1));
                    if name.is_empty() {
                        return None;
                    }
                    end += 1 + name.len();
                    left -= 1;
                }
                let start = if keyword.len() < end { keyword.len() + 1 } else { end };
                let rest = if end < line.len() { bytes::from(line, end + 1) } else { b"" };
                let names = bytes::slice(line, start, end);
                return Some(Self { kind, key: bytes::slice(line, 0, end), names, rest });
            }
            at += 1;
        }
        None
    }

    /// The name of a number, or nothing.
    pub(super) const fn name(&self, index: usize) -> &'a [u8] {
        let mut names = self.names;
        let mut left = index;
        while left > 0 {
            let first = token(names);
            if first.len() == names.len() {
                return b"";
            }
            names = bytes::from(names, first.len() + 1);
            left -= 1;
        }
        token(names)
    }

    /// The command that the line belongs to, or nothing.
    pub(super) const fn command(&self) -> &'a [u8] {
        match self.kind {
            Kind::Command
            | Kind::Output
            | Kind::Param
            | Kind::ParamOption
            | Kind::Text
            | Kind::Variable
            | Kind::VariableOption => self.name(0),
            _ => b"",
        }
    }

    /// The field or param, with the objects that it is in: `filter.limit`.
    pub(super) const fn path(&self) -> &'a [u8] {
        match self.kind {
            Kind::Param | Kind::ParamOption | Kind::Variable | Kind::VariableOption => self.name(1),
            Kind::Connection | Kind::ConnectionOption => self.name(0),
            _ => b"",
        }
    }

    pub(super) const fn is_option(&self) -> bool {
        matches!(self.kind, Kind::ParamOption | Kind::ConnectionOption | Kind::VariableOption)
    }

    pub(super) const fn is_variable(&self) -> bool {
        matches!(self.kind, Kind::Variable | Kind::VariableOption)
    }

    /// Returns whether the field is inside an object.
    pub(super) const fn is_nested(&self) -> bool {
        bytes::find(self.path(), b'.') < self.path().len()
    }

    /// The value of an attribute; empty for one that is only there.
    pub(super) const fn attribute(&self, name: &str) -> Option<&'a [u8]> {
        let mut rest = self.rest;
        while !rest.is_empty() {
            let word = token(rest);
            let (key, value) = split(word);
            if bytes::same(key, name.as_bytes()) {
                return Some(value);
            }
            rest = if word.len() < rest.len() { bytes::from(rest, word.len() + 1) } else { b"" };
        }
        None
    }

    pub(super) const fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// Returns whether a line of this kind may say what it says.
    const fn is_readable(&self) -> bool {
        match self.kind {
            Kind::Output | Kind::ConnectionOption | Kind::ParamOption | Kind::VariableOption => self.rest.is_empty(),
            Kind::Text | Kind::Texts => self.rest.len() == 8 && bytes::find(self.rest, b' ') == 8,
            Kind::DefaultCommand => !self.rest.is_empty() && token(self.rest).len() == self.rest.len(),
            Kind::Command => words(self.rest, &["since", "effect"], &["idempotent", "deprecated", "variables"]),
            Kind::Param | Kind::Connection | Kind::Variable => {
                let kind = token(self.rest);
                let rest = if kind.len() < self.rest.len() { bytes::from(self.rest, kind.len() + 1) } else { b"" };
                const VALUES: &[&str] = &["default", "format", "min", "max", "min_length", "max_length", "pattern"];
                print::is_kind(kind) && words(rest, VALUES, &["required", "null", "integer"])
            }
        }
    }
}

/// The text up to the next space that is not inside quotes.
const fn token(text: &[u8]) -> &[u8] {
    let (mut at, mut quoted) = (0, false);
    while at < text.len() && (quoted || text[at] != b' ') {
        match text[at] {
            b'"' => quoted = !quoted,
            b'\\' if quoted => at += 1,
            _ => {}
        }
        at += 1;
    }
    bytes::slice(text, 0, if at < text.len() { at } else { text.len() })
}

/// `key=value`, or a key alone.
const fn split(word: &[u8]) -> (&[u8], &[u8]) {
    let at = bytes::find(word, b'=');
    if at < word.len() { (bytes::slice(word, 0, at), bytes::from(word, at + 1)) } else { (word, b"") }
}

/// Returns whether a text has attributes of these names and nothing else.
const fn words(text: &[u8], values: &[&str], flags: &[&str]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let word = token(rest);
        let (key, value) = split(word);
        let known = if key.len() < word.len() { !value.is_empty() && is_one(key, values) } else { is_one(key, flags) };
        if !known || word.len() + 1 == rest.len() {
            return false;
        }
        rest = if word.len() < rest.len() { bytes::from(rest, word.len() + 1) } else { b"" };
    }
    true
}

const fn is_one(word: &[u8], names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        if bytes::same(word, names[at].as_bytes()) {
            return true;
        }
        at += 1;
    }
    false
}

/// The line at a place, without its end. An editor may have written `\r\n`.
pub(super) const fn line_at(text: &[u8], at: usize) -> &[u8] {
    let rest = bytes::from(text, at);
    let line = bytes::slice(rest, 0, bytes::find(rest, b'\n'));
    if !line.is_empty() && line[line.len() - 1] == b'\r' { bytes::slice(line, 0, line.len() - 1) } else { line }
}

/// Where the line behind the one at a place begins.
pub(super) const fn next_line(text: &[u8], at: usize) -> usize {
    let end = at + bytes::find(bytes::from(text, at), b'\n');
    if end < text.len() { end + 1 } else { end }
}

/// The version of a lock.
pub(super) const fn version(text: &[u8]) -> &[u8] {
    let line = line_at(text, 0);
    if bytes::starts_with(line, b"version ") { bytes::from(line, "version ".len()) } else { b"" }
}

/// Checks every line. The order is that of keys: a line is looked for by its key.
pub(super) const fn check(text: &[u8]) -> Option<LockError> {
    if number::version(version(text)).is_none() {
        return Some(LockError { line: 1, mistake: Mistake::Version });
    }
    let mut last: &[u8] = b"";
    let (mut at, mut number) = (next_line(text, 0), 2);
    while at < text.len() {
        let line = match Line::read(line_at(text, at)) {
            Some(line) if line.is_readable() => line,
            _ => return Some(LockError { line: number, mistake: Mistake::Unreadable }),
        };
        if !matches!(bytes::compare(last, line.key), Ordering::Less) {
            return Some(LockError { line: number, mistake: Mistake::Order });
        }
        last = line.key;
        at = next_line(text, at);
        number += 1;
    }
    None
}

/// Finds a line by its key in a text that was checked.
pub(super) const fn lookup<'a>(text: &'a [u8], key: &[u8]) -> Option<Line<'a>> {
    let (mut low, mut high) = (next_line(text, 0), text.len());
    while low < high {
        // The first line that begins at or behind the middle, or the first of all that are left.
        let middle = low + (high - low) / 2;
        let mut at = next_line(text, middle);
        if at >= high {
            at = low;
        }
        let Some(line) = Line::read(line_at(text, at)) else { return None };
        match bytes::compare(line.key, key) {
            Ordering::Equal => return Some(line),
            Ordering::Less => low = next_line(text, at),
            Ordering::Greater if at == low => return None,
            Ordering::Greater => high = at,
        }
    }
    None
}
