//! Values of a statement that a person wrote: a list for `$1`, `$2`, ..., or an object for `{name}`.
//!
//! A name is looked for only where SQL has neither a text, a quoted name nor a comment, so `'{1,2}'` stays what it is.

use connector_runtime::prelude::*;

use super::bind::Placed;
use super::sql::{Sql, invalid};
use super::trouble::Trouble;

/// Puts together a statement and its values.
pub(super) fn fill<'v>(sql: &str, values: Option<&'v Value>, place: &str) -> Result<Sql<'v>, Trouble> {
    match values {
        None | Some(Value::Null) => Ok(Sql::new(sql)),
        Some(Value::Array(items)) => {
            let placed = |(at, value)| (format!("{place}[{at}]"), value);
            Ok(Sql { text: sql.to_owned(), values: items.iter().enumerate().map(placed).collect() })
        }
        Some(Value::Object(named)) => fill_named(sql, named, place),
        Some(_) => Err(invalid(format!(
            "{place} must be a list, for $1, $2, ... in the statement, or an object, for {{name}} in it"
        ))),
    }
}

fn fill_named<'v>(sql: &str, named: &'v Map<String, Value>, place: &str) -> Result<Sql<'v>, Trouble> {
    let mut filled = Sql::default();
    let mut numbers: Vec<&str> = Vec::new();
    for part in Parts(sql) {
        match part {
            Part::Other(text) => filled.push(text),
            Part::Number => {
                return Err(invalid(format!(
                    "The statement has $1 or the like, and {place} is an object; use {{name}}"
                )));
            }
            Part::Name(name) => {
                let number = numbers.iter().position(|known| *known == name).map(|at| at + 1);
                let number = match number {
                    Some(number) => number,
                    None => {
                        let Some(value) = named.get(name) else {
                            return Err(invalid(format!(
                                "The statement has {{{name}}}, and {place} has no such value"
                            )));
                        };
                        numbers.push(name);
                        let placed: Placed<'v> = (format!("{place}.{name}"), value);
                        filled.values.push(placed);
                        numbers.len()
                    }
                };
                filled.push(&format!("${number}"));
            }
        }
    }
    match named.keys().find(|name| !numbers.contains(&name.as_str())) {
        Some(name) => Err(invalid(format!("{place}.{name} is not in the statement: {{{name}}} is missing there"))),
        None => Ok(filled),
    }
}

/// Returns the first word of a statement in capitals, after comments and parentheses.
pub(super) fn first_word(sql: &str) -> String {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ';'));
        match skipped(rest) {
            Some(length) if rest.starts_with("--") || rest.starts_with("/*") => rest = &rest[length..],
            _ => break,
        }
    }
    rest.chars().take_while(char::is_ascii_alphabetic).collect::<String>().to_ascii_uppercase()
}

/// A part of a statement.
enum Part<'s> {
    /// `{name}`
    Name(&'s str),
    /// The beginning of `$1`.
    Number,
    /// Anything else.
    Other(&'s str),
}

/// The parts of a statement.
struct Parts<'s>(&'s str);

impl<'s> Iterator for Parts<'s> {
    type Item = Part<'s>;

    fn next(&mut self) -> Option<Part<'s>> {
        let text = self.0;
        let mut at = 0;
        let mut before = ' ';
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            let found = match c {
                '{' => name(rest).map(Part::Name),
                '$' if !is_word(before) && rest[1..].starts_with(|c: char| c.is_ascii_digit()) => Some(Part::Number),
                _ => None,
            };
            match found {
                Some(_) if at > 0 => break,
                Some(found) => {
                    let length = if let Part::Name(name) = found { name.len() + 2 } else { 1 };
                    self.0 = &text[length..];
                    return Some(found);
                }
                None => {}
            }
            let escapes = c == '\'' && matches!(before, 'e' | 'E') && !text[..at - 1].ends_with(is_word);
            let length = match c {
                '\'' if escapes => quoted(rest, '\'', true),
                // A dollar within a word begins no text.
                '$' if is_word(before) => 1,
                _ => skipped(rest).unwrap_or(c.len_utf8()),
            };
            at += length;
            before = text[..at].chars().next_back().unwrap_or(' ');
        }
        if at == 0 {
            return None;
        }
        self.0 = &text[at..];
        Some(Part::Other(&text[..at]))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Returns the name in `{name}` at the beginning of a text.
fn name(text: &str) -> Option<&str> {
    let name = text.strip_prefix('{')?.split_once('}')?.0;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// Returns the length of a text, a quoted name or a comment at the beginning of a text.
fn skipped(text: &str) -> Option<usize> {
    let first = text.chars().next()?;
    match first {
        '\'' | '"' => Some(quoted(text, first, false)),
        '-' if text.starts_with("--") => Some(text.find('\n').unwrap_or(text.len())),
        '/' if text.starts_with("/*") => Some(comment(text)),
        '$' => {
            let tag = text[1..].split_once('$')?.0;
            let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit()) && tag.chars().all(|c| is_word(c) && c != '$');
            let delimiter = is_tag.then(|| &text[..tag.len() + 2])?;
            let body = delimiter.len();
            Some(text[body..].find(delimiter).map_or(text.len(), |end| body + end + body))
        }
        _ => None,
    }
}

/// Returns the length of what is in quotes. A doubled quote ends it and begins it again.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if c == '\\' && escapes {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Returns the length of a comment; they nest.
fn comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => {
                (depth, at) = (depth.saturating_sub(1), at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}
