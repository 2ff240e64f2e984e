//! Numbers and versions as they are written in a lock, compared in const evaluation.

use std::cmp::Ordering;

use super::bytes;
use crate::version::Numbers;

/// Compares two decimal numbers exactly; `None` where one is not written as a decimal.
pub(super) const fn compare(a: &[u8], b: &[u8]) -> Option<Ordering> {
    if !is_decimal(a) || !is_decimal(b) {
        return None;
    }
    Some(match (a[0] == b'-' && !is_zero(a), b[0] == b'-' && !is_zero(b)) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => magnitude(a, b),
        (true, true) => magnitude(b, a),
    })
}

const fn is_decimal(text: &[u8]) -> bool {
    let (mut at, mut digits) = (if !text.is_empty() && text[0] == b'-' { 1 } else { 0 }, 0);
    while at < text.len() {
        if text[at].is_ascii_digit() {
            digits += 1;
        } else if text[at] != b'.' || digits == 0 {
            return false;
        }
        at += 1;
    }
    digits > 0
}

const fn is_zero(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if matches!(text[at], b'1'..=b'9') {
            return false;
        }
        at += 1;
    }
    true
}

const fn magnitude(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (unsigned(a), unsigned(b));
    let (whole_a, whole_b) = (bytes::find(a, b'.'), bytes::find(b, b'.'));
    if whole_a != whole_b {
        return if whole_a < whole_b { Ordering::Less } else { Ordering::Greater };
    }
    let mut at = 0;
    while at < a.len() || at < b.len() {
        let (x, y) = (digit(a, at), digit(b, at));
        if x != y {
            return if x < y { Ordering::Less } else { Ordering::Greater };
        }
        at += 1;
    }
    Ordering::Equal
}

/// Without the sign and leading zeros.
const fn unsigned(text: &[u8]) -> &[u8] {
    let mut at = if text[0] == b'-' { 1 } else { 0 };
    while at < text.len() && text[at] == b'0' {
        at += 1;
    }
    bytes::from(text, at)
}

/// A digit, where `5` and `5.0` go on alike.
const fn digit(text: &[u8], at: usize) -> u8 {
    if at < text.len() && text[at] != b'.' { text[at] } else { b'0' }
}

/// A semantic version: its numbers and its pre-release. Build metadata counts for nothing.
#[derive(Clone, Copy)]
pub(super) struct Version<'a> {
    pub(super) numbers: Numbers,
    pub(super) pre: &'a [u8],
}

pub(super) const fn version(text: &[u8]) -> Option<Version<'_>> {
    let plain = bytes::slice(text, 0, bytes::find(text, b'+'));
    let dash = bytes::find(plain, b'-');
    let pre = if dash < plain.len() { bytes::from(plain, dash + 1) } else { b"" };
    if dash + 1 == plain.len() {
        return None;
    }
    let Some((major, rest)) = leading(bytes::slice(plain, 0, dash), true) else { return None };
    let Some((minor, rest)) = leading(rest, true) else { return None };
    let Some((patch, _)) = leading(rest, false) else { return None };
    Some(Version { numbers: (major, minor, patch), pre })
}

/// A number, and what follows the dot after it.
const fn leading(text: &[u8], dot: bool) -> Option<(u64, &[u8])> {
    let end = bytes::find(text, b'.');
    if end == 0 || dot != (end < text.len()) {
        return None;
    }
    let (mut value, mut at) = (0_u64, 0);
    while at < end {
        if !text[at].is_ascii_digit() {
            return None;
        }
        value = match value.checked_mul(10) {
            Some(tens) => tens.saturating_add((text[at] - b'0') as u64),
            None => return None,
        };
        at += 1;
    }
    Some((value, if dot { bytes::from(text, end + 1) } else { b"" }))
}

impl Version<'_> {
    /// Compares by precedence.
    pub(super) const fn compare(&self, other: &Version<'_>) -> Ordering {
        match compare_numbers(self.numbers, other.numbers) {
            Ordering::Equal => {}
            different => return different,
        }
        match (self.pre.is_empty(), other.pre.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => compare_pre(self.pre, other.pre),
        }
    }
}

pub(super) const fn compare_numbers(a: Numbers, b: Numbers) -> Ordering {
    let pairs = [(a.0, b.0), (a.1, b.1), (a.2, b.2)];
    let mut at = 0;
    while at < pairs.len() {
        let (a, b) = pairs[at];
        if a != b {
            return if a < b { Ordering::Less } else { Ordering::Greater };
        }
        at += 1;
    }
    Ordering::Equal
}

/// Identifier by identifier: numbers by value and below words, fewer below more.
const fn compare_pre(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() && !b.is_empty() {
        let (x, y) = (bytes::slice(a, 0, bytes::find(a, b'.')), bytes::slice(b, 0, bytes::find(b, b'.')));
        let order = match (is_number(x), is_number(y)) {
            (true, true) => magnitude(x, y),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => bytes::compare(x, y),
        };
        if !matches!(order, Ordering::Equal) {
            return order;
        }
        a = if x.len() < a.len() { bytes::from(a, x.len() + 1) } else { b"" };
        b = if y.len() < b.len() { bytes::from(b, y.len() + 1) } else { b"" };
    }
    if a.is_empty() == b.is_empty() {
        Ordering::Equal
    } else if a.is_empty() {
        Ordering::Less
    } else {
        Ordering::Greater
    }
}

const fn is_number(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if !text[at].is_ascii_digit() {
            return false;
        }
        at += 1;
    }
    !text.is_empty()
}
