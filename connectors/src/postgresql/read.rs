//! Reads the text of a value: what the server wrote, as JSON. Nothing is rounded, and what has no JSON form stays text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use connector_runtime::prelude::*;

use super::types::Kind;

/// What one more value in a list or an object takes, at most.
const ITEM_WEIGHT: usize = 100;
/// What an object takes beside its values.
const OBJECT_WEIGHT: usize = 640;

/// Estimates how much memory a value takes.
pub(super) fn weight(text: &[u8], kind: &Kind) -> usize {
    let count = |wanted: &[u8]| text.iter().filter(|byte| wanted.contains(byte)).count();
    let structure = match kind {
        Kind::Json => count(b",:[") * ITEM_WEIGHT + count(b"{") * OBJECT_WEIGHT,
        Kind::Array(_, delimiter) => {
            count(b"{") * ITEM_WEIGHT
                + text.iter().filter(|byte| char::from(**byte) == *delimiter).count() * ITEM_WEIGHT
        }
        _ => 0,
    };
    text.len() + structure
}

/// Reads a value.
///
/// # Errors
/// If it has no JSON form, with a text that says why.
pub(super) fn value(text: &[u8], kind: &Kind) -> Result<Value, String> {
    let text = std::str::from_utf8(text)
        .map_err(|_| "it is not UTF-8; cast it to bytea, or set the database's encoding right".to_owned())?;
    read(text, kind)
}

fn read(text: &str, kind: &Kind) -> Result<Value, String> {
    Ok(match kind {
        Kind::Bool => match text {
            "t" => true.into(),
            "f" => false.into(),
            _ => text.into(),
        },
        // NaN and Infinity are no numbers in JSON.
        Kind::Number => text.parse::<Number>().map_or_else(|_| text.into(), Value::Number),
        Kind::Json => serde_json::from_str(text)
            .map_err(|error| format!("its JSON cannot be taken over ({error}); cast it to text"))?,
        Kind::Bytes => bytes(text).ok_or_else(|| "it is not the text of a bytea".to_owned())?.into(),
        Kind::Timestamp => timestamp(text).into(),
        Kind::TimeTz => offset_written_out(text, 8).into(),
        // Bounds other than 1 would be lost in a list.
        Kind::Array(..) if !text.starts_with('{') => text.into(),
        Kind::Array(element, delimiter) => Array { rest: text, element, delimiter: *delimiter }.all()?,
        Kind::Text => text.into(),
    })
}

/// Reads `\x` and hexadecimal digits, and writes base64.
fn bytes(text: &str) -> Option<String> {
    let digits = text.strip_prefix("\\x")?.as_bytes();
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|nibble| u8::try_from(nibble).ok());
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let bytes: Option<Vec<u8>> = pairs.map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect();
    Some(STANDARD.encode(bytes?))
}

/// Writes `2026-01-02 03:04:05.6+00` as RFC 3339 has it: `2026-01-02T03:04:05.6Z`. Years beyond 9999, years before Christ
/// and infinity have no such form and stay as they are.
fn timestamp(text: &str) -> String {
    let shape = text.as_bytes();
    let is_dated = shape.len() >= 19
        && shape[..10].iter().enumerate().all(
            |(at, byte)| {
                if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() }
            },
        )
        && shape[10] == b' ';
    if !is_dated || text.ends_with("BC") {
        return text.to_owned();
    }
    let written = offset_written_out(text, 19);
    if written.len() == text.len() && has_seconds_in_offset(text) {
        return text.to_owned();
    }
    format!("{}T{}", &written[..10], &written[11..])
}

/// Returns whether the offset has seconds, as local times of long ago do; RFC 3339 has no form for them.
fn has_seconds_in_offset(text: &str) -> bool {
    text.get(19..).and_then(|rest| rest.find(['+', '-']).map(|at| rest[at..].matches(':').count() > 1)).unwrap_or(false)
}

/// Writes an offset of whole hours, which begins at `from` or later, as RFC 3339 has it: `+00` as `Z`, `+02` as `+02:00`.
fn offset_written_out(text: &str, from: usize) -> String {
    let Some(at) = text.get(from..).and_then(|rest| rest.find(['+', '-'])).map(|at| at + from) else {
        return text.to_owned();
    };
    match &text[at..] {
        "+00" => format!("{}Z", &text[..at]),
        offset if offset.len() == 3 => format!("{text}:00"),
        _ => text.to_owned(),
    }
}

/// Reads the text of an array (PostgreSQL manual, 8.15.6).
#[derive(Debug)]
struct Array<'t> {
    rest: &'t str,
    element: &'t Kind,
    delimiter: char,
}

impl Array<'_> {
    fn all(mut self) -> Result<Value, String> {
        self.rest = self.rest.strip_prefix('{').ok_or_else(Self::wrong)?;
        // As many as an array may have dimensions.
        let list = self.list(6)?;
        if self.rest.is_empty() { Ok(list) } else { Err(Self::wrong()) }
    }

    /// Reads a list after its brace.
    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let depth = depth.checked_sub(1).ok_or_else(Self::wrong)?;
        let mut items = Vec::new();
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            return Ok(items.into());
        }
        loop {
            items.push(self.item(depth)?);
            let mut rest = self.rest.chars();
            let next = rest.next();
            self.rest = rest.as_str();
            match next {
                Some('}') => return Ok(items.into()),
                Some(c) if c == self.delimiter => {}
                _ => return Err(Self::wrong()),
            }
        }
    }

    fn item(&mut self, depth: usize) -> Result<Value, String> {
        if let Some(rest) = self.rest.strip_prefix('{') {
            self.rest = rest;
            return self.list(depth);
        }
        if let Some(rest) = self.rest.strip_prefix('"') {
            let mut text = String::new();
            let mut chars = rest.chars();
            loop {
                match chars.next().ok_or_else(Self::wrong)? {
                    '"' => break,
                    '\\' => text.push(chars.next().ok_or_else(Self::wrong)?),
                    c => text.push(c),
                }
            }
            self.rest = chars.as_str();
            return read(&text, self.element);
        }
        let end = self.rest.find([self.delimiter, '}']).ok_or_else(Self::wrong)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        if text == "NULL" { Ok(Value::Null) } else { read(text, self.element) }
    }

    fn wrong() -> String {
        "it is not the text of an array".to_owned()
    }
}
