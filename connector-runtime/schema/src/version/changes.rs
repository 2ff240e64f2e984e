//! What a comparison found, and how it is written on the wire (docs/contract.md#connector-types).

use semver::Version;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::rules::id;
use super::{Level, Rule, suggested_version};

/// One change between two config schemas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The rule that the change falls under.
    pub rule: &'static Rule,
    /// JSON pointer (RFC 6901) into the new config schema, or into the old one where something was removed.
    pub pointer: String,
    /// What changed, naming it; a fragment.
    pub message: String,
}

impl Change {
    /// Returns the level that the rule gives the change.
    pub fn level(&self) -> Level {
        self.rule.level
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Change", 4)?;
        map.serialize_field("level", &self.rule.level)?;
        map.serialize_field("rule", self.rule.id)?;
        map.serialize_field("pointer", &self.pointer)?;
        map.serialize_field("message", &self.message)?;
        map.end()
    }
}

/// Everything that changed, in schema order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The changes.
    pub items: Vec<Change>,
}

impl Changes {
    /// Returns the highest level found.
    pub fn level(&self) -> Level {
        self.items.iter().map(Change::level).max().unwrap_or_default()
    }

    /// Returns whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds that the script of the type changed. The pointer goes into the type, beside its schema.
    pub fn script_source_changed(&mut self) {
        self.push(id::SCRIPT_SOURCE_CHANGED, "/scriptSource", "the script changed");
    }

    /// Adds that the type is served at another endpoint. The pointer goes into the type, beside its schema.
    pub fn endpoint_url_changed(&mut self) {
        self.push(id::ENDPOINT_URL_CHANGED, "/endpointUrl", "the endpoint changed");
    }

    /// Returns the changes as the API answers them, with the version that they need after `current`.
    pub fn report(&self, current: &Version) -> Report<'_> {
        let level = self.level();
        Report { level, changes: &self.items, suggested_version: suggested_version(current, level) }
    }

    pub(crate) fn push(&mut self, rule: &'static Rule, pointer: impl Into<String>, message: impl Into<String>) {
        self.items.push(Change { rule, pointer: pointer.into(), message: message.into() });
    }
}

/// The `change` of an answer, but for `affected`, which only the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report<'a> {
    /// The highest level found.
    pub level: Level,
    /// The changes.
    pub changes: &'a [Change],
    /// The smallest version that the changes allow; the current one where nothing changed.
    pub suggested_version: Version,
}
