//! Finds the next page in the `Link` header (RFC 8288).
//!
//! Targets may hold commas and semicolons, and quoted parameters anything, so the text cannot be split at
//! commas. It is read once, by the grammar; what does not match the grammar is ignored.

use http::{HeaderMap, header};

/// Returns the target of the first link whose relation is `next`.
///
/// A link with an `anchor` is about another resource than the one that answered, so it is ignored.
pub(super) fn next(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::LINK).iter();
    values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()).find_map(next_in)
}

fn next_in(value: &str) -> Option<&str> {
    let mut rest = value;
    // A link begins with its target; the text before it is not a link.
    while let Some(start) = rest.find('<') {
        let (target, after) = rest[start + 1..].split_once('>')?;
        let mut params = Params(after);
        let mut relation = None;
        let mut anchored = false;
        for (name, value) in params.by_ref() {
            // If `rel` comes twice, the first one counts (section 3.3).
            match name {
                _ if name.eq_ignore_ascii_case("rel") => relation = relation.or(Some(value)),
                _ if name.eq_ignore_ascii_case("anchor") => anchored = true,
                _ => {}
            }
        }
        let is_next = |word: &str| word.eq_ignore_ascii_case("next");
        if !anchored && relation.is_some_and(|relation| relation.split_ascii_whitespace().any(is_next)) {
            return Some(target);
        }
        rest = params.0;
    }
    None
}

/// Iterates over the parameters of one link; afterwards it holds the text after the link. A quoted value keeps its
/// backslashes, because relations have none.
struct Params<'a>(&'a str);

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // Ends at the comma before the next link, or at text that is not a parameter.
        let rest = self.0.trim_ascii_start().strip_prefix(';')?.trim_ascii_start();
        let (name, rest) = rest.split_at(rest.find(['=', ';', ',', '<']).unwrap_or(rest.len()));
        let (value, rest) = match rest.strip_prefix('=').map(str::trim_ascii_start) {
            None => ("", rest),
            Some(rest) => match rest.strip_prefix('"') {
                Some(rest) => quoted(rest),
                None => rest.split_at(rest.find([';', ',']).unwrap_or(rest.len())),
            },
        };
        self.0 = rest;
        Some((name.trim_ascii(), value.trim_ascii()))
    }
}

/// Splits a quoted string, without its first quote, from the text after it. A string without an end takes all.
fn quoted(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}
