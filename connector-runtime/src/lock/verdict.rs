//! The check that the compiler runs, and what it says where the lock does not fit.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use super::compare::{Cursor, Found};
use super::line::{Kind, check, version};
use super::number::Version;
use super::out::Out;
use super::report::{Report, Writer};
use super::{Lock, bytes, number, print};
use crate::connector::Connector;
use crate::descriptor::Descriptor;
use crate::version::{Level, Numbers, floor};

/// Whether a connector fits its lock.
pub enum LockVerdict {
    /// The lock fits, or is not asked.
    Fine,
    /// Something that was there changed, or the lock or the version is wrong.
    Changed(Report),
    /// There are only additions; the error is shown under the first of them.
    Added(Report),
}

impl fmt::Debug for LockVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine => f.write_str("Fine"),
            Self::Changed(report) => f.debug_tuple("Changed").field(report).finish(),
            Self::Added(report) => f.debug_tuple("Added").field(report).finish(),
        }
    }
}

/// The verdict on a type, where it is a connector at all.
#[derive(Debug)]
pub struct Locked<C>(PhantomData<C>);

impl<C: Connector> Locked<C> {
    /// The verdict.
    pub const VERDICT: &'static LockVerdict = &C::VERDICT;
}

/// The verdict on any other type: what it lacks to be a connector is reported elsewhere.
pub trait Unlocked {
    /// Nothing to say.
    const VERDICT: &'static LockVerdict = &LockVerdict::Fine;
}

impl<C> Unlocked for Locked<C> {}

/// Compares a connector with its lock.
pub(crate) const fn verdict(descriptor: &Descriptor, lock: &Lock) -> LockVerdict {
    let Some(text) = lock.text else { return LockVerdict::Fine };
    if descriptor.is_draft() {
        return LockVerdict::Fine;
    }
    if let Some(mode) = lock.mode {
        match mode.as_bytes() {
            b"off" | b"warn" => return LockVerdict::Fine,
            _ => {}
        }
    }
    let text = text.as_bytes();
    let mut out = Out::compare(text);
    print::lock(&mut out, descriptor);
    if out.matched() {
        return LockVerdict::Fine;
    }
    differs(descriptor, text)
}

/// The slow path: looks for what differs, and whether the version allows it.
const fn differs(descriptor: &Descriptor, lock: &[u8]) -> LockVerdict {
    let mut writer = Writer::new();
    if let Some(error) = check(lock) {
        writer.say(&["line "]);
        writer.number(error.line as u64);
        writer.say(&[" of the lock of `", descriptor.name, "` ", error.mistake.text()]);
        writer.say(&["\nto mend it: take the lock from the last release again, or write it anew with `CONNECTOR_LOCK=off cargo run -- lock`"]);
        return LockVerdict::Changed(writer.report());
    }
    let mut buffer = [0; MAX_LOCK];
    let mut out = Out::keep(&mut buffer);
    print::lock(&mut out, descriptor);
    let length = out.length;
    if length > MAX_LOCK {
        writer.say(&[
            "the schema of `",
            descriptor.name,
            "` is too large for a lock: split the connector, or set `lock = false`",
        ]);
        return LockVerdict::Changed(writer.report());
    }
    verdict_on(descriptor.name, descriptor.version, lock, bytes::slice(&buffer, 0, length))
}

/// Largest lock that is compared line by line, in bytes.
const MAX_LOCK: usize = 1 << 20;

/// Judges the texts of two locks, of which the new one is of this version.
pub(super) const fn verdict_on(name: &str, code_version: &str, lock: &[u8], new: &[u8]) -> LockVerdict {
    let (Some(was), Some(is)) = (number::version(version(lock)), number::version(code_version.as_bytes())) else {
        return LockVerdict::Fine;
    };
    let mut writer = Writer::new();
    let (level, additions, first) = survey(lock, new);
    let order = is.compare(&was);
    if matches!(order, Ordering::Less) {
        backwards(&mut writer, name, code_version, lock, level);
        return LockVerdict::Changed(writer.report());
    }
    let needed = floor(was.numbers, !was.pre.is_empty(), level);
    let high_enough =
        matches!(order, Ordering::Greater) && !matches!(number::compare_numbers(is.numbers, needed), Ordering::Less);
    // Other texts never stop a build: `floh lock --check` reports them.
    if matches!(level, Level::None | Level::Patch) || high_enough {
        return LockVerdict::Fine;
    }
    writer.say(&["the schema of `", name, "` changed, and version ", code_version]);
    writer.say(&[" does not say so\n"]);
    list(&mut writer, lock, new);
    tail(&mut writer, lock, level, needed, &was);
    let mut report = writer.report();
    if let (true, Some(found)) = (additions, first) {
        report.keep_item(&found);
        return LockVerdict::Added(report);
    }
    LockVerdict::Changed(report)
}

/// The highest level, whether all changes of it are new things, and the first of them.
const fn survey<'a>(lock: &'a [u8], new: &'a [u8]) -> (Level, bool, Option<Found<'a>>) {
    let (mut level, mut additions, mut first) = (Level::None, true, None);
    let mut cursor = Cursor::new(lock, new);
    while let Some(found) = cursor.next() {
        if (found.level() as u8) > level as u8 {
            level = found.level();
        }
        if matches!(found.level(), Level::Patch) {
            continue;
        }
        additions = additions && found.is_addition() && !matches!(found.line.kind, Kind::DefaultCommand);
        if first.is_none() {
            first = Some(found);
        }
    }
    (level, additions && first.is_some(), first)
}

const fn backwards(writer: &mut Writer, name: &str, code_version: &str, lock: &[u8], level: Level) {
    if matches!(level, Level::None) {
        writer.say(&["the version of `", name, "` goes back: the lock is at "]);
        writer.bytes(version(lock));
        writer.say(&[", the code at ", code_version, "\nto mend it: set the version to "]);
        writer.bytes(version(lock));
        writer.say(&[" or a later one; a version only rises"]);
    } else {
        writer.say(&["the lock of `", name, "` is newer than the code: the lock is at "]);
        writer.bytes(version(lock));
        writer.say(&[", the code at ", code_version, ", and their schemas differ"]);
        writer.say(&["\nto mend it: bring the code up to the lock, or take the lock that belongs to this code"]);
    }
}

/// Writes the changes, breaking ones first, as many as there is room for. Changed texts are left out: they follow from
/// the other changes, or need no version.
const fn list(writer: &mut Writer, lock: &[u8], new: &[u8]) {
    let mut left = 0;
    let levels = [Level::Major, Level::Minor];
    let mut at = 0;
    while at < levels.len() {
        let level = levels[at];
        at += 1;
        let mut cursor = Cursor::new(lock, new);
        while let Some(found) = cursor.next() {
            if found.level() as u8 != level as u8 {
                continue;
            }
            if left > 0 || !writer.change(&found) {
                left += 1;
            }
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
    if was.numbers.0 < needed.0 {
        writer.say(&["take the change back, or "]);
    }
    writer.say(&["set version = \""]);
    writer.version(needed);
    writer.say(&["\" and run `cargo run -- lock`"]);
}
