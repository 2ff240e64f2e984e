//! The table of operations of one type, read when it is needed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::openapi::{Entry, Imported, Scheme, Variable};

/// The operations of an imported type.
#[derive(Debug)]
pub struct OperationTable {
    imported: Imported,
    /// The entries that were called so far.
    read: Mutex<HashMap<String, Arc<Entry>>>,
}

impl OperationTable {
    /// Reads the source of an imported type; `None` if it is one of an earlier import, which has a client of its own.
    ///
    /// # Errors
    /// Says what of the table cannot be read.
    pub fn of(source: &str) -> Option<Result<Self, String>> {
        let imported = Imported::read(source)?;
        Some(imported.map(|imported| Self { imported, read: Mutex::default() }))
    }

    /// Returns whether nobody has changed the function of a command.
    pub fn is_untouched(&self, command: &str) -> bool {
        self.imported.untouched.contains(command)
    }

    /// Returns the entry of an operation.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub(super) fn entry(&self, name: &str) -> Result<Arc<Entry>, String> {
        if let Some(entry) = self.read.lock().get(name) {
            return Ok(Arc::clone(entry));
        }
        let Some(text) = self.imported.operations.get(name) else {
            let name: String = name.chars().take(128).collect();
            return Err(format!("the imported script has no operation {name}; look at the table at its end"));
        };
        let entry: Entry = serde_json::from_str(text.get()).map_err(|error| {
            format!("the entry of {name} in the table of operations cannot be read: {error}; mend it, or import the document again")
        })?;
        let entry = Arc::new(entry);
        self.read.lock().insert(name.to_owned(), Arc::clone(&entry));
        Ok(entry)
    }

    pub(super) fn scheme(&self, name: &str) -> Option<&Scheme> {
        self.imported.schemes.get(name)
    }

    pub(super) fn variables(&self) -> &[Variable] {
        &self.imported.variables
    }
}
