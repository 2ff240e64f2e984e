//! Validates the body of `PUT /api/connector-types/{id}` and of its dry run against its type: every mistake with its
//! JSON pointer, all in one answer.

use std::sync::Arc;

use connector_runtime::schema::{Command, ConfigSchema, Effect, Fields, SchemaProblem, read_url};
use floh_client::answers::{ConnectorDraft, OperationView, Warning};
use floh_client::bodies::{TypeChange, TypeRefresh};
use semver::Version;
use serde_json::Value;

use super::import::{refused, room};
use crate::auth::{OpContext, Scope};
use crate::error::{Error, Mistake};
use crate::input::Unchecked;
use crate::openapi::{self, Options, Spec};
use crate::services::Services;
use crate::store::{ConnectorType, ExecutionModel, StoredSchema, TypeFields};
use crate::type_schema::{stored_schema, type_schema};
use connector_runtime::external::FetchedSchema;

/// The result of a re-import.
#[derive(Debug, Clone)]
pub(super) struct Imported {
    pub operations: Vec<OperationView>,
    pub warnings: Vec<Warning>,
}

/// A validated change of a type.
#[derive(Debug)]
pub(super) struct TypePatch {
    /// The requested version.
    pub version: Option<Version>,
    /// Whether to choose the smallest version that is sufficient.
    pub auto_bump: bool,
    /// The schema so far.
    pub old: Arc<ConfigSchema>,
    /// The new schema.
    pub new: Arc<ConfigSchema>,
    /// The new row, except for the version.
    pub fields: TypeFields,
    /// The result of the re-import, if a document was sent.
    pub imported: Option<Imported>,
}

impl TypePatch {
    /// Builds a change from what a service publishes. The service's version is the requested one, if it names one.
    ///
    /// # Errors
    /// Invalid if the caller names a version too, and with every other mistake.
    pub(super) fn refresh(
        services: &Services,
        row: &ConnectorType,
        refresh: Unchecked<TypeRefresh>,
        fetched: &FetchedSchema,
    ) -> Result<Self, Error> {
        let mut mistakes = Vec::new();
        let body = &refresh.body;
        let (sent, auto_bump) = version(body.version.as_deref(), body.auto_bump, &mut mistakes);
        if let Some(served) = &fetched.version
            && (auto_bump || sent.as_ref().is_some_and(|sent| sent != served))
        {
            let key = if auto_bump { "/autoBump" } else { "/version" };
            let message = format!("the service names its version itself: {served}; leave this out");
            mistakes.push(Mistake::new(key, message));
        }
        mistakes.extend(refresh.mistakes);
        refuse(mistakes)?;
        let fields = TypeFields { config_schema: StoredSchema::of(&fetched.config_schema), ..row.fields.clone() };
        let (old, new) = (shown_schema(services, row)?, Arc::new(fetched.config_schema.clone()));
        Ok(Self { version: fetched.version.clone().or(sent), auto_bump, old, new, fields, imported: None })
    }

    /// Validates a change against its type.
    ///
    /// # Errors
    /// Invalid with every mistake.
    pub(super) fn of(services: &Services, row: &ConnectorType, change: Unchecked<TypeChange>) -> Result<Self, Error> {
        let Unchecked { body: change, mistakes: read } = change;
        let mut mistakes = Vec::new();
        let old = shown_schema(services, row)?;
        let brought = change.config_schema.is_some() || change.script_source.is_some();
        let draft = re_import(services, row, &old, (change.spec, change.include), brought, &mut mistakes)?;
        let (version, auto_bump) = version(change.version.as_deref(), change.auto_bump, &mut mistakes);
        let mut fields = row.fields.clone();
        let mut new = match &change.config_schema {
            None => Arc::clone(&old),
            Some(sent) => {
                config_schema(services, row, sent, &mut fields, &mut mistakes)?.unwrap_or_else(|| Arc::clone(&old))
            }
        };
        script_source(row, change.script_source, &mut fields, &mut mistakes);
        endpoint_url(row, change.endpoint_url, &mut fields, &mut mistakes);
        if let Some(description) = change.description {
            fields.description = description;
        }
        if let Some(category) = change.category {
            fields.category = category;
        }
        if let Some(tags) = change.tags {
            fields.tags = tags;
        }
        mistakes.extend(read);
        refuse(mistakes)?;
        let imported = draft.map(|draft| {
            let mut warnings = draft.warnings;
            warnings.extend(row.fields.script_source.as_deref().into_iter().flat_map(replaced));
            fields.config_schema = StoredSchema::of(&draft.config_schema);
            fields.script_source = Some(draft.script_source);
            new = Arc::new(draft.config_schema);
            Imported { operations: draft.operations, warnings }
        });
        Ok(Self { version, auto_bump, old, new, fields, imported })
    }
}

/// Refuses an actor without the scope to write connectors, if a change decides where connectors send their secrets.
///
/// # Errors
/// Denied, with the first such key.
pub(super) fn authorize(ctx: &OpContext, change: &TypeChange) -> Result<(), Error> {
    let sensitive = [
        ("scriptSource", change.script_source.is_some()),
        ("endpointUrl", change.endpoint_url.is_some()),
        ("spec", change.spec.is_some()),
    ];
    for (key, _) in sensitive.into_iter().filter(|(_, sent)| *sent) {
        let why = format!("{key} decides what becomes of the secrets of connectors, so it");
        ctx.authorize_for(Scope::ConnectorsWrite, &why).map_err(|error| error.at(format!("/{key}"), "not allowed"))?;
    }
    Ok(())
}

/// Refuses an actor without the scope to write connectors, if a change decides what of connections is secret, what is
/// asked of it, or where it may go.
///
/// # Errors
/// Denied, with the place.
pub(super) fn authorize_connection(ctx: &OpContext, patch: &TypePatch) -> Result<(), Error> {
    let (old, new) = (&patch.old, &patch.new);
    let part = match () {
        () if old.connection != new.connection || old.open != new.open => "connectionConfig",
        () if old.egress != new.egress => "egress",
        () => return Ok(()),
    };
    let why = format!("{part} decides what becomes of the secrets of connectors, so a change of it");
    ctx.authorize_for(Scope::ConnectorsWrite, &why)
        .map_err(|error| error.at(format!("/configSchema/{part}"), "not allowed"))
}

/// Refuses an actor without the scope to write connectors, if a change declares that a command reads which so far did not:
/// tokens with `connectors:execute:read` may run it then.
///
/// # Errors
/// Denied, with the place of the first such command.
pub(super) fn authorize_effects(ctx: &OpContext, patch: &TypePatch) -> Result<(), Error> {
    let reads = |command: &Command| command.effect == Some(Effect::Read);
    let mut declared =
        patch.new.commands.iter().filter(|(name, command)| {
            reads(command) && patch.old.commands.get(*name).is_some_and(|before| !reads(before))
        });
    let Some((name, _)) = declared.next() else { return Ok(()) };
    let why = format!("that {name} reads lets tokens with {} run it, so declaring it", Scope::ConnectorsExecuteRead);
    ctx.authorize_for(Scope::ConnectorsWrite, &why)
        .map_err(|error| error.at(format!("/configSchema/commands/{name}/effect"), "not allowed"))
}

fn refuse(mistakes: Vec<Mistake>) -> Result<(), Error> {
    if mistakes.is_empty() { Ok(()) } else { Err(Error::invalid(mistakes)) }
}

/// Imports a document again. An operation that already has a command keeps the command's name.
fn re_import(
    services: &Services,
    row: &ConnectorType,
    old: &ConfigSchema,
    (spec, include): (Option<Value>, Option<Vec<String>>),
    schema_or_script_sent: bool,
    mistakes: &mut Vec<Mistake>,
) -> Result<Option<ConnectorDraft>, Error> {
    let Some(spec) = spec else {
        if include.is_some() {
            let message = "chooses operations of an OpenAPI document; send spec with it";
            mistakes.push(Mistake::new("/include", message));
        }
        return Ok(None);
    };
    // Its memory is given back when the draft is made.
    let _reserved = room(&services.work.memory, &spec)?;
    let spec = Spec::of(spec).map_err(refused)?;
    if row.execution_model != ExecutionModel::OasDerived {
        let model = row.execution_model;
        let message = format!("only for types made of an OpenAPI document (oas_derived); this one is {model}");
        mistakes.push(Mistake::new("/spec", message));
        return Ok(None);
    }
    if schema_or_script_sent {
        let message = "brings configSchema and scriptSource itself; send either the document or these";
        mistakes.push(Mistake::new("/spec", message));
        return Ok(None);
    }
    let sources = old.commands.iter().filter_map(|(name, command)| Some((command.source.clone()?, name.clone())));
    let schemes = row.fields.script_source.as_deref().map(openapi::script_schemes).unwrap_or_default();
    let options = Options {
        name: Some(row.name.clone()),
        include,
        tag: None,
        known: sources.collect(),
        schemes,
        egress: Some(services.http.policy().clone()),
        ..Options::default()
    };
    spec.draft(&options).map(Some).map_err(refused)
}

/// Warns that a re-import replaces a script that a person has edited.
fn replaced(source: &str) -> Vec<Warning> {
    let by_hand = openapi::changed_by_hand(source).into_iter();
    let message = |name| format!("the function of {name} was changed by hand; the import has overwritten it");
    by_hand
        .map(|name| Warning { code: "changed_by_hand".into(), pointer: String::new(), message: message(name) })
        .collect()
}

/// Returns the schema that a type's row shows. `{}` means the compiled schema.
fn shown_schema(services: &Services, row: &ConnectorType) -> Result<Arc<ConfigSchema>, Error> {
    if row.execution_model == ExecutionModel::BuiltIn && row.fields.config_schema == StoredSchema::Empty {
        return type_schema(&services.registry, row);
    }
    stored_schema(&row.fields.config_schema).map(Arc::new)
}

fn is_empty(schema: &Value) -> bool {
    schema.as_object().is_some_and(serde_json::Map::is_empty)
}

fn version(sent: Option<&str>, auto_bump: Option<bool>, mistakes: &mut Vec<Mistake>) -> (Option<Version>, bool) {
    let version = sent.and_then(|text| match Version::parse(text) {
        Ok(version) => Some(version),
        Err(error) => {
            let message = format!("not a semantic version such as 1.2.0: {error}; got {text:?}");
            mistakes.push(Mistake::new("/version", message));
            None
        }
    });
    let auto_bump = auto_bump.unwrap_or(false);
    if auto_bump && version.is_some() {
        mistakes.push(Mistake::new("/autoBump", "send either a version or autoBump, not both"));
    }
    (version, auto_bump)
}

fn config_schema(
    services: &Services,
    row: &ConnectorType,
    sent: &Value,
    fields: &mut TypeFields,
    mistakes: &mut Vec<Mistake>,
) -> Result<Option<Arc<ConfigSchema>>, Error> {
    let compiled =
        if row.execution_model == ExecutionModel::BuiltIn { Some(type_schema(&services.registry, row)?) } else { None };
    if let Some(compiled) = compiled.as_ref().filter(|_| is_empty(sent)) {
        let shows_none =
            services.registry.get(&row.name).is_some_and(|entry| entry.descriptor().seed_row().empty_schema);
        let keeps = fields.config_schema == StoredSchema::Empty;
        fields.config_schema = if shows_none || keeps { StoredSchema::Empty } else { StoredSchema::of(compiled) };
        return Ok(Some(Arc::clone(compiled)));
    }
    match ConfigSchema::parse(sent) {
        Ok(schema) => {
            if let Some(compiled) = &compiled {
                mistakes.extend(lacking(sent, &schema, compiled));
            }
            if fields.config_schema == StoredSchema::Open && schema.commands.is_empty() {
                let message = "declares no command, so nothing could be called; the type has no schema now and takes any \
                               command: declare its commands, or leave this out";
                mistakes.push(Mistake::new("/configSchema", message));
            }
            fields.config_schema = StoredSchema::of(&schema);
            Ok(Some(Arc::new(schema)))
        }
        Err(error) => {
            let place =
                |problem: SchemaProblem| Mistake::new(format!("/configSchema{}", problem.pointer), problem.message);
            mistakes.extend(error.problems.into_iter().map(place));
            Ok(None)
        }
    }
}

/// Names the parts of a sent schema that are missing in the compiled connector, which validates the calls.
fn lacking(sent: &Value, schema: &ConfigSchema, compiled: &ConfigSchema) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let mut lacks = |pointer: String, what: String, known: Vec<&String>| {
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        let known = if known.is_empty() { "it has none".to_owned() } else { format!("known are {}", known.join(", ")) };
        mistakes.push(Mistake::new(pointer, format!("the compiled connector has no {what}; {known}")));
    };
    let missing = |fields: &Fields, known: &Fields| -> Vec<String> {
        fields.keys().filter(|name| !known.contains_key(*name)).cloned().collect()
    };
    for name in missing(&schema.connection, &compiled.connection) {
        let pointer = format!("/configSchema/connectionConfig/{name}");
        lacks(pointer, format!("connection field {name}"), compiled.connection.keys().collect());
    }
    for (name, command) in &schema.commands {
        let at = format!("/commands/{name}");
        let Some(known) = compiled.commands.get(name) else {
            lacks(format!("/configSchema{at}"), format!("command {name}"), compiled.commands.keys().collect());
            continue;
        };
        for param in missing(&command.params, &known.params) {
            let described = format!("{at}/paramSchema/{param}");
            let place = if sent.pointer(&described).is_some() { described } else { format!("{at}/params") };
            lacks(format!("/configSchema{place}"), format!("param {param} of {name}"), known.params.keys().collect());
        }
    }
    mistakes
}

fn script_source(row: &ConnectorType, sent: Option<String>, fields: &mut TypeFields, mistakes: &mut Vec<Mistake>) {
    let Some(source) = sent else { return };
    if matches!(row.execution_model, ExecutionModel::Script | ExecutionModel::OasDerived) {
        fields.script_source = Some(source);
    } else {
        let message = format!("only for types that run a script; this one is {}", row.execution_model);
        mistakes.push(Mistake::new("/scriptSource", message));
    }
}

fn endpoint_url(row: &ConnectorType, sent: Option<String>, fields: &mut TypeFields, mistakes: &mut Vec<Mistake>) {
    let Some(text) = sent else { return };
    if row.execution_model != ExecutionModel::External {
        let message = format!("only for external types; this one is {}", row.execution_model);
        mistakes.push(Mistake::new("/endpointUrl", message));
        return;
    }
    match read_url(&text) {
        Ok(_) => fields.endpoint_url = Some(text),
        Err(error) => mistakes.push(Mistake::new("/endpointUrl", error)),
    }
}
