//! The use cases of run definitions: steps that are stored under a name, with versions and inputs, and checked whenever they
//! are written, shown and started.

use connector_flow::check::{self, Inputs};
use connector_flow::definition::{Flow, parse_inputs};
use connector_flow::mistake;
use connector_runtime::schema::{FieldValues, Fields, Invalid, pointer};
use floh_client::answers::{CheckedRun, RunDefinitionSummary, RunDefinitionVersion, RunDefinitionView};
use floh_client::bodies::{NewRunDefinition, RunDefinitionChange};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::plan::placed;
use super::secrets::literal_secrets;
use super::{answer, connectors_of, find_connectors, refuse_errors};
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::catalog::Reached;
use crate::error::{Error, MAX_MISTAKES, Mistake};
use crate::input::Unchecked;
use crate::services::Services;
use crate::store::{DefinitionContent, DefinitionRow, Entity, Page, PageRequest, StoreError};

/// A definition that a run is started from.
pub(super) struct Resolved {
    pub(super) name: String,
    pub(super) version: i64,
    pub(super) flow: Flow,
    pub(super) steps: Value,
    pub(super) inputs: Fields,
}

/// What the body of a definition says.
struct Given {
    description: Option<String>,
    inputs: Option<Value>,
    steps: Value,
    strict: bool,
}

/// Creates a definition. Its steps are checked first.
///
/// # Errors
/// Denied; invalid with every mistake, and with every error of the check; conflict if the name is taken, or if there are too many
/// definitions.
pub async fn create_run_definition(
    ctx: &OpContext,
    services: &Services,
    body: Unchecked<NewRunDefinition>,
) -> Result<RunDefinitionView, Error> {
    ctx.authorize(Scope::RunsWrite)?;
    let Unchecked { body, mistakes } = body;
    let NewRunDefinition { name, description, inputs, steps, strict } = body;
    let given = Given { description, inputs, steps, strict: strict.unwrap_or(false) };
    let content = content(ctx, services, given, mistakes).await?;
    let (store, created) = (services.store.by(ctx.author()), name.clone());
    services.run_to_completion(async move { Ok(store.run_definitions().create(&created, &content).await?) }).await?;
    view(ctx, services, services.store.run_definitions().get(&name, None).await?).await
}

/// Writes the next version of a definition, if it differs from the newest one. `expected` is the version that the caller has
/// read, if it named one.
///
/// # Errors
/// Denied; not found; stale; invalid with every mistake, and with every error of the check.
pub async fn put_run_definition(
    ctx: &OpContext,
    services: &Services,
    name: &str,
    body: Unchecked<RunDefinitionChange>,
    expected: Option<i64>,
) -> Result<RunDefinitionView, Error> {
    ctx.authorize(Scope::RunsWrite)?;
    let current = reached(ctx, services, name, None).await?;
    if let Some(revision) = expected.filter(|expected| *expected != current.version) {
        return Err(StoreError::Stale { entity: Entity::RunDefinition, revision }.into());
    }
    let Unchecked { body, mistakes } = body;
    let RunDefinitionChange { description, inputs, steps, strict } = body;
    let given = Given { description, inputs, steps, strict: strict.unwrap_or(false) };
    let content = content(ctx, services, given, mistakes).await?;
    let same = |one: &str, other: &str| {
        let value = |text: &str| serde_json::from_str::<Value>(text).ok();
        one == other || value(one) == value(other)
    };
    let is_same = same(&content.steps, &current.steps)
        && same(&content.inputs, &current.inputs)
        && content.strict == current.strict
        && content.description == current.description;
    if !is_same {
        let store = services.store.by(ctx.author());
        services
            .run_to_completion(async move { Ok(store.run_definitions().add_version(&current, &content).await?) })
            .await?;
    }
    view(ctx, services, services.store.run_definitions().get(name, None).await?).await
}

/// Returns a version of a definition, the newest if none is named, with what the connectors of now say about it.
///
/// # Errors
/// Denied; not found.
pub async fn get_run_definition(
    ctx: &OpContext,
    services: &Services,
    name: &str,
    version: Option<i64>,
) -> Result<RunDefinitionView, Error> {
    ctx.authorize(Scope::RunsRead)?;
    view(ctx, services, reached(ctx, services, name, version).await?).await
}

/// Returns a page of the definitions that the caller reaches, by name.
///
/// # Errors
/// Denied; invalid if the cursor was not issued for this list.
pub async fn list_run_definitions(
    ctx: &OpContext,
    services: &Services,
    page: &PageRequest,
) -> Result<Page<RunDefinitionSummary>, Error> {
    ctx.authorize(Scope::RunsRead)?;
    Ok(services.store.run_definitions().list(ctx.bound(), page).await?)
}

/// Returns a page of the versions of a definition, newest first.
///
/// # Errors
/// Denied; not found; invalid if the cursor was not issued for this list.
pub async fn list_run_definition_versions(
    ctx: &OpContext,
    services: &Services,
    name: &str,
    page: &PageRequest,
) -> Result<Page<RunDefinitionVersion>, Error> {
    ctx.authorize(Scope::RunsRead)?;
    let row = reached(ctx, services, name, None).await?;
    let versions = services.store.run_definitions().versions(row.id, page).await?;
    let version = |head: crate::store::VersionHead| RunDefinitionVersion {
        version: head.version,
        created_at: head.created_at,
        created_by: head.created_by,
    };
    Ok(Page { items: versions.items.into_iter().map(version).collect(), next_cursor: versions.next_cursor })
}

/// Deletes a definition with its versions; its runs go on. `expected` is the version that the caller has read, if it named
/// one.
///
/// # Errors
/// Denied; not found; stale.
pub async fn delete_run_definition(
    ctx: &OpContext,
    services: &Services,
    name: &str,
    expected: Option<i64>,
) -> Result<(), Error> {
    ctx.authorize(Scope::RunsWrite)?;
    reached(ctx, services, name, None).await?;
    let (store, name) = (services.store.by(ctx.author()), name.to_owned());
    services.run_to_completion(async move { Ok(store.run_definitions().delete(&name, expected).await?) }).await
}

/// Finds what a run of a definition does.
///
/// # Errors
/// Not found; internal if it cannot be read.
pub(super) async fn resolve(
    ctx: &OpContext,
    services: &Services,
    name: &str,
    version: Option<i64>,
) -> Result<Resolved, Error> {
    let row = reached(ctx, services, name, version).await?;
    blocking::run(move || {
        let (flow, steps, inputs) = parse(&row)?;
        Ok(Resolved { name: row.name, version: row.version, flow, steps, inputs })
    })
    .await
}

/// Returns the variables of a run of a definition: what was given, checked against the inputs, and the defaults of the rest.
///
/// # Errors
/// Invalid with every mistake.
pub(super) fn apply_inputs(inputs: &Fields, given: &Map<String, Value>) -> Result<Map<String, Value>, Error> {
    let values = FieldValues::new(inputs, given);
    let at = |name: &str| pointer::join("/variables", name);
    let mut mistakes: Vec<Mistake> = values
        .unknown()
        .map(|name| Mistake::new(at(name), format!("the definition has no such input; it takes {}", listed(inputs))))
        .collect();
    let mut invalid = Invalid::default();
    values.check(&mut invalid);
    mistakes.extend(invalid.missing.iter().map(|name| Mistake::new(at(name), "this input is required")));
    mistakes.extend(invalid.problems.iter().map(|field| Mistake::new(at(&field.field), field.message.clone())));
    if !mistakes.is_empty() {
        mistakes.truncate(MAX_MISTAKES);
        return Err(Error::invalid(mistakes));
    }
    Ok(values.with_defaults())
}

fn listed(inputs: &Fields) -> String {
    if inputs.is_empty() {
        return "none".to_owned();
    }
    inputs.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// Finds a version of a definition all of whose connectors the caller reaches.
async fn reached(
    ctx: &OpContext,
    services: &Services,
    name: &str,
    version: Option<i64>,
) -> Result<DefinitionRow, Error> {
    let definitions = services.store.run_definitions();
    let row = definitions.get(name, version).await?;
    if !ctx.bound().is_all() {
        // An older version may name others.
        let (flow, ..) = parse(&row)?;
        let is_within = connectors_of(&flow).iter().all(|name| ctx.may_reach(name));
        if !is_within || definitions.is_beyond(row.id, ctx.bound()).await? {
            return Err(StoreError::NotFound { entity: Entity::RunDefinition, key: name.to_owned() }.into());
        }
    }
    Ok(row)
}

fn parse(row: &DefinitionRow) -> Result<(Flow, Value, Fields), Error> {
    let steps: Value = serde_json::from_str(&row.steps).map_err(Error::internal)?;
    let inputs: Value = serde_json::from_str(&row.inputs).map_err(Error::internal)?;
    let flow = Flow::parse(&steps, row.strict).map_err(Error::internal)?;
    let inputs = parse_inputs(&inputs).map_err(Error::internal)?;
    Ok((flow, steps, inputs))
}

/// Checks what is to be stored.
async fn content(
    ctx: &OpContext,
    services: &Services,
    given: Given,
    mistakes: Vec<Mistake>,
) -> Result<DefinitionContent, Error> {
    let Given { description, inputs, steps, strict } = given;
    let inputs = inputs.unwrap_or_else(|| json!({}));
    let (steps, inputs, flow, fields) = blocking::run(move || {
        let (flow, fields) = read(&steps, &inputs, strict, mistakes)?;
        Ok((steps, inputs, flow, fields))
    })
    .await?;
    let connectors = connectors_of(&flow).into_iter().map(str::to_owned).collect();
    let (known, others) = find_connectors(ctx, services, &flow).await?;
    blocking::run(move || {
        let reached = Reached::new(&known.by_name, others);
        refuse_errors(answer(check::check(&flow, &Inputs::Declared(&fields), &reached)))?;
        let secrets = literal_secrets(&flow, &steps, &known);
        if !secrets.is_empty() {
            let hint = "a definition is stored and shown, so it holds no secret: give this value as an input, such as \
                        \"{{password}}\" with the input { \"type\": \"string\", \"secret\": true }";
            return Err(Error::invalid(secrets.into_iter().map(|at| Mistake::new(at, hint)).collect()));
        }
        Ok(DefinitionContent {
            description,
            step_count: i64::try_from(flow.steps.len()).unwrap_or(i64::MAX),
            steps: steps.to_string(),
            inputs: inputs.to_string(),
            strict,
            checked: known.types(),
            connectors,
        })
    })
    .await
}

/// Reads steps and inputs, and reports every mistake at once.
fn read(steps: &Value, inputs: &Value, strict: bool, mut mistakes: Vec<Mistake>) -> Result<(Flow, Fields), Error> {
    let is_told = mistakes.iter().any(|mistake| mistake.pointer == "/steps");
    let mut add = |found: mistake::Mistakes, within: &Value| {
        mistakes.extend(found.0.into_iter().map(|mistake| placed(mistake, within)));
    };
    // A body without steps says so itself.
    let flow = if is_told { None } else { Flow::parse(steps, strict).map_err(|found| add(found, steps)).ok() };
    let fields = parse_inputs(inputs).map_err(|found| add(found, inputs)).ok();
    match (flow, fields) {
        (Some(flow), Some(fields)) if mistakes.is_empty() => Ok((flow, fields)),
        _ => {
            mistakes.truncate(MAX_MISTAKES);
            Err(Error::invalid(mistakes))
        }
    }
}

/// Returns the view of a version: with what the connectors of now say about it.
async fn view(ctx: &OpContext, services: &Services, row: DefinitionRow) -> Result<RunDefinitionView, Error> {
    let (row, flow, fields) = blocking::run(move || {
        let (flow, _, fields) = parse(&row)?;
        Ok((row, flow, fields))
    })
    .await?;
    let (known, others) = find_connectors(ctx, services, &flow).await?;
    let checked: CheckedRun = blocking::run(move || {
        let reached = Reached::new(&known.by_name, others);
        Ok(answer(check::check(&flow, &Inputs::Declared(&fields), &reached)))
    })
    .await?;
    let raw = |text: String| RawValue::from_string(text).map_err(Error::internal);
    Ok(RunDefinitionView {
        name: row.name,
        description: row.description,
        version: row.version,
        inputs: raw(row.inputs)?,
        steps: raw(row.steps)?,
        strict: row.strict,
        checked_against: row.checked,
        broken: checked.errors,
        warnings: checked.warnings,
        created_at: row.created_at,
        created_by: row.created_by,
    })
}
