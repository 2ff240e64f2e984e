//! Where the references of a JSON Schema lead inside its own document.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The targets of references: places of the document, by JSON pointer or by anchor.
#[derive(Debug)]
pub(crate) struct References<'s> {
    root: &'s Value,
    root_id: &'s str,
    anchors: HashMap<&'s str, &'s Value>,
}

impl<'s> References<'s> {
    pub(crate) fn of(root: &'s Value) -> Self {
        let mut anchors = HashMap::new();
        find_anchors(root, &mut anchors);
        let root_id = root.get("$id").and_then(Value::as_str).unwrap_or_default();
        Self { root, root_id, anchors }
    }

    /// Returns the document.
    pub(crate) fn root(&self) -> &'s Value {
        self.root
    }

    /// Returns the schemas that the references among a schema's keywords lead to.
    pub(crate) fn followed(&self, schema: &'s Value) -> impl Iterator<Item = &'s Value> {
        let targets = ["$ref", "$dynamicRef"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_str());
        targets.filter_map(|target| self.target(target))
    }

    /// Returns the schema that a reference leads to; `None` if it leads out of the document, or nowhere.
    pub(crate) fn target(&self, target: &str) -> Option<&'s Value> {
        let target = target.strip_prefix(self.root_id.trim_end_matches('#')).unwrap_or(target);
        let fragment = target.strip_prefix('#').or(target.is_empty().then_some(""))?;
        let fragment = percent_decode_str(fragment).decode_utf8_lossy();
        if fragment.is_empty() || fragment.starts_with('/') {
            return self.root.pointer(&fragment);
        }
        self.anchors.get(&*fragment).copied()
    }
}

/// Finds every anchor, wherever it is: one that is not a schema's is never referred to.
fn find_anchors<'s>(value: &'s Value, anchors: &mut HashMap<&'s str, &'s Value>) {
    match value {
        Value::Object(map) => {
            for keyword in ["$anchor", "$dynamicAnchor"] {
                if let Some(Value::String(name)) = map.get(keyword) {
                    anchors.insert(name, value);
                }
            }
            map.values().for_each(|value| find_anchors(value, anchors));
        }
        Value::Array(items) => items.iter().for_each(|value| find_anchors(value, anchors)),
        _ => {}
    }
}
