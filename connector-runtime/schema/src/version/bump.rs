//! From a level to a version. 0.x obeys the same rules as every other version.
//!
//! Pre-releases: a version such as `2.0.0-rc.1` counts as the `2.0.0` to come. It meets the floor 2.0.0,
//! and what follows it may be `2.0.0-rc.2` or `2.0.0` whatever changed in between, as long as its numbers
//! would have allowed the change: a breaking one needs `x.0.0`. Build metadata counts for nothing.

use std::cmp::Ordering;

use semver::{BuildMetadata, Prerelease, Version};

use super::Level;

/// Why a version cannot follow another.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FloorError {
    /// The new version is older.
    #[error("version {new} goes back behind {old}: a version only rises; use {needed} or a later one")]
    WentBack {
        /// The version so far.
        old: Version,
        /// The version asked for.
        new: Version,
        /// The smallest version that will do.
        needed: Version,
    },
    /// The bump is smaller than the changes.
    #[error("version {new} is too low after {old}: a {level} change needs {needed} or a later one")]
    TooLow {
        /// The version so far.
        old: Version,
        /// The version asked for.
        new: Version,
        /// The highest level among the changes.
        level: Level,
        /// The smallest version that will do.
        needed: Version,
    },
}

impl FloorError {
    /// Returns the smallest version that will do.
    pub fn needed(&self) -> &Version {
        match self {
            Self::WentBack { needed, .. } | Self::TooLow { needed, .. } => needed,
        }
    }
}

/// Returns the smallest version that may follow `current` after changes of a level.
pub fn suggested_version(current: &Version, level: Level) -> Version {
    if level == Level::None {
        return current.clone();
    }
    let numbers = floor(numbers(current), !current.pre.is_empty(), level);
    Version {
        major: numbers.0,
        minor: numbers.1,
        patch: numbers.2,
        pre: Prerelease::EMPTY,
        build: BuildMetadata::EMPTY,
    }
}

/// Checks that `new` may follow `old` after changes of a level.
///
/// # Errors
/// Where `new` is older than `old`, or lower than the changes allow.
pub fn check_floor(old: &Version, new: &Version, level: Level) -> Result<(), FloorError> {
    let needed = || suggested_version(old, level);
    let order = new.cmp_precedence(old);
    if order == Ordering::Less {
        return Err(FloorError::WentBack { old: old.clone(), new: new.clone(), needed: needed() });
    }
    let high_enough = order == Ordering::Greater && numbers(new) >= numbers(&needed());
    if level == Level::None || high_enough {
        return Ok(());
    }
    Err(FloorError::TooLow { old: old.clone(), new: new.clone(), level, needed: needed() })
}

/// Major, minor and patch.
pub type Numbers = (u64, u64, u64);

fn numbers(version: &Version) -> Numbers {
    (version.major, version.minor, version.patch)
}

/// Returns the lowest numbers after changes of a level; const, for the lock.
pub const fn floor((major, minor, patch): Numbers, pre_release: bool, level: Level) -> Numbers {
    match level {
        Level::None => (major, minor, patch),
        Level::Major if pre_release && minor == 0 && patch == 0 => (major, 0, 0),
        Level::Major => (major.saturating_add(1), 0, 0),
        Level::Minor if pre_release && patch == 0 => (major, minor, 0),
        Level::Minor => (major, minor.saturating_add(1), 0),
        Level::Patch if pre_release => (major, minor, patch),
        Level::Patch => (major, minor, patch.saturating_add(1)),
    }
}
