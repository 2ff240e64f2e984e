//! What a body is read from: the reader of each kind, with the mistakes that it reports.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde_json::{Map, Value};

/// A JSON object that is read key by key. Each reader takes the value out; null counts as absent; an invalid value is
/// reported at its place and counts as absent.
pub trait Source {
    /// Returns whether a key is present, even as null.
    fn has(&self, key: &str) -> bool;

    /// Reports that a key is missing, if `read` found nothing and reported nothing.
    fn required<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T>;

    /// Takes any JSON.
    fn json(&mut self, key: &str) -> Option<Value>;

    /// Takes a text of any length without NUL characters.
    fn text(&mut self, key: &str) -> Option<String>;

    /// Takes a text that is searched or shown in lists.
    fn short_text(&mut self, key: &str) -> Option<String>;

    /// Takes the name of a connector.
    fn connector_name(&mut self, key: &str) -> Option<String>;

    /// Takes a secret: a text that is not empty and not longer than [`MAX_SECRET`](super::kinds::MAX_SECRET).
    fn secret(&mut self, key: &str) -> Option<String>;

    /// Takes a text and parses it.
    fn word<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T>;

    /// Takes true or false.
    fn flag(&mut self, key: &str) -> Option<bool>;

    /// Takes a whole number in a range.
    fn number(&mut self, key: &str, range: RangeInclusive<u64>) -> Option<u64>;

    /// Takes an object.
    fn object(&mut self, key: &str) -> Option<Map<String, Value>>;

    /// Takes a list of short texts.
    fn texts(&mut self, key: &str) -> Option<Vec<String>>;

    /// Takes a list of names of operations; there may be thousands.
    fn operation_names(&mut self, key: &str) -> Option<Vec<String>>;
}
