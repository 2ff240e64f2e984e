//! The attributes of an entry as a call answers them: a search returns 100,000 entries, so each is kept as its JSON text.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

/// Attributes by name, in the order in which the directory sent them; each is a list of texts.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(Box<RawValue>);

impl Attributes {
    /// Writes attributes.
    ///
    /// # Errors
    /// Never: names and values are texts.
    pub(super) fn write(attributes: &[(String, Vec<String>)]) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(&Listed(attributes)).map(Self)
    }
}

impl PartialEq for Attributes {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

struct Listed<'a>(&'a [(String, Vec<String>)]);

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in self.0 {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

impl JsonSchema for Attributes {
    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<String, Vec<String>>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, Vec<String>>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        true
    }
}
