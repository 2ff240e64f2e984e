//! The attributes of an entry as a call answers them: a search returns 100,000 entries, so each is kept small.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Attributes by name, in the order in which the directory sent them; each is a list of texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes(Box<[Attribute]>);

/// A name and its values.
type Attribute = (Box<str>, Box<[Box<str>]>);

impl FromIterator<(String, Vec<String>)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (String, Vec<String>)>>(attributes: I) -> Self {
        let small = |(name, values): (String, Vec<String>)| {
            (name.into_boxed_str(), values.into_iter().map(String::into_boxed_str).collect())
        };
        Self(attributes.into_iter().map(small).collect())
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, values) in &self.0 {
            map.serialize_entry(name, values)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, Vec<String>>::deserialize(deserializer)?;
        Ok(map.into_iter().collect())
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
