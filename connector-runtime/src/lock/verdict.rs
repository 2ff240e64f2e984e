//! The check that the compiler runs, and what it says where the lock does not fit.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use super::compare::{Cursor, Found};
use super::line::{Kind, check, version};
use super::number::Version;
use super::out::Out;
use super::{Lock, bytes, message, number, print};
use crate::connector::Connector;
use crate::descriptor::Descriptor;
use crate::version::{Level, Numbers, floor};

/// What the comparison of a connector with its lock came to.
pub enum Verdict {
    /// Nothing stands in the way.
    Fine,
    /// Something that was there changed, or the lock or the version is wrong.
    Changed(Report),
    /// Nothing but new things came; the error stands under the first of them.
    Added(Report),
}

/// The text of the error.
pub struct Report {
    text: [u8; SIZE],
    length: usize,
    /// The command and the field of the first new thing: `list limit`.
    item: [u8; ITEM],
    item_length: usize,
}

const SIZE: usize = 4_096;
/// Room that the list of changes leaves to what must be said after it.
const TAIL: usize = 600;
const ITEM: usize = 300;

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => f.write_str("Fine"),
            Self::Changed(report) => f.debug_tuple("Changed").field(report).finish(),
            Self::Added(report) => f.debug_tuple("Added").field(report).finish(),
        }
    }
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

    /// Returns whether the first new thing is this command, or this field of it; without a command, a
    /// connection field.
    pub(crate) const fn is_about(&self, command: &str, field: &str) -> bool {
        let mut key = [0; ITEM];
        let mut out = Out::keep(&mut key);
        out.str(command);
        out.str(" ");
        out.str(field);
        let length = out.length;
        length == self.item_length
            && length <= ITEM
            && bytes::same(bytes::slice(&key, 0, length), bytes::slice(&self.item, 0, length))
    }
}

/// The verdict on a type, where it is a connector at all.
#[derive(Debug)]
pub struct Locked<C>(PhantomData<C>);

impl<C: Connector> Locked<C> {
    /// The verdict.
    pub const VERDICT: &'static Verdict = &C::VERDICT;
}

/// The verdict on any other type: what it lacks to be a connector is reported elsewhere.
pub trait Unlocked {
    /// Nothing to say.
    const VERDICT: &'static Verdict = &Verdict::Fine;
}

impl<C> Unlocked for Locked<C> {}

/// Compares a connector with its lock.
pub(crate) const fn verdict(descriptor: &Descriptor, lock: &Lock) -> Verdict {
    let Some(text) = lock.text else { return Verdict::Fine };
    if descriptor.is_draft() {
        return Verdict::Fine;
    }
    if let Some(mode) = lock.mode {
        match mode.as_bytes() {
            b"off" | b"warn" => return Verdict::Fine,
            _ => {}
        }
    }
    let text = text.as_bytes();
    let mut out = Out::compare(text);
    print::lock(&mut out, descriptor);
    if out.matched() {
        return Verdict::Fine;
    }
    differs(descriptor, text)
}

/// The slow path: what is different is looked for, and whether the version allows it.
const fn differs(descriptor: &Descriptor, lock: &[u8]) -> Verdict {
    let mut writer = Writer { text: [0; SIZE], length: 0 };
    if let Some(error) = check(lock) {
        writer.say(&["line "]);
        writer.number(error.line as u64);
        writer.say(&[" of the lock of `", descriptor.name, "` ", error.mistake.text()]);
        writer.say(&["\nto mend it: take the lock from the last release again, or write it anew with `CONNECTOR_LOCK=off cargo run -- lock`"]);
        return Verdict::Changed(writer.report());
    }
    let mut buffer = [0; NEW];
    let mut out = Out::keep(&mut buffer);
    print::lock(&mut out, descriptor);
    let length = out.length;
    if length > NEW {
        writer.say(&[
            "the schema of `",
            descriptor.name,
            "` is too large for a lock: split the connector, or set `lock = false`",
        ]);
        return Verdict::Changed(writer.report());
    }
    compare(descriptor, lock, bytes::slice(&buffer, 0, length), writer)
}

/// The largest lock that is compared line by line.
const NEW: usize = 1 << 20;

const fn compare(descriptor: &Descriptor, lock: &[u8], new: &[u8], mut writer: Writer) -> Verdict {
    let (Some(was), Some(is)) = (number::version(version(lock)), number::version(descriptor.version.as_bytes())) else {
        return Verdict::Fine;
    };
    let (level, additions, first) = survey(lock, new);
    let order = is.compare(&was);
    if matches!(order, Ordering::Less) {
        backwards(&mut writer, descriptor, lock, level);
        return Verdict::Changed(writer.report());
    }
    let needed = floor(was.numbers, !was.pre.is_empty(), level);
    let high_enough =
        matches!(order, Ordering::Greater) && !matches!(number::compare_numbers(is.numbers, needed), Ordering::Less);
    if matches!(level, Level::None) || high_enough {
        return Verdict::Fine;
    }
    writer.say(&["the schema of `", descriptor.name, "` changed, and version ", descriptor.version]);
    writer.say(&[" does not say so\n"]);
    list(&mut writer, lock, new, level);
    tail(&mut writer, lock, level, needed, &was);
    let mut report = writer.report();
    if let (true, Some(found)) = (additions, first) {
        name_item(&mut report, &found);
        return Verdict::Added(report);
    }
    Verdict::Changed(report)
}

/// The highest level, whether all changes of it are new things, and the first of them.
const fn survey<'a>(lock: &'a [u8], new: &'a [u8]) -> (Level, bool, Option<Found<'a>>) {
    let (mut level, mut additions, mut first) = (Level::None, true, None);
    let mut cursor = Cursor::new(lock, new);
    while let Some(found) = cursor.next() {
        if (found.rule.level as u8) > level as u8 {
            level = found.rule.level;
        }
        if matches!(found.rule.level, Level::Patch) {
            continue;
        }
        additions = additions && found.is_addition() && !matches!(found.line.kind, Kind::DefaultCommand);
        if first.is_none() {
            first = Some(found);
        }
    }
    (level, additions && first.is_some(), first)
}

const fn backwards(writer: &mut Writer, descriptor: &Descriptor, lock: &[u8], level: Level) {
    if matches!(level, Level::None) {
        writer.say(&["the version of `", descriptor.name, "` goes back: the lock is at "]);
        writer.bytes(version(lock));
        writer.say(&[", the code at ", descriptor.version, "\nto mend it: set the version to "]);
        writer.bytes(version(lock));
        writer.say(&[" or a later one; a version only rises"]);
    } else {
        writer.say(&["the lock of `", descriptor.name, "` is newer than the code: the lock is at "]);
        writer.bytes(version(lock));
        writer.say(&[", the code at ", descriptor.version, ", and their schemas differ"]);
        writer.say(&["\nto mend it: bring the code up to the lock, or take the lock that belongs to this code"]);
    }
}

/// Writes the changes, breaking ones first, as many as there is room for. Changed texts are left out where
/// something else changed: they follow from it.
const fn list(writer: &mut Writer, lock: &[u8], new: &[u8], highest: Level) {
    let mut left = 0;
    let levels = [Level::Major, Level::Minor, Level::Patch];
    let mut at = 0;
    while at < levels.len() {
        let level = levels[at];
        at += 1;
        if matches!(level, Level::Patch) && !matches!(highest, Level::Patch) {
            continue;
        }
        let mut cursor = Cursor::new(lock, new);
        while let Some(found) = cursor.next() {
            if found.rule.level as u8 != level as u8 {
                continue;
            }
            let mut size = Out::count();
            message::write(&mut size, &found);
            if left > 0 || writer.length + size.length + 16 > SIZE - TAIL {
                left += 1;
                continue;
            }
            writer.say(&["  ", level.as_str(), "  "]);
            let mut out = Out::keep(&mut writer.text);
            out.length = writer.length;
            message::write(&mut out, &found);
            writer.length = out.length;
            writer.say(&["\n"]);
        }
    }
    if left > 0 {
        writer.say(&["  ... and "]);
        writer.number(left);
        writer.say(&[" more\n"]);
    }
}

const fn tail(writer: &mut Writer, lock: &[u8], level: Level, needed: Numbers, was: &Version<'_>) {
    let kind = if matches!(level, Level::Major) { "breaking (major)" } else { level.as_str() };
    writer.say(&["the lock is at "]);
    writer.bytes(version(lock));
    writer.say(&["; a ", kind, " change needs version "]);
    writer.version(needed);
    writer.say(&[" or later\nto mend it: "]);
    if !matches!(level, Level::Patch) && was.numbers.0 < needed.0 {
        writer.say(&["take the change back, or "]);
    }
    writer.say(&["set version = \""]);
    writer.version(needed);
    writer.say(&["\" and run `cargo run -- lock`"]);
}

/// Keeps the command and the outermost field of a new thing.
const fn name_item(report: &mut Report, found: &Found<'_>) {
    let mut out = Out::keep(&mut report.item);
    out.bytes(found.line.command());
    out.str(" ");
    let path = found.line.path();
    out.bytes(bytes::slice(path, 0, bytes::find(path, b'.')));
    report.item_length = out.length;
}

/// A report in the making.
struct Writer {
    text: [u8; SIZE],
    length: usize,
}

impl Writer {
    const fn bytes(&mut self, bytes: &[u8]) {
        if self.length + bytes.len() <= SIZE {
            let mut out = Out::keep(&mut self.text);
            out.length = self.length;
            out.bytes(bytes);
            self.length = out.length;
        }
    }

    const fn say(&mut self, parts: &[&str]) {
        let mut at = 0;
        while at < parts.len() {
            self.bytes(parts[at].as_bytes());
            at += 1;
        }
    }

    const fn number(&mut self, number: u64) {
        let mut digits = [0; 20];
        let mut out = Out::keep(&mut digits);
        out.decimal(number);
        let length = out.length;
        self.bytes(bytes::slice(&digits, 0, length));
    }

    const fn version(&mut self, numbers: Numbers) {
        self.number(numbers.0);
        self.bytes(b".");
        self.number(numbers.1);
        self.bytes(b".");
        self.number(numbers.2);
    }

    const fn report(self) -> Report {
        Report { text: self.text, length: self.length, item: [0; ITEM], item_length: 0 }
    }
}
