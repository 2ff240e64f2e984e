//! The connectors of a program, by name.
//!
//! Each annotated struct registers its descriptor where it is written; [`Registry::collect`] gathers
//! them. Two connectors of one name are an error that names both places.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::sync::{Arc, OnceLock};

use crate::builtin::BuiltIn;
use crate::context::Invocation;
use crate::descriptor::{Descriptor, Place};
use crate::dispatch::{FinishedCall, Target, dispatch};
use crate::protocol::Fingerprint;
use crate::redact::{Redactor, secret_texts};
use crate::schema::{ConfigSchema, describe};

#[cfg(test)]
mod tests;

/// A descriptor that an annotated struct registers for [`Registry::collect`].
#[derive(Debug)]
pub struct Registration(pub &'static Descriptor);

inventory::collect!(Registration);

/// The connector types of a program.
#[derive(Debug, Default)]
pub struct Registry {
    entries: BTreeMap<&'static str, Entry>,
}

/// A registered connector type.
#[derive(Debug)]
pub struct Entry {
    descriptor: &'static Descriptor,
    schema: OnceLock<Arc<ConfigSchema>>,
}

/// Two connectors of one name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two connectors are named {name}: one at {first}, one at {second}; rename one of them")]
pub struct DuplicateConnector {
    /// The name.
    pub name: &'static str,
    /// Source place of one.
    pub first: Place,
    /// Source place of the other.
    pub second: Place,
}

impl Registry {
    /// Gathers every connector that is linked into the program.
    ///
    /// A crate that is only listed as a dependency is not linked: name an item of it first, such as
    /// `connectors::link()`.
    ///
    /// # Errors
    /// If two connectors have one name.
    pub fn collect() -> Result<Self, DuplicateConnector> {
        Self::of(inventory::iter::<Registration>().map(|registration| registration.0))
    }

    /// Makes a registry of given connectors.
    ///
    /// # Errors
    /// If two connectors have one name.
    pub fn of(descriptors: impl IntoIterator<Item = &'static Descriptor>) -> Result<Self, DuplicateConnector> {
        let mut entries = BTreeMap::new();
        for descriptor in descriptors {
            match entries.entry(descriptor.name) {
                Slot::Vacant(slot) => {
                    slot.insert(Entry::new(descriptor));
                }
                Slot::Occupied(slot) => {
                    // Link order is not stable; the message is.
                    let mut places = [slot.get().descriptor.place, descriptor.place];
                    places.sort_by_key(|place| (place.file, place.line));
                    let [first, second] = places;
                    return Err(DuplicateConnector { name: descriptor.name, first, second });
                }
            }
        }
        Ok(Self { entries })
    }

    /// Returns a type by name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Returns the types, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// Returns the names of the types, sorted.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.entries.keys().copied()
    }

    /// Returns how many types there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there are no types.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl Entry {
    /// Makes an entry outside of a registry.
    pub(crate) fn new(descriptor: &'static Descriptor) -> Self {
        Self { descriptor, schema: OnceLock::new() }
    }

    /// Returns the compiled descriptor.
    pub fn descriptor(&self) -> &'static Descriptor {
        self.descriptor
    }

    /// Returns the config schema, made at the first use.
    pub fn schema(&self) -> &Arc<ConfigSchema> {
        self.schema.get_or_init(|| Arc::new(describe(self.descriptor)))
    }

    /// Returns the config schema; if it was not used before, one for this caller alone, which is not kept. For those who
    /// look at every type once: of a server with many types most are never called.
    pub fn unkept_schema(&self) -> Arc<ConfigSchema> {
        self.schema.get().map_or_else(|| Arc::new(describe(self.descriptor)), Arc::clone)
    }

    /// Returns an executor for one instance of the type.
    pub fn executor(&self) -> BuiltIn {
        BuiltIn::new(self.descriptor, Arc::clone(self.schema()))
    }

    /// Returns the fingerprint of the type: its version and the hash of its config schema.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.descriptor.version, self.schema())
    }

    /// Dispatches a call to the type itself: without an instance there are no mock settings, and no deadline but the
    /// call's and the command's. Requests leave through `invocation.http`, and those that carry a secret go only
    /// where the type's `egress` allows. `connector` is the name in the log.
    pub async fn call(&self, connector: &str, mut invocation: Invocation) -> FinishedCall {
        let schema = self.schema();
        let texts = secret_texts(&schema.connection, &invocation.connection);
        let redactor = Arc::new(Redactor::new(texts));
        let connection = &invocation.connection;
        invocation.http = invocation.http.for_called_connection(self.descriptor.egress, schema, connection, &redactor);
        invocation.redactor.get_or_insert(redactor);
        let executor = self.executor();
        let target = Target { connector, schema, executor: &executor, mock: None, mock_script: None, timeout_ms: None };
        dispatch(target, invocation).await
    }
}
