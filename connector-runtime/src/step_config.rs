//! The raw step config of a call: `command` and all params.
//!
//! A call looks up a handful of values by name and is over; the map with its hash table is made when
//! somebody asks for the whole. Until then a config that was read from text is a flat list, with all
//! its names in one buffer. A long one becomes a map at once, so that no lookup is a long walk.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeSeed, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::context::ConnectionConfig;

#[cfg(test)]
mod tests;

/// The most values that a list holds.
const MAX_LISTED: usize = 16;

/// What most step configs need at most; a guess that saves growing.
const DEFAULT_VALUES: usize = 6;
const DEFAULT_NAMES: usize = 64;

/// The raw step config of a call. Reads as a map; made from one, or read from JSON.
#[derive(Clone, Default)]
pub struct StepConfig {
    /// The names in `listed`, one after the other.
    names: String,
    /// Name and value in order, each name once; without meaning where there is a map.
    listed: Vec<(Range<usize>, Value)>,
    /// The whole, where it was given or asked for.
    whole: OnceLock<Box<Map<String, Value>>>,
}

impl StepConfig {
    /// Returns a value by name, without making a map.
    #[inline]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self.whole.get() {
            Some(map) => look_up(map, name),
            None => self
                .listed
                .iter()
                .find_map(|(at, value)| (self.names.as_bytes()[at.clone()] == *name.as_bytes()).then_some(value)),
        }
    }

    /// Returns everything as a map.
    pub fn as_map(&self) -> &Map<String, Value> {
        self.whole.get_or_init(|| {
            let entries = self.listed.iter().map(|(at, value)| (self.names[at.clone()].to_owned(), value.clone()));
            Box::new(entries.collect())
        })
    }

    /// Returns everything as a map of its own.
    pub fn into_map(self) -> Map<String, Value> {
        let Self { names, listed, whole } = self;
        match whole.into_inner() {
            Some(map) => *map,
            None => listed.into_iter().map(|(at, value)| (names[at].to_owned(), value)).collect(),
        }
    }

    /// Sets a value; one that was there goes.
    pub fn insert(&mut self, name: &str, value: Value) {
        match self.whole.get_mut() {
            Some(map) => {
                map.insert(name.to_owned(), value);
            }
            None if self.listed.len() < MAX_LISTED => {
                let start = self.names.len();
                self.names.push_str(name);
                self.push(start, value);
            }
            None => {
                let mut map = std::mem::take(self).into_map();
                map.insert(name.to_owned(), value);
                *self = map.into();
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        if let Some(map) = self.whole.get_mut() {
            return map.shift_remove(name);
        }
        let index = self.listed.iter().position(|(at, _)| self.names.as_bytes()[at.clone()] == *name.as_bytes())?;
        Some(self.listed.remove(index).1)
    }

    /// Lists a value under the name that was written last, which begins at `start`. The last value of
    /// a name counts, in the place of the first, as in a map.
    fn push(&mut self, start: usize, value: Value) {
        let name = &self.names[start..];
        if let Some((_, slot)) =
            self.listed.iter_mut().find(|(at, _)| self.names.as_bytes()[at.clone()] == *name.as_bytes())
        {
            *slot = value;
            self.names.truncate(start);
        } else {
            self.listed.push((start..self.names.len(), value));
        }
    }
}

/// Finds a key. In a small map looking is quicker than hashing.
#[inline]
fn look_up<'v>(map: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    const SMALL: usize = 8;
    if map.len() > SMALL {
        return map.get(name);
    }
    map.iter().find_map(|(key, value)| (key == name).then_some(value))
}

/// Values by name: a step config's or a map's.
#[derive(Clone, Copy)]
pub enum RawValues<'v> {
    /// The values of a map.
    Map(&'v Map<String, Value>),
    /// The values of a step config.
    Step(&'v StepConfig),
}

impl<'v> RawValues<'v> {
    /// Returns a value by name.
    #[inline]
    pub fn get(self, name: &str) -> Option<&'v Value> {
        match self {
            Self::Map(map) => look_up(map, name),
            Self::Step(config) => config.get(name),
        }
    }

    /// Returns everything as a map.
    pub fn as_map(self) -> &'v Map<String, Value> {
        match self {
            Self::Map(map) => map,
            Self::Step(config) => config.as_map(),
        }
    }
}

impl fmt::Debug for RawValues<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawValues").finish_non_exhaustive()
    }
}

impl<'v> From<&'v Map<String, Value>> for RawValues<'v> {
    fn from(map: &'v Map<String, Value>) -> Self {
        Self::Map(map)
    }
}

impl<'v> From<&'v StepConfig> for RawValues<'v> {
    fn from(config: &'v StepConfig) -> Self {
        Self::Step(config)
    }
}

impl<'v> From<&'v ConnectionConfig> for RawValues<'v> {
    fn from(config: &'v ConnectionConfig) -> Self {
        Self::Map(config)
    }
}

impl<'v> From<&'v Arc<ConnectionConfig>> for RawValues<'v> {
    fn from(config: &'v Arc<ConnectionConfig>) -> Self {
        Self::Map(config)
    }
}

impl From<Map<String, Value>> for StepConfig {
    fn from(map: Map<String, Value>) -> Self {
        Self { whole: OnceLock::from(Box::new(map)), ..Self::default() }
    }
}

impl Deref for StepConfig {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        self.as_map()
    }
}

impl PartialEq for StepConfig {
    fn eq(&self, other: &Self) -> bool {
        self.as_map() == other.as_map()
    }
}

impl fmt::Debug for StepConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_map(), f)
    }
}

impl Serialize for StepConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_map().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StepConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

/// Reads the entries of an object.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = StepConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<StepConfig, A::Error> {
        let mut config = StepConfig {
            names: String::with_capacity(DEFAULT_NAMES),
            listed: Vec::with_capacity(DEFAULT_VALUES),
            whole: OnceLock::new(),
        };
        while config.listed.len() < MAX_LISTED {
            let start = config.names.len();
            if access.next_key_seed(Name(&mut config.names))?.is_none() {
                return Ok(config);
            }
            let value = access.next_value()?;
            config.push(start, value);
        }
        let mut map = config.into_map();
        while let Some((name, value)) = access.next_entry()? {
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

/// Reads a name onto the end of a text.
struct Name<'n>(&'n mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        self.0.push_str(name);
        Ok(())
    }
}
