//! Slices of bytes in const evaluation, where neither `==` nor ranges nor iterators are at hand.

use std::cmp::Ordering;

pub(super) const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

pub(super) const fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return if a[at] < b[at] { Ordering::Less } else { Ordering::Greater };
        }
        at += 1;
    }
    if a.len() == b.len() {
        Ordering::Equal
    } else if a.len() < b.len() {
        Ordering::Less
    } else {
        Ordering::Greater
    }
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
