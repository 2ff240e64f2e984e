//! Slices of bytes in const evaluation, where neither `==` nor ranges nor iterators are at hand.

use std::cmp::Ordering;

pub(super) const fn same(a: &[u8], b: &[u8]) -> bool {
    matches!(compare(a, b), Ordering::Equal)
}

/// Compares in the order of bytes. (A pattern takes the compiler fewer steps than an index and the call of `len`.)
pub(super) const fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut a, mut b) = (a, b);
    while let &[first, ref more @ ..] = a {
        match b {
            [other, rest @ ..] if first == *other => b = rest,
            [other, ..] if first < *other => return Ordering::Less,
            _ => return Ordering::Greater,
        }
        a = more;
    }
    if b.is_empty() { Ordering::Equal } else { Ordering::Less }
}

/// `bytes[from..to]`.
pub(super) const fn slice(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.split_at(to).0.split_at(from).1
}

pub(super) const fn from(bytes: &[u8], from: usize) -> &[u8] {
    bytes.split_at(from).1
}

pub(super) const fn starts_with(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.len() >= prefix.len() && same(bytes.split_at(prefix.len()).0, prefix)
}

/// Returns where a byte is first, or the length.
pub(super) const fn find(bytes: &[u8], byte: u8) -> usize {
    let mut at = 0;
    while at < bytes.len() && bytes[at] != byte {
        at += 1;
    }
    at
}

/// Returns where a byte is last, if it is there.
pub(super) const fn find_last(bytes: &[u8], byte: u8) -> Option<usize> {
    let mut at = bytes.len();
    while at > 0 {
        at -= 1;
        if bytes[at] == byte {
            return Some(at);
        }
    }
    None
}
