//! What the log says of a seeded type that was replaced.

use connector_runtime::version::{Change, Changes, Level, check_floor};
use semver::Version;

/// A seeded type that the compiled one replaces.
pub(super) struct Replaced {
    pub(super) name: String,
    pub(super) old: Version,
    pub(super) new: Version,
    pub(super) changes: Changes,
    /// The version that an operator had set over the seeded one.
    pub(super) put: Option<String>,
}

impl Replaced {
    /// Logs the replacement: a release is news, what a setting allowed is a warning.
    pub(super) fn log(&self) {
        let Self { name, old, new, changes, put } = self;
        let (level, changed) = (changes.level(), messages(changes));
        if new == old && !new.pre.is_empty() {
            tracing::info!(
                event = "connector_type_draft_replaced", name, version = %new, change = %level, changed,
                "a draft of a connector type was replaced by the compiled one"
            );
        } else if new == old && level <= Level::Patch {
            tracing::info!(
                event = "connector_type_texts_replaced", name, version = %new, changed,
                "texts of a connector type were replaced by the compiled ones of the same version"
            );
        } else if new == old {
            tracing::warn!(
                event = "connector_type_drifted", name, version = %new, change = %level, changed,
                "a connector type was replaced by another one of the same version, as --allow-schema-drift says"
            );
        } else if new < old {
            tracing::warn!(
                event = "connector_type_downgraded", name, from = %old, to = %new, change = %level, changed,
                "a connector type was replaced by an older one, as --allow-downgrade says"
            );
        } else {
            tracing::info!(
                event = "connector_type_replaced", name, from = %old, to = %new, change = %level, changed,
                "a connector type was replaced by a newer one"
            );
            if let Err(error) = check_floor(old, new, level) {
                tracing::warn!(
                    event = "connector_type_bump_too_small", name, from = %old, to = %new, change = %level, changed,
                    needed = %error.needed(),
                    "a connector type changed more than its new version says; flows that use it may break"
                );
            }
        }
        if let Some(put) = put {
            tracing::warn!(
                event = "connector_type_put_replaced", name, put, seeded = %new,
                "a connector type that an operator had changed was replaced by the compiled one; what it was stands in its history"
            );
        }
    }
}

/// The maximum number of changes that a message names.
const MAX_NAMED: usize = 50;

/// Lists what changed, breaking changes first.
pub(super) fn messages(changes: &Changes) -> String {
    let mut items: Vec<&Change> = changes.items.iter().collect();
    items.sort_by_key(|change| std::cmp::Reverse(change.level()));
    let mut named: Vec<String> = items.iter().take(MAX_NAMED).map(|change| change.message.clone()).collect();
    if items.len() > MAX_NAMED {
        named.push(format!("and {} more", items.len() - MAX_NAMED));
    }
    named.join("; ")
}
