//! The grammar of placeholders: `{{` ws ( path [ws `??` ws JSON] | JSON-string ) ws `}}`.
//!
//! Anything else after `{{` is refused, so that a typo is never sent to a service as text.

use std::str::Chars;

use connector_schema::json_text;
use serde_json::Value;

use super::{Path, Piece, Reference, Segment};

/// What is wrong in a text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (column {column})")]
pub struct TextMistake {
    /// Where reading stopped, in characters from 1.
    pub column: usize,
    /// What is wrong there and what would be right.
    pub message: String,
}

/// How to write two braces that begin no placeholder.
const BRACES: &str = r#"write {{"{{"}} for two braces"#;

/// Returns whether a name needs no quotes in a path.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_letter)
}

fn is_name_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-')
}

/// Splits a text into letters and references.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TextMistake> {
    let mut cursor = Cursor { text, rest: text, counted: (0, 0) };
    let mut pieces = Vec::new();
    while let Some(start) = cursor.rest.find("{{") {
        if start > 0 {
            pieces.push(Piece::Text(cursor.rest[..start].to_owned()));
        }
        cursor.rest = &cursor.rest[start..];
        let column = cursor.column();
        cursor.rest = &cursor.rest[2..];
        pieces.push(cursor.placeholder(column)?);
    }
    if !cursor.rest.is_empty() {
        pieces.push(Piece::Text(cursor.rest.to_owned()));
    }
    Ok(pieces)
}

/// Reads a text from front to back.
struct Cursor<'t> {
    text: &'t str,
    rest: &'t str,
    /// Bytes of the text whose characters have been counted, and how many these are.
    counted: (usize, usize),
}

impl<'t> Cursor<'t> {
    /// Returns the column of what is read next.
    fn column(&mut self) -> usize {
        let at = self.text.len() - self.rest.len();
        let (bytes, letters) = self.counted;
        self.counted = (at, letters + self.text[bytes..at].chars().count());
        self.counted.1 + 1
    }

    fn mistake<T>(&mut self, message: impl Into<String>) -> Result<T, TextMistake> {
        Err(TextMistake { column: self.column(), message: message.into() })
    }

    /// Skips what JSON calls white space.
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn skip(&mut self, what: &str) -> bool {
        let rest = self.rest.strip_prefix(what);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn peek(&self) -> Option<char> {
        self.letters().next()
    }

    fn letters(&self) -> Chars<'t> {
        self.rest.chars()
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'t str {
        let end = self.rest.find(|letter| !is_part(letter)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Reads a placeholder after its opening braces, which are at `column`.
    fn placeholder(&mut self, column: usize) -> Result<Piece, TextMistake> {
        self.skip_space();
        let piece = if self.rest.starts_with('"') {
            Piece::Text(self.quoted()?)
        } else {
            let path = self.path()?;
            self.skip_space();
            let default = if self.skip("??") { Some(self.default()?) } else { None };
            Piece::Reference(Reference { path, default, column })
        };
        self.skip_space();
        if self.skip("}}") {
            return Ok(piece);
        }
        match self.peek() {
            None => self.mistake("the placeholder is not closed; }} is missing"),
            Some('}') => self.mistake("one brace does not close a placeholder; expected }}"),
            Some('|') => self.mistake("expected }} or ??; there are no filters"),
            Some('+' | '*' | '/' | '%' | '=' | '<' | '>' | '!' | '&' | '(') => {
                self.mistake("expected }} or ??; there is no arithmetic and there are no functions")
            }
            Some(_) => self.mistake("expected }} or ?? and a JSON value"),
        }
    }

    fn path(&mut self) -> Result<Path, TextMistake> {
        match self.peek() {
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {}
            Some('}') => return self.mistake(format!("the placeholder is empty; name what it reads, or {BRACES}")),
            None => return self.mistake(format!("the placeholder is not closed; {BRACES}")),
            Some(_) => return self.mistake(format!("expected a name that starts with a letter or _; {BRACES}")),
        }
        let root = self.take_while(is_name_letter).to_owned();
        let mut rest = Vec::new();
        loop {
            if self.skip(".") {
                let name = self.take_while(is_name_letter);
                if name.is_empty() {
                    return self.mistake("expected a name after the dot; write [\"...\"] for other names");
                }
                rest.push(Segment::Name(name.to_owned()));
            } else if self.skip("[") {
                rest.push(self.bracket()?);
                if !self.skip("]") {
                    return self.mistake("expected ]");
                }
            } else {
                return Ok(Path { root, rest });
            }
        }
    }

    fn bracket(&mut self) -> Result<Segment, TextMistake> {
        if self.rest.starts_with('"') {
            return self.quoted().map(Segment::Key);
        }
        let digits = self.rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
        let index = &self.rest[..self.rest.len() - digits.len()];
        if index.is_empty() {
            return self.mistake("expected an index from 0, or a name in double quotes");
        }
        if index.len() > 1 && index.starts_with('0') {
            return self.mistake("an index has no leading zero");
        }
        self.rest = digits;
        Ok(Segment::Name(index.to_owned()))
    }

    fn quoted(&mut self) -> Result<String, TextMistake> {
        match self.json()? {
            Value::String(text) => Ok(text),
            _ => self.mistake("expected a text in double quotes"),
        }
    }

    fn default(&mut self) -> Result<Value, TextMistake> {
        self.skip_space();
        match self.peek() {
            None => self.mistake("the placeholder is not closed; expected a JSON value after ??"),
            Some('}') => self.mistake("expected a JSON value after ??, such as null, 0 or \"\""),
            Some(_) => self.json(),
        }
    }

    /// Reads one JSON value.
    fn json(&mut self) -> Result<Value, TextMistake> {
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let read = values.next();
        let end = values.byte_offset();
        match read {
            Some(Ok(value)) => {
                if json_text::count_values(&self.rest.as_bytes()[..end], json_text::MAX_PARAM_VALUES).is_err() {
                    return self.mistake("the JSON value has a reserved key, or too many values");
                }
                self.rest = &self.rest[end..];
                Ok(value)
            }
            Some(Err(error)) if error.is_eof() => self.mistake("the text or JSON value that begins here does not end"),
            _ => self.mistake(r#"expected a JSON value, such as null, 0 or "text"; other paths are not read here"#),
        }
    }
}
