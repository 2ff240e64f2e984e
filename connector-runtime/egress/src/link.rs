//! The `Link` header (RFC 8288): who is next?
//!
//! Targets hold commas and semicolons and quoted parameters hold anything, so splitting at commas reads
//! what no service wrote. This walks the text once, by the grammar, and passes over what does not fit it.

use http::{HeaderMap, header};

/// Returns the target of the first link whose relation is `next`.
///
/// A link with an `anchor` speaks of another resource than the one that answered, and is no link of ours.
pub(super) fn next(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(header::LINK).iter();
    values.filter_map(|value| std::str::from_utf8(value.as_bytes()).ok()).find_map(next_in)
}

fn next_in(value: &str) -> Option<&str> {
    let mut rest = value;
    // A link begins with its target; what stands before one is no link.
    while let Some(start) = rest.find('<') {
        let (target, after) = rest[start + 1..].split_once('>')?;
        let mut params = Params(after);
        let mut relation = None;
        let mut anchored = false;
        for (name, value) in params.by_ref() {
            // Of a relation that comes twice the first counts (section 3.3).
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

/// The parameters of one link, as they stand: a quoted value keeps its backslashes, for no relation has any.
/// Afterwards it holds what follows the link.
struct Params<'a>(&'a str);

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        // Up to the comma before the next link, or to what is no parameter at all.
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

/// Splits a quoted string, whose first quote is gone, from what follows it. One that never ends takes all.
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
