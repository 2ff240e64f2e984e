//! JSON of an answer as text: checked, without white space, and without a tree, so that numbers keep their digits.

use connector_runtime::schema::json_text::{MAX_JSON_VALUES, count_values};
use serde_json::value::RawValue;

/// How deep lists and objects of an answer may be nested: as deep as whoever reads the result can follow.
pub(super) const MAX_DEPTH: usize = 120;

/// Checks a JSON text and writes it without white space. Texts in it are spelled in the usual way, so that a secret is
/// found whatever the service escaped; halves of characters (`\ud800` alone) become U+FFFD.
///
/// # Errors
/// If it is not JSON, is nested too deep, or has too many values.
pub(super) fn compact(text: &str) -> Result<Box<RawValue>, String> {
    let valid: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
    count_values(text.as_bytes(), MAX_JSON_VALUES).map_err(|error| error.to_string())?;
    let mut out = String::with_capacity(text.len());
    let mut rest = valid.get();
    let mut depth = 0_usize;
    while let Some(at) = rest.find('"') {
        depth = plain(&rest[..at], depth, &mut out)?;
        let end = at + literal_length(&rest[at..]);
        let literal = &rest[at..end];
        if literal.contains("\\u") || literal.contains("\\/") {
            respelled(literal, &mut out);
        } else {
            out.push_str(literal);
        }
        rest = &rest[end..];
    }
    plain(rest, depth, &mut out)?;
    RawValue::from_string(out).map_err(|error| error.to_string())
}

/// Copies what stands between texts.
fn plain(text: &str, mut depth: usize, out: &mut String) -> Result<usize, String> {
    for c in text.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' => continue,
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH} levels"));
        }
        out.push(c);
    }
    Ok(depth)
}

/// The length of a text's literal, with both quotes.
fn literal_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn respelled(literal: &str, out: &mut String) {
    let read = |literal: &str| serde_json::from_str::<String>(literal);
    match read(literal).or_else(|_| read(&mended(literal))) {
        Ok(text) => out.push_str(&serde_json::Value::from(text).to_string()),
        Err(_) => out.push_str(literal),
    }
}

/// Replaces halves of characters.
fn mended(literal: &str) -> String {
    let unit = |text: &str| text.strip_prefix("\\u").and_then(|hex| u16::from_str_radix(hex.get(..4)?, 16).ok());
    let mut out = String::with_capacity(literal.len());
    let mut rest = literal;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let length = match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push('\u{fffd}');
                rest = &rest[6..];
                continue;
            }
            (Some(_), _) => 6,
            // A backslash and the one character that it escapes, which is ASCII.
            (None, _) => 2,
        };
        let length = length.min(rest.len());
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_says_keeps_its_digits_and_loses_its_white_space() {
        for (text, compacted) in [
            (" { \"a\" : [ 1 , 2.50 , 1e400 , 9007199254740993 ] }\n", r#"{"a":[1,2.50,1e400,9007199254740993]}"#),
            (r#""two  words \" [ ""#, r#""two  words \" [ ""#),
            (r#"["\u0073ecret\/x", "\ud83d\ude00"]"#, "[\"secret/x\",\"\u{1f600}\"]"),
            (r#""a\ud800b\\ud800 \udc00\ud800\ud800\udc00""#, "\"a\u{fffd}b\\\\ud800 \u{fffd}\u{fffd}\u{10000}\""),
            ("null", "null"),
        ] {
            assert_eq!(compact(text).unwrap().get(), compacted);
        }
        for text in ["", "{", "[1,]", "<html>", "\"a"] {
            assert!(compact(text).is_err(), "{text}");
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(compact(&nested(MAX_DEPTH)).is_ok());
        assert!(compact(&nested(MAX_DEPTH + 1)).unwrap_err().contains("120 levels"));
        assert!(compact(&format!("[{}1]", "1,".repeat(MAX_JSON_VALUES))).unwrap_err().contains("values"));
    }
}
