//! Masks what is known as a credential by its name alone: headers, and pairs of a query.

use std::borrow::Cow;

use percent_encoding::percent_decode;
use serde_json::Value;

use super::MASK;

/// The most bytes of a query pair's name that are looked at.
const MAX_NAME: usize = 128;

/// Returns whether the name of a header or a query parameter, in any case, is that of a credential, so that its value
/// is never shown or recorded, and never sent to another origin.
pub fn is_sensitive_name(name: &str) -> bool {
    is_sensitive(name.as_bytes())
}

fn is_sensitive(name: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[b"authorization", b"cookie", b"set-cookie", b"proxy-authorization"];
    const WORDS: &[&[u8]] = &[b"key", b"token", b"secret"];
    let holds = |word: &[u8]| name.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known)) || WORDS.iter().any(|word| holds(word))
}

/// What the values under a name are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Headers,
    Query,
    Other,
}

impl Named {
    fn of(name: &str) -> Self {
        const QUERIES: [&str; 5] = ["query", "queryparams", "queryparameters", "querystring", "searchparams"];
        let letters = || name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase());
        if letters().eq(*b"headers") {
            Self::Headers
        } else if QUERIES.iter().any(|query| letters().eq(query.bytes())) {
            Self::Query
        } else {
            Self::Other
        }
    }
}

/// Returns whether a JSON text may hold something that [`mask_named`] masks.
pub fn may_hold_named(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts =
        |at: usize, word: &[u8]| bytes[at..].get(..word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word));
    bytes.iter().enumerate().any(|(at, byte)| match byte {
        b'h' | b'H' => starts(at, b"headers"),
        b'q' | b'Q' => starts(at, b"query"),
        b's' | b'S' => starts(at, b"searchparams") || starts(at, b"search_params") || starts(at, b"search-params"),
        b'=' => sensitive_pair(bytes, at).is_some(),
        _ => false,
    })
}

/// Masks sensitive headers under the name `headers` and sensitive query pairs under the name `query` and its like, in
/// objects and lists of pairs, and sensitive pairs of the query of every URL in a text.
pub fn mask_named(value: &mut Value) {
    mask_part(value, Named::Other);
}

fn mask_part(value: &mut Value, named: Named) {
    match value {
        Value::Array(list) => {
            if named != Named::Other {
                list.iter_mut().for_each(mask_pair);
            }
            list.iter_mut().for_each(|part| mask_part(part, Named::Other));
        }
        Value::Object(map) => {
            for (name, part) in map.iter_mut() {
                if named != Named::Other && is_sensitive_name(name) {
                    mask_whole(part);
                } else {
                    mask_part(part, Named::of(name));
                }
            }
        }
        Value::String(text) => {
            if let Cow::Owned(masked) = mask_pairs(text, named == Named::Query) {
                *text = masked;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Masks the value of `["name", "value"]`, of `{ "name": "..", "value": ".." }`, and of a text `name: value`.
fn mask_pair(pair: &mut Value) {
    match pair {
        Value::Array(parts) => {
            if let [Value::String(name), values @ ..] = &mut parts[..]
                && is_sensitive_name(name)
            {
                values.iter_mut().for_each(mask_whole);
            }
        }
        Value::Object(map) => {
            let name = ["name", "key"].into_iter().find_map(|key| map.get(key).and_then(Value::as_str));
            if name.is_some_and(is_sensitive_name)
                && let Some(value) = map.get_mut("value")
            {
                mask_whole(value);
            }
        }
        Value::String(line) => {
            if let Some((name, _)) = line.split_once(':')
                && is_sensitive_name(name.trim())
            {
                *line = format!("{name}: {MASK}");
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn mask_whole(value: &mut Value) {
    if !value.is_null() {
        *value = Value::String(MASK.to_owned());
    }
}

/// Masks the values of sensitive pairs in a text. In a query, the first pair needs no `?` before it.
fn mask_pairs(text: &str, is_query: bool) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut masked = String::new();
    let mut done = 0;
    for (at, _) in text.match_indices('=') {
        let Some(name) = sensitive_pair(bytes, at).filter(|_| at >= done) else { continue };
        let before = bytes[..at - name.len()].last();
        if !(before.is_some_and(|before| matches!(before, b'?' | b'&' | b'#' | b';' | b'\\'))
            || is_query && before.is_none())
        {
            continue;
        }
        let rest = &text[at + 1..];
        let end = rest.find(ends_value).unwrap_or(rest.len());
        if end > 0 && &rest[..end] != MASK {
            masked.push_str(&text[done..=at]);
            masked.push_str(MASK);
            done = at + 1 + end;
        }
    }
    if done == 0 {
        return text.into();
    }
    masked.push_str(&text[done..]);
    masked.into()
}

fn ends_value(character: char) -> bool {
    character.is_whitespace() || matches!(character, '&' | '#' | '"' | '\'' | '<' | '>' | '\\' | '`')
}

/// Returns the name before a `=` if it is that of a credential.
fn sensitive_pair(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let belongs =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'%' | b'[' | b']' | b'$');
    let length = bytes[..at].iter().rev().take(MAX_NAME).take_while(|byte| belongs(byte)).count();
    let name = &bytes[at - length..at];
    let decoded: Cow<'_, [u8]> = percent_decode(name).into();
    is_sensitive(&decoded).then_some(name)
}
