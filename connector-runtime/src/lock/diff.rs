//! Two locks side by side, as a list of changes.

use std::collections::HashSet;

use super::compare::Cursor;
use super::line::{self, LockError};
use super::out::Out;
use super::{message, out};
use crate::version::{Aspect, Change, Changes, Difference, judge};

/// Lists what changed from one lock to another. Pointers go into the config schema as those of
/// [`crate::version::diff`] do, but without the index of an output or an option: a lock has no order.
///
/// # Errors
/// If one of them cannot be read.
pub fn diff(old: &str, new: &str) -> Result<Changes, LockError> {
    for text in [old, new] {
        line::check(text.as_bytes()).map_or(Ok(()), Err)?;
    }
    let mut cursor = Cursor::new(old.as_bytes(), new.as_bytes());
    let mut changes = Changes::default();
    while let Some(found) = cursor.next() {
        changes.items.push(Change {
            rule: found.judgement.rule,
            pointer: message::pointer(&found),
            message: out::text(|out: &mut Out<'_>| message::write(out, &found)),
        });
    }
    drop_implied_texts(&mut changes);
    name_retyped_once(&mut changes);
    Ok(changes)
}

/// A variable is retyped once, however many of the lines inside it differ.
fn name_retyped_once(changes: &mut Changes) {
    let retyped = judge(Aspect::Variable, Difference::Changed).rule;
    let mut named = HashSet::new();
    changes.items.retain(|change| change.rule != retyped || named.insert(change.pointer.clone()));
}

/// A thing brings its texts and takes them with it: where one came or went, another hash of the texts around it says
/// nothing more.
fn drop_implied_texts(changes: &mut Changes) {
    let moved = changes.items.iter().filter(|change| change.rule.moves_texts());
    let around: HashSet<String> = moved.map(|change| text_scope(&change.pointer).to_owned()).collect();
    let implied = |change: &Change| is_text(change) && around.contains(own_scope(&change.pointer));
    changes.items.retain(|change| !implied(change));
}

fn is_text(change: &Change) -> bool {
    change.rule == judge(Aspect::Text, Difference::Changed).rule
}

/// Where the texts of a thing are hashed: `/commands/<name>` for what belongs to a command, `/connectionConfig` for
/// connection fields and for the names of the commands.
fn text_scope(pointer: &str) -> &str {
    let scope = own_scope(pointer);
    if scope.starts_with("/commands/") && scope.len() == pointer.len() { "/connectionConfig" } else { scope }
}

/// The command that a pointer goes into, or the first part of the schema.
fn own_scope(pointer: &str) -> &str {
    let parts = if pointer.starts_with("/commands/") { 2 } else { 1 };
    pointer.match_indices('/').nth(parts).map_or(pointer, |(end, _)| &pointer[..end])
}
