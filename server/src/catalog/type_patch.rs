//! The body of `PUT /api/connector-types/{id}` and of its dry run, checked against the type that it is for:
//! every mistake with its JSON pointer, all in one answer.

use std::sync::Arc;

use connector_runtime::schema::{ConfigSchema, Fields};
use semver::Version;
use serde_json::Value;
use utoipa::ToSchema;

use super::endpoint::read_endpoint;
use super::import::{read_include, refused};
use crate::auth::{OpContext, Scope};
use crate::error::{Error, Mistake};
use crate::input::Form;
use crate::openapi::{self, ConnectorDraft, OperationView, Options, Spec, Warning};
use crate::services::Services;
use crate::store::{ConnectorType, ExecutionModel, TypeFields};
use crate::type_schema::{stored_schema, type_schema};
use connector_runtime::external::FetchedSchema;

/// The body of `PUT /api/connector-types/{id}`. What is absent stays as it is.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct TypeBody {
    /// The new version; at least the old one bumped at the level of the changes.
    pub version: Option<String>,
    /// Connection fields and commands, replaced whole.
    #[schema(value_type = Option<Object>)]
    pub config_schema: Option<Value>,
    /// The JavaScript of a script type.
    pub script_source: Option<String>,
    /// The OpenAPI document of an `oas_derived` type, as parse-oas takes it: in place of `configSchema` and
    /// `scriptSource`. Commands keep the names that their operations have.
    #[schema(value_type = Option<Object>)]
    pub spec: Option<Value>,
    /// With `spec`: names of the operations to take, those of the type's commands among them; all where absent.
    pub include: Option<Vec<String>>,
    /// Where an external type is served.
    pub endpoint_url: Option<String>,
    /// What it connects to.
    pub description: Option<String>,
    /// Its category; null removes it.
    pub category: Option<String>,
    /// Its tags, replaced whole.
    pub tags: Option<Vec<String>>,
    /// Takes the smallest version that the changes allow.
    pub auto_bump: Option<bool>,
}

/// The keys that the body may have.
const KEYS: &[&str] = &[
    "version",
    "configSchema",
    "scriptSource",
    "spec",
    "include",
    "endpointUrl",
    "description",
    "category",
    "tags",
    "autoBump",
];

/// What `PUT /api/connector-types/{id}` is asked: its body, and the document in it, read.
#[derive(Debug)]
pub struct TypeRequest {
    form: Form,
    spec: Option<Spec>,
}

impl TypeRequest {
    /// Takes the document out of the body and reads it.
    ///
    /// # Errors
    /// 422 with the code of the import where it cannot be read.
    pub fn read(mut form: Form) -> Result<Self, Error> {
        let spec = form.value("spec").map(Spec::of).transpose().map_err(refused)?;
        Ok(Self { form, spec })
    }

    /// Refuses an actor that may not write connectors, where the change decides where they send their secrets.
    ///
    /// # Errors
    /// Denied, at the first such key.
    pub(super) fn authorize(&self, ctx: &OpContext) -> Result<(), Error> {
        for key in ["scriptSource", "endpointUrl", "spec"] {
            if self.form.has(key) || key == "spec" && self.spec.is_some() {
                let why = format!("{key} decides what becomes of the secrets of connectors, so it");
                ctx.authorize_for(Scope::ConnectorsWrite, &why)
                    .map_err(|error| error.at(format!("/{key}"), "not allowed"))?;
            }
        }
        Ok(())
    }
}

/// What a re-import has to tell.
#[derive(Debug, Clone)]
pub(super) struct Imported {
    pub operations: Vec<OperationView>,
    pub warnings: Vec<Warning>,
}

/// A checked change of a type.
#[derive(Debug)]
pub(super) struct TypePatch {
    /// The version asked for.
    pub version: Option<Version>,
    /// Whether the smallest version that will do is to be taken.
    pub auto_bump: bool,
    /// What the type accepts so far.
    pub old: Arc<ConfigSchema>,
    /// What it is to accept.
    pub new: Arc<ConfigSchema>,
    /// The row as it is to be, but for the version.
    pub fields: TypeFields,
    /// What became of the operations, where a document was sent.
    pub imported: Option<Imported>,
}

impl TypePatch {
    /// Takes over what a service tells of itself. Its version is the one asked for, where it names one.
    ///
    /// # Errors
    /// 422 where the body names a version too, and with every other mistake in it.
    pub(super) fn refresh(
        services: &Services,
        row: &ConnectorType,
        mut form: Form,
        fetched: &FetchedSchema,
    ) -> Result<Self, Error> {
        let (sent, auto_bump) = version(&mut form);
        if let Some(served) = &fetched.version
            && (auto_bump || sent.as_ref().is_some_and(|sent| sent != served))
        {
            let key = if auto_bump { "autoBump" } else { "version" };
            form.mistake(key, format!("the service names its version itself: {served}; leave this out"));
        }
        form.finish(&["version", "autoBump"])?;
        let fields = TypeFields { config_schema: fetched.config_schema.to_value().to_string(), ..row.fields.clone() };
        let (old, new) = (shown_schema(services, row)?, Arc::new(fetched.config_schema.clone()));
        Ok(Self { version: fetched.version.clone().or(sent), auto_bump, old, new, fields, imported: None })
    }

    /// Reads the body.
    ///
    /// # Errors
    /// 422 with every mistake.
    pub(super) fn read(services: &Services, row: &ConnectorType, request: TypeRequest) -> Result<Self, Error> {
        let TypeRequest { mut form, spec } = request;
        let old = shown_schema(services, row)?;
        let draft = re_import(row, &old, &mut form, spec)?;
        let (version, auto_bump) = version(&mut form);
        let mut fields = row.fields.clone();
        let mut new = match form.value("configSchema") {
            None => Arc::clone(&old),
            Some(sent) => {
                config_schema(services, row, &mut form, &sent, &mut fields)?.unwrap_or_else(|| Arc::clone(&old))
            }
        };
        script_source(row, &mut form, &mut fields);
        endpoint_url(row, &mut form, &mut fields);
        if let Some(description) = form.text("description") {
            fields.description = description;
        }
        if form.has("category") {
            fields.category = form.short_text("category");
        }
        if let Some(tags) = form.texts("tags") {
            fields.tags = tags;
        }
        form.finish(KEYS)?;
        let imported = draft.map(|draft| {
            let mut warnings = draft.warnings;
            warnings.extend(row.fields.script_source.as_deref().into_iter().flat_map(replaced));
            fields.config_schema = draft.config_schema.to_value().to_string();
            fields.script_source = Some(draft.script_source);
            new = Arc::new(draft.config_schema);
            Imported { operations: draft.operations, warnings }
        });
        Ok(Self { version, auto_bump, old, new, fields, imported })
    }
}

/// Imports a document anew. An operation that the type has a command for keeps the command's name.
fn re_import(
    row: &ConnectorType,
    old: &ConfigSchema,
    form: &mut Form,
    spec: Option<Spec>,
) -> Result<Option<ConnectorDraft>, Error> {
    let include = read_include(form);
    let Some(spec) = spec else {
        if include.is_some() {
            form.mistake("include", "chooses operations of an OpenAPI document; send spec with it");
        }
        return Ok(None);
    };
    if row.execution_model != ExecutionModel::OasDerived {
        let model = row.execution_model;
        form.mistake("spec", format!("only for types made of an OpenAPI document (oas_derived); this one is {model}"));
        return Ok(None);
    }
    if form.has("configSchema") || form.has("scriptSource") {
        form.mistake("spec", "brings configSchema and scriptSource itself; send either the document or these");
        return Ok(None);
    }
    let sources = old.commands.iter().filter_map(|(name, command)| Some((command.source.clone()?, name.clone())));
    let options = Options { name: Some(row.name.clone()), include, tag: None, known: sources.collect() };
    spec.draft(&options).map(Some).map_err(refused)
}

/// Warns of what a person wrote into the script that a re-import replaces.
fn replaced(source: &str) -> Vec<Warning> {
    let by_hand = openapi::changed_by_hand(source).into_iter();
    let message = |name| format!("the function of {name} was changed by hand; the import has written it anew");
    by_hand.map(|name| Warning { code: "changed_by_hand", pointer: String::new(), message: message(name) }).collect()
}

/// Returns what a type's row says that it accepts. `{}` stands for whatever a compiled type has.
fn shown_schema(services: &Services, row: &ConnectorType) -> Result<Arc<ConfigSchema>, Error> {
    if row.execution_model == ExecutionModel::BuiltIn && row.fields.config_schema.trim() == "{}" {
        return type_schema(&services.registry, row);
    }
    stored_schema(&row.fields.config_schema).map(Arc::new)
}

fn is_empty(schema: &Value) -> bool {
    schema.as_object().is_some_and(serde_json::Map::is_empty)
}

fn version(form: &mut Form) -> (Option<Version>, bool) {
    let version = form.short_text("version").and_then(|text| match Version::parse(&text) {
        Ok(version) => Some(version),
        Err(error) => {
            form.mistake("version", format!("not a semantic version such as 1.2.0: {error}; got {text:?}"));
            None
        }
    });
    let auto_bump = form.flag("autoBump").unwrap_or(false);
    if auto_bump && version.is_some() {
        form.mistake("autoBump", "send either a version or autoBump, not both");
    }
    (version, auto_bump)
}

fn config_schema(
    services: &Services,
    row: &ConnectorType,
    form: &mut Form,
    sent: &Value,
    fields: &mut TypeFields,
) -> Result<Option<Arc<ConfigSchema>>, Error> {
    let compiled =
        if row.execution_model == ExecutionModel::BuiltIn { Some(type_schema(&services.registry, row)?) } else { None };
    if let Some(compiled) = compiled.as_ref().filter(|_| is_empty(sent)) {
        let shows_none =
            services.registry.get(&row.name).is_some_and(|entry| entry.descriptor().seed_row().empty_schema);
        let keeps = fields.config_schema.trim() == "{}";
        fields.config_schema = if shows_none || keeps { "{}".to_owned() } else { compiled.to_value().to_string() };
        return Ok(Some(Arc::clone(compiled)));
    }
    match ConfigSchema::parse(sent) {
        Ok(schema) => {
            if let Some(compiled) = &compiled {
                form.mistakes(lacking(sent, &schema, compiled));
            }
            fields.config_schema = schema.to_value().to_string();
            Ok(Some(Arc::new(schema)))
        }
        Err(error) => {
            let mistakes = error.problems.into_iter();
            form.mistakes(
                mistakes.map(|problem| Mistake::new(format!("/configSchema{}", problem.pointer), problem.message)),
            );
            Ok(None)
        }
    }
}

/// Names what a schema has and the compiled connector, which calls go by, has not.
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

fn script_source(row: &ConnectorType, form: &mut Form, fields: &mut TypeFields) {
    let Some(source) = form.text("scriptSource") else { return };
    if matches!(row.execution_model, ExecutionModel::Script | ExecutionModel::OasDerived) {
        fields.script_source = Some(source);
    } else {
        form.mistake("scriptSource", format!("only for types that run a script; this one is {}", row.execution_model));
    }
}

fn endpoint_url(row: &ConnectorType, form: &mut Form, fields: &mut TypeFields) {
    let Some(text) = form.text("endpointUrl") else { return };
    if row.execution_model != ExecutionModel::External {
        form.mistake("endpointUrl", format!("only for external types; this one is {}", row.execution_model));
        return;
    }
    match read_endpoint(&text) {
        Ok(_) => fields.endpoint_url = Some(text),
        Err(error) => form.mistake("endpointUrl", error),
    }
}
