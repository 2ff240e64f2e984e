//! What a comparison found, and how it is written on the wire.

use semver::Version;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::aspect::{Aspect, Difference};
use super::path::Path;
use super::said::Said;
use super::table::{Judgement, judge};
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
        let at = Path::Root;
        self.found(Aspect::ScriptSource, Difference::Changed, at.step("scriptSource"), &Said::of(&"the script"));
    }

    /// Adds that the type is served at another endpoint. The pointer goes into the type, beside its schema.
    pub fn endpoint_url_changed(&mut self) {
        let at = Path::Root;
        self.found(Aspect::EndpointUrl, Difference::Changed, at.step("endpointUrl"), &Said::of(&"the endpoint"));
    }

    /// Returns the changes as the API answers them, with the version that they need after `current`.
    pub fn report(&self, current: &Version) -> Report<'_> {
        let level = self.level();
        Report { level, changes: &self.items, suggested_version: suggested_version(current, level) }
    }

    /// Adds a difference, under the rule that it falls under.
    pub(super) fn found(&mut self, aspect: Aspect, difference: Difference, at: Path<'_>, said: &Said<'_>) {
        let Judgement { rule, wording } = judge(aspect, difference);
        self.items.push(Change { rule, pointer: at.pointer(), message: said.message(wording) });
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
