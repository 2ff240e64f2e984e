//! Reads the YAML that documents are mostly written in: maps and lists by indentation, with texts on lines of their own
//! or beside their keys. libyaml takes several times as long for it.
//!
//! What it does not know it does not guess at: anything else ([`Unknown`]) is left to libyaml, from the beginning, and
//! with it every error. Texts that take more than one look are given to libyaml by themselves.

mod lines;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use self::lines::{Lines, key_end};

/// How many brackets may be on one line.
const MAX_FLOW: usize = 20;
/// The number of bytes of which is asked at once whether one of them is odd.
const BLOCK: usize = 64;
/// The longest key, in bytes; libyaml takes a few more.
const MAX_KEY: usize = 1000;

/// Something that is read by libyaml only.
#[derive(Debug)]
pub(super) struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain block YAML")
    }
}

impl std::error::Error for Unknown {}

impl de::Error for Unknown {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a text into a value.
///
/// # Errors
/// If it is not known here what the text means.
pub(super) fn read<'t, S: DeserializeSeed<'t>>(text: &'t str, seed: S) -> Result<S::Value, Unknown> {
    if has_odd_characters(text) {
        return Err(Unknown);
    }
    let mut lines = Lines::new(text, if text.starts_with("---\n") { 4 } else { 0 });
    let value = seed.deserialize(Node { lines: &mut lines, parent: -1, place: Place::Start })?;
    if lines.peek()?.is_some() { Err(Unknown) } else { Ok(value) }
}

/// Returns whether there are characters that libyaml refuses, or takes for the end of a line.
fn has_odd_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_odd = |byte: u8| byte < b' ' && byte != b'\n' || matches!(byte, 0x7f | 0xc2 | 0xe2 | 0xef);
    let mut odd = bytes
        .chunks(BLOCK)
        .enumerate()
        .filter(|(_, block)| block.iter().fold(false, |found, byte| found | is_odd(*byte)))
        .flat_map(|(index, block)| (index * BLOCK..).zip(block).filter(|(_, byte)| is_odd(**byte)));
    odd.any(|(at, byte)| match (*byte, bytes.get(at + 1), bytes.get(at + 2)) {
        (0xc2, Some(0x80..=0x9f), _) | (0xe2, Some(0x80), Some(0xa8 | 0xa9)) | (0xef, Some(0xbb | 0xbf), _) => true,
        (0xc2 | 0xe2 | 0xef, ..) => false,
        _ => true,
    })
}

/// What is before a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing, or a dash: a map or a list may follow on the line.
    Start,
    /// A key.
    Key,
}

/// A value that is read next.
struct Node<'l, 't> {
    lines: &'l mut Lines<'t>,
    /// The column of the map or list that it is in.
    parent: isize,
    place: Place,
}

impl<'t> Deserializer<'t> for Node<'_, 't> {
    type Error = Unknown;

    fn deserialize_any<V: Visitor<'t>>(self, visitor: V) -> Result<V::Value, Unknown> {
        let Self { lines, parent, place } = self;
        let line = lines.start;
        let Some(column) = lines.peek()? else { return visitor.visit_unit() };
        let is_level = place == Place::Key && column == parent && lines.is_item();
        if column <= parent && !is_level {
            return visitor.visit_unit();
        }
        // A document that is one text is refused in words of its own.
        if parent < 0 && key_end(lines.rest()).is_none() {
            return Err(Unknown);
        }
        let is_beside_key = place == Place::Key && lines.start == line;
        let rest = lines.rest();
        let collection = |lines: &mut Lines<'t>| if is_beside_key { Err(Unknown) } else { lines.enter() };
        match rest.as_bytes()[0] {
            b'-' if lines.is_item() => {
                collection(lines)?;
                return visitor.visit_seq(Items { lines, column, is_level });
            }
            b'|' | b'>' => return visitor.visit_string(lines.lines_below(parent)?),
            b'[' if rest == "[]" => {
                lines.next_line();
                return visitor.visit_seq(de::value::SeqDeserializer::<_, Unknown>::new(std::iter::empty::<()>()));
            }
            b'[' | b'{' => {
                let is_closed = rest.ends_with([']', '}']) && !rest.contains(['#', '&', '*', '!', '"', '\'']);
                let count = |all: [u8; 2]| rest.bytes().filter(|byte| all.contains(byte)).count();
                let opened = count([b'[', b'{']);
                if !is_closed || opened > MAX_FLOW || opened != count([b']', b'}']) {
                    return Err(Unknown);
                }
                lines.next_line();
                return yaml_serde::Deserializer::from_str(rest).deserialize_any(visitor).map_err(|_| Unknown);
            }
            b'&' | b'*' | b'!' | b'?' | b':' | b',' | b'%' | b'@' | b'`' | b']' | b'}' => return Err(Unknown),
            b'"' | b'\'' => {
                let (at, start, end) = (lines.at, lines.start, lines.end);
                let text = lines.quoted(parent, false)?;
                let rest = lines.rest();
                if rest.is_empty() {
                    lines.next_line();
                    return visitor.visit_string(text);
                }
                if !rest.starts_with(':') {
                    return Err(Unknown);
                }
                (lines.at, lines.start, lines.end) = (at, start, end);
            }
            _ if key_end(rest).is_none() => {
                let mut folded = String::new();
                return match lines.plain(parent, &mut folded)? {
                    Some(text) => scalar(text, visitor),
                    None => visitor.visit_string(folded),
                };
            }
            _ => {}
        }
        collection(lines)?;
        visitor.visit_map(Entries { lines, column })
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'t>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Says what a plain text on one line means.
fn scalar<'t, V: Visitor<'t>>(text: &'t str, visitor: V) -> Result<V::Value, Unknown> {
    match text {
        "~" | "null" | "Null" | "NULL" => visitor.visit_unit(),
        "true" | "True" | "TRUE" => visitor.visit_bool(true),
        "false" | "False" | "FALSE" => visitor.visit_bool(false),
        // As a document they would begin or end one.
        _ if text.starts_with("---") || text.starts_with("...") => Err(Unknown),
        _ if is_small_number(text) => text.parse().map_or(Err(Unknown), |number| visitor.visit_u64(number)),
        _ if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) => {
            yaml_serde::Deserializer::from_str(text).deserialize_any(visitor).map_err(|_| Unknown)
        }
        _ => visitor.visit_borrowed_str(text),
    }
}

/// Returns whether a text is a whole number in the way that most are written.
fn is_small_number(text: &str) -> bool {
    let is_short = text == "0" || text.len() < 19 && !text.starts_with('0');
    is_short && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The items of a list.
struct Items<'l, 't> {
    lines: &'l mut Lines<'t>,
    column: isize,
    /// Whether the list is in the column of the key before it.
    is_level: bool,
}

impl<'t> SeqAccess<'t> for Items<'_, 't> {
    type Error = Unknown;

    fn next_element_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<Option<T::Value>, Unknown> {
        let found = self.lines.peek()?;
        let is_over = found.is_none_or(|column| {
            column < self.column || self.is_level && column == self.column && !self.lines.is_item()
        });
        if is_over {
            self.lines.depth -= 1;
            return Ok(None);
        }
        if found != Some(self.column) || !self.lines.is_item() {
            return Err(Unknown);
        }
        self.lines.skip(1);
        seed.deserialize(Node { lines: self.lines, parent: self.column, place: Place::Start }).map(Some)
    }
}

/// The entries of a map.
struct Entries<'l, 't> {
    lines: &'l mut Lines<'t>,
    column: isize,
}

impl<'t> MapAccess<'t> for Entries<'_, 't> {
    type Error = Unknown;

    fn next_key_seed<K: DeserializeSeed<'t>>(&mut self, seed: K) -> Result<Option<K::Value>, Unknown> {
        let lines = &mut *self.lines;
        match lines.peek()? {
            Some(column) if column == self.column => {}
            Some(column) if column > self.column => return Err(Unknown),
            _ => {
                lines.depth -= 1;
                return Ok(None);
            }
        }
        let rest = lines.rest();
        if matches!(rest.as_bytes()[0], b'"' | b'\'') {
            let text = lines.quoted(self.column, true)?;
            let is_key = lines.rest() == ":" || lines.rest().starts_with(": ");
            if !is_key || text.len() > MAX_KEY {
                return Err(Unknown);
            }
            lines.skip(1);
            return seed.deserialize(de::value::StringDeserializer::<Unknown>::new(text)).map(Some);
        }
        let end = key_end(rest).filter(|end| *end <= MAX_KEY).ok_or(Unknown)?;
        let key = rest[..end].trim_end_matches(' ');
        if key.is_empty() || lines.is_item() || key.contains(" #") || key.starts_with(INDICATORS) {
            return Err(Unknown);
        }
        lines.skip(end + 1);
        seed.deserialize(de::value::BorrowedStrDeserializer::<Unknown>::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'t>>(&mut self, seed: T) -> Result<T::Value, Unknown> {
        seed.deserialize(Node { lines: self.lines, parent: self.column, place: Place::Key })
    }
}

/// Characters that begin no plain text.
const INDICATORS: [char; 17] = ['&', '*', '!', '?', ':', ',', '%', '@', '`', '[', ']', '{', '}', '|', '>', '#', '"'];
