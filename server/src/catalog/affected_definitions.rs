//! Which run definitions a change of a type breaks: those whose newest version has an error under the new schema that it
//! does not have under the present one.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use connector_flow::check::{self, Inputs, Item};
use connector_flow::definition::{Flow, parse_inputs};
use connector_runtime::schema::{ConfigSchema, Fields};
use floh_client::answers::AffectedDefinition;
use uuid::Uuid;

use super::affected::MAX_NAMED as MAX_ITEMS;
use super::named::{MAX_NAMED, NamedConnectors, named};
use super::reached::Reached;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::Error;
use crate::services::Services;
use crate::store::DefinitionRow;

/// The maximum number of definitions that are checked for one change.
const MAX_CHECKED: usize = 1_000;
/// How many definitions are read at once.
const AT_ONCE: u32 = 50;

/// The definitions that a change breaks.
#[derive(Debug, Default)]
pub(super) struct BrokenDefinitions {
    /// The first of them, by name.
    pub(super) items: Vec<AffectedDefinition>,
    /// How many there are at least, if that is more: not all were checked, or not all are named.
    pub(super) total: Option<usize>,
}

/// Finds the definitions that a change of a type breaks, by name; those that the caller may read.
///
/// # Errors
/// Unavailable if there is no memory for the schemas of their connectors; database errors.
pub(super) async fn affected_definitions(
    ctx: &OpContext,
    services: &Services,
    type_id: Uuid,
    new: &ConfigSchema,
) -> Result<BrokenDefinitions, Error> {
    if !ctx.allows(Scope::RunsRead) {
        return Ok(BrokenDefinitions::default());
    }
    let (new, mut broken) = (Arc::new(new.clone()), Vec::new());
    let (mut after, mut checked): (Option<String>, usize) = (None, 0);
    while checked < MAX_CHECKED && broken.len() < MAX_ITEMS {
        let definitions = services.store.run_definitions().naming_type(type_id, after.as_deref(), AT_ONCE).await?;
        let Some(last) = definitions.last() else { break };
        after = Some(last.name.clone());
        checked += definitions.len();
        for definition in definitions {
            // Definitions were checked when they were written; one that an earlier release wrote and this one cannot read breaks by
            // itself.
            let Some(parsed) = parse(&definition) else { continue };
            let names: BTreeSet<&str> =
                parsed.0.steps.iter().filter_map(|step| Some(step.call()?.connector.as_str())).collect();
            let names: Vec<&str> = names.into_iter().take(MAX_NAMED).collect();
            if !names.iter().all(|name| ctx.may_reach(name)) {
                continue;
            }
            let known = named(ctx, services, &names).await?;
            let new = Arc::clone(&new);
            let found = blocking::run(move || Ok(newly_broken(&definition, &parsed, &known, type_id, &new))).await?;
            broken.extend(found);
        }
    }
    let is_cut = checked >= MAX_CHECKED || broken.len() > MAX_ITEMS;
    let total = is_cut.then_some(broken.len().max(MAX_ITEMS + 1));
    broken.truncate(MAX_ITEMS);
    Ok(BrokenDefinitions { items: broken, total })
}

fn parse(definition: &DefinitionRow) -> Option<(Flow, Fields)> {
    let flow = Flow::parse(&serde_json::from_str(&definition.steps).ok()?, definition.strict).ok()?;
    let inputs = parse_inputs(&serde_json::from_str(&definition.inputs).ok()?).ok()?;
    Some((flow, inputs))
}

fn newly_broken(
    definition: &DefinitionRow,
    (flow, inputs): &(Flow, Fields),
    known: &NamedConnectors,
    type_id: Uuid,
    new: &Arc<ConfigSchema>,
) -> Vec<AffectedDefinition> {
    let inputs = Inputs::Declared(inputs);
    let before = check::check(flow, &inputs, &Reached::new(&known.by_name, Vec::new())).errors;
    let changed = known.with_schema(type_id, new);
    let after = check::check(flow, &inputs, &Reached::new(&changed, Vec::new())).errors;
    let key = |item: &Item| (item.pointer.clone(), item.code.as_str(), item.column);
    let before: HashSet<_> = before.iter().map(key).collect();
    let broken = |item: Item| AffectedDefinition {
        definition: definition.name.clone(),
        version: definition.version,
        pointer: item.pointer,
        message: item.message,
    };
    after.into_iter().filter(|item| !before.contains(&key(item))).map(broken).collect()
}
