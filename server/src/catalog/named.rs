//! The connectors that the steps of a run name, with what their types accept and whether they can be called.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use connector_runtime::egress::memory::Reserved;
use connector_runtime::schema::ConfigSchema;
use connector_runtime::schema::json_text::MAX_JSON_VALUES;
use uuid::Uuid;

use super::view::{connector_view, is_served_by_agent, take_agent_config};
use crate::auth::OpContext;
use crate::blocking;
use crate::error::{Error, ErrorKind};
use crate::services::Services;
use crate::store::{
    ConnectorBound, ConnectorFilter, ConnectorRow, ConnectorType, ExecutionModel, Only, PageRequest, StoredSchema,
};
use crate::type_schema::type_schema;

/// The maximum number of connectors that are named at a time: as many as one list of the store returns.
pub(crate) const MAX_NAMED: usize = PageRequest::MAX as usize;

/// A connector that a step names.
#[derive(Debug, Clone)]
pub(crate) struct NamedConnector {
    /// The id of its type.
    pub(crate) type_id: Uuid,
    /// The name of its type.
    pub(crate) type_name: String,
    /// The version of its type.
    pub(crate) type_version: String,
    /// What its type accepts.
    pub(crate) schema: Arc<ConfigSchema>,
    /// Whether this program itself executes its commands.
    pub(crate) is_built_in: bool,
    /// Whether it may be executed.
    pub(crate) enabled: bool,
    /// Whether its view says that it is ready.
    pub(crate) ready: bool,
}

/// Connectors by their names. Holds the memory that their schemas take.
#[derive(Debug)]
pub(crate) struct NamedConnectors {
    /// Those that there are, and that the caller reaches.
    pub(crate) by_name: HashMap<String, NamedConnector>,
    _held: Vec<Reserved>,
}

impl NamedConnectors {
    /// Returns the types of the connectors with their versions, by connector: what steps that name them are checked against.
    pub(crate) fn versions(&self) -> BTreeMap<String, String> {
        let version = |one: &NamedConnector| format!("{} {}", one.type_name, one.type_version);
        self.by_name.iter().map(|(name, one)| (name.clone(), version(one))).collect()
    }

    /// Returns the versions of the types of the connectors, by type.
    pub(crate) fn types(&self) -> BTreeMap<String, String> {
        self.by_name.values().map(|one| (one.type_name.clone(), one.type_version.clone())).collect()
    }

    /// Returns the connectors as they would be if a type had another schema.
    pub(crate) fn with_schema(&self, type_id: Uuid, schema: &Arc<ConfigSchema>) -> HashMap<String, NamedConnector> {
        let changed = |one: &NamedConnector| {
            let schema = if one.type_id == type_id { Arc::clone(schema) } else { Arc::clone(&one.schema) };
            NamedConnector { schema, ..one.clone() }
        };
        self.by_name.iter().map(|(name, one)| (name.clone(), changed(one))).collect()
    }
}

/// Returns the connectors with these names that the caller reaches; each of their types is read once. The caller of this
/// function has checked the scope.
///
/// # Errors
/// Unavailable if there is no memory for their schemas; database errors; internal if a stored schema cannot be read.
pub(crate) async fn named(ctx: &OpContext, services: &Services, names: &[&str]) -> Result<NamedConnectors, Error> {
    let reached = names.iter().copied().filter(|name| ctx.may_reach(name)).take(MAX_NAMED);
    let only = Only { bound: ConnectorBound::only(reached), ..Only::default() };
    let page = PageRequest { limit: PageRequest::MAX, cursor: None };
    let rows = services.store.connectors().list_only(&ConnectorFilter::default(), &only, &page).await?.items;
    let mut held = Vec::new();
    let mut types: HashMap<Uuid, Option<(ConnectorType, Arc<ConfigSchema>)>> = HashMap::new();
    for row in &rows {
        if let Entry::Vacant(place) = types.entry(row.type_id) {
            place.insert(type_of(services, row.type_id, &mut held).await?);
        }
    }
    let by_name = rows.into_iter().filter_map(|row| {
        let (of, schema) = types.get(&row.type_id)?.as_ref()?;
        Some((row.fields.name.clone(), connector(services, row, of, schema)))
    });
    Ok(NamedConnectors { by_name: by_name.collect(), _held: held })
}

/// Reads a type; `None` if it was deleted meanwhile.
async fn type_of(
    services: &Services,
    id: Uuid,
    held: &mut Vec<Reserved>,
) -> Result<Option<(ConnectorType, Arc<ConfigSchema>)>, Error> {
    let row = match services.store.types().get(&id.to_string()).await.map_err(Error::from) {
        Ok(row) => row,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let (registry, memory) = (Arc::clone(&services.registry), services.work.memory.clone());
    let (row, schema, reserved) = blocking::run(move || {
        // The schema of an import is megabytes, and a run may name a hundred of them.
        let reserved = match &row.fields.config_schema {
            StoredSchema::Text(text) => Some(memory.tree(text.as_bytes(), MAX_JSON_VALUES)?),
            StoredSchema::Empty | StoredSchema::Open => None,
        };
        let schema = type_schema(&registry, &row)?;
        Ok((row, schema, reserved))
    })
    .await?;
    held.extend(reserved);
    Ok(Some((row, schema)))
}

fn connector(services: &Services, row: ConnectorRow, of: &ConnectorType, schema: &Arc<ConfigSchema>) -> NamedConnector {
    let (type_id, type_name, type_version) = (row.type_id, of.name.clone(), of.fields.version.clone());
    let is_built_in = row.execution_model == ExecutionModel::BuiltIn && of.available;
    let mut view = connector_view(row, &schema.connection, of.available);
    if is_served_by_agent(&view) {
        let agent = services.agents.serving_agent(&view.name);
        take_agent_config(&mut view, &agent);
    }
    NamedConnector {
        type_id,
        type_name,
        type_version,
        schema: Arc::clone(schema),
        is_built_in,
        enabled: view.enabled,
        ready: view.ready,
    }
}
