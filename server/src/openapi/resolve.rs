//! Follows `$ref`s inside of a document, which has its other files in it ([`super::bundle`]). Chains are followed in a loop,
//! and each only once; a file is never opened here.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use connector_runtime::schema::pointer;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// How many references are followed on the way to a target.
const MAX_DETOURS: usize = 8;
/// How many keys of an object are compared one by one.
const FEW: usize = 12;

/// Why a `$ref` cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// It points outside the document.
    External,
    /// Its target does not exist.
    Missing,
    /// It leads back to itself.
    Circular,
}

impl Broken {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::External => "external_ref",
            Self::Missing => "unresolved_ref",
            Self::Circular => "circular_ref",
        }
    }

    /// Says what is wrong with a reference.
    pub(super) fn tell(self, reference: &str) -> String {
        let shown = cut(reference, 200);
        match self {
            Self::External => {
                format!(
                    "external reference `{shown}` is not followed: its file was not given, or may not be read; import the \
                     document from its folder, or with its files"
                )
            }
            Self::Missing => format!("reference `{shown}` does not exist and is ignored"),
            Self::Circular => format!("reference `{shown}` refers to itself and is ignored"),
        }
    }
}

/// A document and the references that were followed in it.
#[derive(Debug)]
pub(super) struct Document<'d> {
    pub(super) root: &'d Value,
    memory: RefCell<HashMap<&'d str, Result<&'d Value, Broken>>>,
}

impl<'d> Document<'d> {
    pub(super) fn new(root: &'d Value) -> Self {
        Self { root, memory: RefCell::default() }
    }

    /// Returns `node` itself, or the target of its reference.
    pub(super) fn resolve(&self, node: &'d Value) -> Result<&'d Value, (Broken, &'d str)> {
        reference(node).map_or(Ok(node), |reference| self.target(reference))
    }

    /// Returns what a reference leads to in the end.
    pub(super) fn target(&self, first: &'d str) -> Result<&'d Value, (Broken, &'d str)> {
        if let Some(known) = self.memory.borrow().get(first) {
            return known.map_err(|broken| (broken, first));
        }
        let mut seen = HashSet::new();
        let mut current = first;
        let end = loop {
            if let Some(known) = self.memory.borrow().get(current) {
                break *known;
            }
            if !seen.insert(current) {
                break Err(Broken::Circular);
            }
            match self.find(current) {
                Err(broken) => break Err(broken),
                Ok(node) => match reference(node) {
                    Some(next) => current = next,
                    None => break Ok(node),
                },
            }
        };
        self.memory.borrow_mut().extend(seen.into_iter().map(|step| (step, end)));
        end.map_err(|broken| (broken, first))
    }

    /// Returns the target of a reference, without following it further. On the way to it, a map may be elsewhere.
    pub(super) fn find(&self, reference: &str) -> Result<&'d Value, Broken> {
        self.find_within(reference, &mut 0)
    }

    fn find_within(&self, target: &str, detours: &mut usize) -> Result<&'d Value, Broken> {
        let fragment = target.strip_prefix('#').ok_or(Broken::External)?;
        if fragment.is_empty() {
            return Ok(self.root);
        }
        let path = fragment.strip_prefix('/').ok_or(Broken::Missing)?;
        let mut node = self.root;
        for step in path.split('/') {
            let below = |node| child(node, step).or_else(|| child(node, &percent_decode_str(step).decode_utf8_lossy()));
            if let Some(found) = below(node) {
                node = found;
                continue;
            }
            let elsewhere = reference(node).filter(|_| *detours < MAX_DETOURS).ok_or(Broken::Missing)?;
            *detours += 1;
            node = below(self.find_within(elsewhere, detours)?).ok_or(Broken::Missing)?;
        }
        Ok(node)
    }
}

/// Returns the `$ref` of a node.
pub(super) fn reference(node: &Value) -> Option<&str> {
    get(node.as_object()?, "$ref").and_then(Value::as_str)
}

/// Returns what an object of the document says. Most have a few keys, which are compared in less time than one is hashed.
pub(super) fn get<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    if map.len() > FEW {
        return map.get(key);
    }
    map.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
}

fn child<'d>(node: &'d Value, step: &str) -> Option<&'d Value> {
    match node {
        Value::Object(map) if step.contains('~') => map.get(&*pointer::unescape(step)),
        Value::Object(map) => map.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Cuts a text for a message.
pub(super) fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    text.char_indices().nth(most).map_or(text, |(end, _)| &text[..end])
}
