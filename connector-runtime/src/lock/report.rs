//! What the compiler prints where a lock does not fit: a text in a buffer, as const code has no `String`.

use std::fmt;

use super::compare::Found;
use super::out::Out;
use super::{bytes, message};
use crate::version::Numbers;

/// Most bytes of a report.
const MAX_REPORT: usize = 4_096;
/// Bytes that the list of changes leaves to what must be said after it.
const TAIL: usize = 600;
/// Most bytes of the names of the first new thing.
const MAX_ITEM: usize = 300;

/// The text of the error.
pub struct Report {
    text: [u8; MAX_REPORT],
    length: usize,
    /// The command and the field of the first new thing: `list limit`.
    item: [u8; MAX_ITEM],
    item_length: usize,
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Report {
    /// Returns the text.
    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(bytes::slice(&self.text, 0, self.length)) {
            Ok(text) => text,
            Err(_) => "the schema differs from its lock",
        }
    }

    /// Keeps the command and the outermost field of the first new thing.
    pub(super) const fn keep_item(&mut self, found: &Found<'_>) {
        let mut out = Out::keep(&mut self.item);
        out.bytes(found.line.command());
        out.str(" ");
        // A variable is said at its command, as an output is.
        if !found.line.is_variable() {
            let path = found.line.path();
            out.bytes(bytes::slice(path, 0, bytes::find(path, b'.')));
        }
        self.item_length = out.length;
    }

    /// Returns whether the first new thing is this command, or this field of it; without a command, a
    /// connection field.
    pub(crate) const fn is_about(&self, command: &str, field: &str) -> bool {
        let mut key = [0; MAX_ITEM];
        let mut out = Out::keep(&mut key);
        out.str(command);
        out.str(" ");
        out.str(field);
        let length = out.length;
        length == self.item_length
            && length <= MAX_ITEM
            && bytes::same(bytes::slice(&key, 0, length), bytes::slice(&self.item, 0, length))
    }
}

/// A report in the making.
pub(crate) struct Writer {
    text: [u8; MAX_REPORT],
    length: usize,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self { text: [0; MAX_REPORT], length: 0 }
    }

    pub(super) const fn bytes(&mut self, bytes: &[u8]) {
        if self.length + bytes.len() <= MAX_REPORT {
            let mut out = Out::keep(&mut self.text);
            out.length = self.length;
            out.bytes(bytes);
            self.length = out.length;
        }
    }

    pub(crate) const fn say(&mut self, parts: &[&str]) {
        let mut at = 0;
        while at < parts.len() {
            self.bytes(parts[at].as_bytes());
            at += 1;
        }
    }

    /// Writes a change as a line, where that leaves room for what must be said after the list; returns whether it did.
    pub(super) const fn change(&mut self, found: &Found<'_>) -> bool {
        let mut size = Out::count();
        message::write(&mut size, found);
        if self.length + size.length + 16 > MAX_REPORT - TAIL {
            return false;
        }
        self.say(&["  ", found.level().as_str(), "  "]);
        let mut out = Out::keep(&mut self.text);
        out.length = self.length;
        message::write(&mut out, found);
        self.length = out.length;
        self.say(&["\n"]);
        true
    }

    pub(super) const fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut out = Out::keep(&mut digits);
        out.decimal(number);
        let length = out.length;
        self.bytes(bytes::slice(&digits, 0, length));
    }

    pub(super) const fn version(&mut self, numbers: Numbers) {
        self.number(numbers.0);
        self.bytes(b".");
        self.number(numbers.1);
        self.bytes(b".");
        self.number(numbers.2);
    }

    pub(crate) const fn report(self) -> Report {
        Report { text: self.text, length: self.length, item: [0; MAX_ITEM], item_length: 0 }
    }
}
