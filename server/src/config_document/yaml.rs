//! Writes YAML 1.2 that reads well in a diff: blocks, texts of several lines as they are, one spelling for each value.
//!
//! Texts are quoted as in JSON, which YAML reads the same way, so no word of YAML needs an exception. The reader of YAML
//! has integers of 64 bits and floats; a document with another number is written as JSON, whose reader keeps every text.

use serde_json::{Map, Number, Value};

/// Writes a value as a document; `None` if a number in it would not keep its text when it is read.
pub(super) fn to_yaml(value: &Value) -> Option<String> {
    keeps_numbers(value).then(|| write(value))
}

fn keeps_numbers(value: &Value) -> bool {
    match value {
        Value::Number(number) => is_kept(number),
        Value::Array(items) => items.iter().all(keeps_numbers),
        Value::Object(map) => map.values().all(keeps_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Returns whether the number that a reader makes of a text has the same text.
fn is_kept(number: &Number) -> bool {
    let text = number.to_string();
    let integer =
        text.parse::<i64>().map(|read| read.to_string()).or_else(|_| text.parse::<u64>().map(|read| read.to_string()));
    let read = integer.ok().or_else(|| Number::from_f64(text.parse().ok()?).map(|read| read.to_string()));
    read.as_ref() == Some(&text)
}

fn write(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0, Position::Start);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Where a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// At the start of a line.
    Start,
    /// After a key.
    Key,
    /// After the dash of a list.
    Dash,
}

fn write_value(out: &mut String, value: &Value, depth: usize, position: Position) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            if position == Position::Key {
                out.push('\n');
            }
            write_map(out, map, depth, position == Position::Dash);
        }
        Value::Array(items) if !items.is_empty() => {
            if position == Position::Key {
                out.push('\n');
            }
            for (index, item) in items.iter().enumerate() {
                if index > 0 || position != Position::Dash {
                    indent(out, depth);
                }
                out.push_str("- ");
                write_value(out, item, depth + 1, Position::Dash);
            }
        }
        scalar => {
            if position == Position::Key {
                out.push(' ');
            }
            write_scalar(out, scalar, depth);
        }
    }
}

fn write_map(out: &mut String, map: &Map<String, Value>, depth: usize, mut on_line: bool) {
    for (key, value) in map {
        if !on_line {
            indent(out, depth);
        }
        on_line = false;
        if is_plain(key) {
            out.push_str(key);
        } else {
            quoted(out, key);
        }
        out.push(':');
        write_value(out, value, depth + 1, Position::Key);
    }
}

fn write_scalar(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::String(text) => match block(text) {
            Some(chomping) => {
                out.push('|');
                out.push_str(chomping);
                out.push('\n');
                for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                    if !line.is_empty() {
                        indent(out, depth);
                        out.push_str(line);
                    }
                    out.push('\n');
                }
                return;
            }
            None => quoted(out, text),
        },
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
    out.push('\n');
}

/// Returns how a text of several lines is written as a block; `None` if that would change it.
fn block(text: &str) -> Option<&'static str> {
    let ended = text.ends_with('\n');
    let whole = text.strip_suffix('\n').unwrap_or(text);
    let clear = |line: &str| !line.starts_with([' ', '\t']);
    let plain = |character: char| character == '\n' || character == '\t' || is_printable(character);
    let fits = text.contains('\n')
        && !whole.is_empty()
        && !whole.ends_with('\n')
        && whole.split('\n').next().is_some_and(|first| !first.is_empty() && clear(first))
        && whole.split('\n').all(|line| line.is_empty() || !line.trim().is_empty())
        && text.chars().all(plain);
    fits.then_some(if ended { "" } else { "-" })
}

fn is_printable(character: char) -> bool {
    !character.is_control() && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Writes a text as JSON does; what YAML does not accept there is escaped, too.
fn quoted(out: &mut String, text: &str) {
    for character in Value::from(text).to_string().chars() {
        if is_printable(character) {
            out.push(character);
        } else {
            out.push_str(&format!("\\u{:04x}", u32::from(character)));
        }
    }
}

/// Returns whether a key needs no quotes.
fn is_plain(key: &str) -> bool {
    let word = key.chars().all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'));
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    word && key.starts_with(|character: char| character.is_ascii_alphabetic())
        && !reserved.contains(&key.to_ascii_lowercase().as_str())
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}
