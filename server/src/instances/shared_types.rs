//! What the connectors of one type share in memory: its schema, its script and its operations. Without it ten thousand connectors of
//! an imported type would hold its document ten thousand times.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use connector_runtime::registry::Registry;
use connector_runtime::schema::ConfigSchema;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::Error;
use crate::operations::OperationTable;
use crate::script::CommandScripts;
use crate::store::{ConnectorType, ExecutionModel};
use crate::type_schema::type_schema;

/// The types of the connectors that are in memory, in their newest revisions. A type is kept as long as connectors use it.
#[derive(Debug, Default)]
pub struct SharedTypes(Mutex<HashMap<Uuid, UsedParts>>);

/// The parts of a type as long as connectors use them.
#[derive(Debug)]
struct UsedParts {
    revision: i64,
    name: Arc<str>,
    version: Arc<str>,
    schema: Weak<ConfigSchema>,
    sources: Option<Weak<CommandScripts>>,
    operations: Option<Result<Weak<OperationTable>, String>>,
}

/// What is shared of one revision of a type.
#[derive(Debug)]
pub(super) struct TypeParts {
    /// The type's name.
    pub(super) name: Arc<str>,
    /// Its version.
    pub(super) version: Arc<str>,
    /// The schema that validates calls.
    pub(super) schema: Arc<ConfigSchema>,
    /// The scripts of its commands, if it has any.
    pub(super) sources: Option<Arc<CommandScripts>>,
    /// The operations of an imported type, or what of them cannot be read.
    pub(super) operations: Option<Result<Arc<OperationTable>, String>>,
}

impl SharedTypes {
    /// Returns the parts of a type: those that other connectors have of the same revision, or new ones.
    ///
    /// # Errors
    /// Internal if the stored schema cannot be read.
    pub(super) fn of(&self, registry: &Registry, row: &ConnectorType) -> Result<TypeParts, Error> {
        if let Some(parts) = self.known(row) {
            return Ok(parts);
        }
        // Reading a large type takes a while, and the others do not wait for it.
        let parts = TypeParts::read(registry, row)?;
        let mut types = self.0.lock();
        types.retain(|_, used| used.schema.strong_count() > 0);
        if types.get(&row.id).is_none_or(|used| used.revision <= row.revision) {
            types.insert(row.id, UsedParts::of(row.revision, &parts));
        }
        Ok(parts)
    }

    fn known(&self, row: &ConnectorType) -> Option<TypeParts> {
        let types = self.0.lock();
        types.get(&row.id).filter(|used| used.revision == row.revision)?.parts()
    }
}

impl UsedParts {
    fn of(revision: i64, parts: &TypeParts) -> Self {
        Self {
            revision,
            name: Arc::clone(&parts.name),
            version: Arc::clone(&parts.version),
            schema: Arc::downgrade(&parts.schema),
            sources: parts.sources.as_ref().map(Arc::downgrade),
            operations: parts.operations.clone().map(|table| table.map(|table| Arc::downgrade(&table))),
        }
    }

    /// Returns the parts, unless one of them is used no more.
    fn parts(&self) -> Option<TypeParts> {
        let sources = match &self.sources {
            Some(sources) => Some(sources.upgrade()?),
            None => None,
        };
        let operations = match &self.operations {
            Some(Ok(table)) => Some(Ok(table.upgrade()?)),
            Some(Err(unreadable)) => Some(Err(unreadable.clone())),
            None => None,
        };
        let [name, version] = [&self.name, &self.version].map(Arc::clone);
        Some(TypeParts { name, version, schema: self.schema.upgrade()?, sources, operations })
    }
}

impl TypeParts {
    fn read(registry: &Registry, row: &ConnectorType) -> Result<Self, Error> {
        let schema = type_schema(registry, row)?;
        let source = row.fields.script_source.as_deref();
        let (sources, operations) = match (row.execution_model, source) {
            (ExecutionModel::Script, Some(source)) => (Some(CommandScripts::whole(source)), None),
            (ExecutionModel::OasDerived, Some(source)) => {
                (Some(CommandScripts::cut(source)), OperationTable::of(source))
            }
            _ => (None, None),
        };
        let operations = operations.map(|table| table.map(Arc::new));
        let [name, version] = [&row.name, &row.fields.version].map(|text| text.as_str().into());
        Ok(Self { name, version, schema, sources: sources.map(Arc::new), operations })
    }
}
