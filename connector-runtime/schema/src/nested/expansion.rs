//! How large a schema is with its references followed: what one look at a value may visit.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::references::References;
use crate::pointer;

/// The most subschemas of a JSON Schema, counted once for each way that references lead to them.
pub(crate) const MAX_EXPANDED: usize = 100_000;
/// The most levels of a JSON Schema, with references followed: each takes stack of whoever reads it.
pub(crate) const MAX_EXPANDED_LEVELS: usize = 256;

/// Keywords whose values are data, not schemas.
const DATA: [&str; 5] = ["const", "enum", "default", "example", "examples"];
/// Keywords whose values hold schemas by name.
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// Why a schema is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expands {
    /// JSON pointer to the place in the schema.
    pub(crate) pointer: String,
    /// What is wrong there.
    pub(crate) message: String,
}

/// Checks that a schema expands to at most [`MAX_EXPANDED`] subschemas and [`MAX_EXPANDED_LEVELS`] levels.
///
/// A reference that leads back to itself counts once: how often it is followed depends on the value, and the validator
/// remembers what it has visited.
///
/// # Errors
/// If it does not, or if it has an `$id` inside, because references to that cannot be followed here.
pub(crate) fn expands(document: &Value) -> Result<(), Expands> {
    let references = References::of(document);
    let mut walk = Walk { references, known: HashMap::new(), path: Vec::new(), level: 0 };
    walk.schema(document).map(drop)
}

/// A schema with its references followed.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    schemas: usize,
    levels: usize,
}

struct Walk<'s> {
    references: References<'s>,
    /// The extents of the targets of references; none while a target is being counted.
    known: HashMap<&'s str, Option<Extent>>,
    path: Vec<&'s str>,
    level: usize,
}

impl<'s> Walk<'s> {
    fn schema(&mut self, schema: &'s Value) -> Result<Extent, Expands> {
        self.level += 1;
        let mut all = Extent { schemas: 1, levels: 0 };
        self.within(all)?;
        match schema {
            Value::Object(keywords) => self.keywords(keywords, &mut all)?,
            Value::Array(items) => {
                for item in items {
                    self.add(&mut all, item)?;
                }
            }
            _ => {}
        }
        self.level -= 1;
        all.levels += 1;
        Ok(all)
    }

    fn keywords(&mut self, keywords: &'s Map<String, Value>, all: &mut Extent) -> Result<(), Expands> {
        for (keyword, value) in keywords {
            self.path.push(keyword);
            match value {
                Value::String(target) if keyword == "$ref" || keyword == "$dynamicRef" => {
                    let extent = self.reference(target)?;
                    self.join(all, extent)?;
                }
                Value::String(_) if keyword == "$id" && !self.is_root(keywords) => {
                    return Err(self.refuse("an $id inside a schema is not supported; refer with #/ or an $anchor"));
                }
                // Definitions cost where they are referred to, but each has to be sound.
                Value::Object(named) if NAMED.contains(&keyword.as_str()) => {
                    let before = *all;
                    for (name, value) in named {
                        self.path.push(name);
                        self.add(all, value)?;
                        self.path.pop();
                        if keyword == "$defs" || keyword == "definitions" {
                            *all = before;
                        }
                    }
                }
                Value::Object(_) | Value::Array(_) if !DATA.contains(&keyword.as_str()) => self.add(all, value)?,
                _ => {}
            }
            self.path.pop();
        }
        Ok(())
    }

    fn add(&mut self, all: &mut Extent, value: &'s Value) -> Result<(), Expands> {
        if !value.is_object() && !value.is_array() {
            all.schemas += 1;
            return Ok(());
        }
        let extent = self.schema(value)?;
        self.join(all, extent)
    }

    fn join(&self, all: &mut Extent, more: Extent) -> Result<(), Expands> {
        all.schemas += more.schemas;
        all.levels = all.levels.max(more.levels);
        self.within(*all)
    }

    fn within(&self, extent: Extent) -> Result<(), Expands> {
        if extent.schemas > MAX_EXPANDED {
            return Err(self.refuse(&format!(
                "expands to more than {MAX_EXPANDED} subschemas when its references are followed; refer to less, or less often"
            )));
        }
        if self.level + extent.levels > MAX_EXPANDED_LEVELS {
            return Err(self.refuse(&format!(
                "is more than {MAX_EXPANDED_LEVELS} levels deep when its references are followed; use fewer levels"
            )));
        }
        Ok(())
    }

    fn is_root(&self, keywords: &Map<String, Value>) -> bool {
        self.references.root().as_object().is_some_and(|root| std::ptr::eq(root, keywords))
    }

    fn refuse(&self, message: &str) -> Expands {
        Expands { pointer: pointer::of(self.path.iter().copied()), message: message.to_owned() }
    }

    fn reference(&mut self, target: &'s str) -> Result<Extent, Expands> {
        if let Some(known) = self.known.get(target) {
            // One that is being counted refers to itself.
            return Ok(known.unwrap_or(Extent { schemas: 1, levels: 1 }));
        }
        // Without a target the schema cannot be compiled, which says so.
        let Some(found) = self.references.target(target) else { return Ok(Extent::default()) };
        self.known.insert(target, None);
        let here = self.path.len();
        // The error names the reference that is in the document's own text, not a place below it.
        let extent = self.schema(found).map_err(|error| {
            self.path.truncate(here);
            Expands { pointer: pointer::of(self.path.iter().copied()), ..error }
        })?;
        self.known.insert(target, Some(extent));
        Ok(extent)
    }
}
