//! Checks a script before it is stored: it must compile, its top level must end, and it must define a function for
//! every command of the schema. The answer gives each mistake with line and column.

use connector_runtime::schema::{CONNECTOR_NAME_RULE, ConfigSchema, is_command_name, is_connector_name};
use semver::Version;
use serde_json::Value;

use super::create::parse_schema;
use crate::auth::{OpContext, Scope};
use crate::blocking;
use crate::error::{Error, MAX_MISTAKES, Mistake};
use crate::openapi;
use crate::script::sample;
use crate::script::{Limits, ScriptFailure, ScriptProblem};
use crate::services::Services;
use crate::store::{ExecutionModel, StoreError};

/// The sample script and its schema, with which somebody begins.
pub fn sample_script() -> (&'static str, Value) {
    let schema = sample::schema().map(|schema| schema.to_value());
    (sample::SOURCE, schema.unwrap_or_default())
}

/// Returns the name of the type of a connector whose script the caller wants to change.
///
/// # Errors
/// Denied; not found; invalid if the connector is no script.
pub async fn script_type_of(ctx: &OpContext, services: &Services, connector: &str) -> Result<String, Error> {
    ctx.authorize(Scope::TypesWrite)?;
    ctx.authorize(Scope::ConnectorsWrite)?;
    let row = services.store.connectors().get(connector).await?;
    ctx.authorize_connector(connector, &row.fields.name)?;
    if row.type_model != ExecutionModel::Script {
        let message = format!("connector {connector} is {}, not script: it has no script of its own", row.type_model);
        return Err(Error::invalid_at("/connector", message));
    }
    Ok(row.type_name)
}

/// A type that runs a script, as somebody is writing it.
#[derive(Debug, Clone, Copy)]
pub struct WrittenType<'w> {
    /// The name of a new type; `None` for a type that is there already.
    pub name: Option<&'w str>,
    /// Its version.
    pub version: Option<&'w str>,
    /// Whether it is a script or an import.
    pub model: ExecutionModel,
    /// Its config schema.
    pub schema: &'w Value,
    /// Its script.
    pub source: &'w str,
}

/// Checks a type that somebody is writing as its creation would, and writes nothing. The script is checked also if the
/// schema is wrong, so that one look shows both.
///
/// # Errors
/// Denied; 422 with every mistake at `/type`, `/version`, `/configSchema` and `/scriptSource`; 503 if no worker is
/// available.
pub async fn check_written(
    ctx: &OpContext,
    services: &Services,
    written: WrittenType<'_>,
) -> Result<ConfigSchema, Error> {
    if !ctx.allows(Scope::TypesWrite) {
        ctx.authorize_for(Scope::ConnectorsWrite, "checking a script")?;
    }
    let mut mistakes = Vec::new();
    if let Some(name) = written.name {
        if !is_connector_name(name) {
            mistakes.push(Mistake::new("/type", CONNECTOR_NAME_RULE));
        } else if ctx.allows(Scope::TypesRead) {
            match services.store.types().get(name).await {
                Ok(_) => mistakes.push(Mistake::new("/type", format!("there is a connector type {name} already"))),
                Err(StoreError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if let Some(Err(error)) = written.version.map(Version::parse) {
        mistakes.push(Mistake::new("/version", format!("not a semantic version such as 1.0.0: {error}")));
    }
    let schema = written.schema.clone();
    let named = command_names(&schema);
    let (schema, wrong) = match blocking::run(move || Ok(parse_schema(&schema))).await? {
        Ok(schema) => (schema, Vec::new()),
        Err(problems) => (ConfigSchema::default(), problems),
    };
    mistakes.extend(wrong);
    // A schema that is wrong names its commands as well.
    let commands: Vec<&str> = match mistakes.is_empty() {
        true => schema.commands.keys().map(String::as_str).collect(),
        false => named.iter().map(String::as_str).collect(),
    };
    match check_commands(services, written.model, written.source, &commands).await {
        Ok(()) if mistakes.is_empty() => Ok(schema),
        Ok(()) => Err(Error::invalid(mistakes)),
        Err(error) if !error.mistakes().is_empty() => {
            mistakes.extend(error.mistakes().iter().cloned());
            Err(Error::invalid(mistakes))
        }
        Err(error) => Err(error),
    }
}

/// Checks the source of a type against its schema.
///
/// # Errors
/// 422 at `/scriptSource` with every mistake, 503 if no worker is available.
pub(super) async fn check_source(
    services: &Services,
    model: ExecutionModel,
    source: &str,
    schema: &ConfigSchema,
) -> Result<(), Error> {
    let commands: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
    check_commands(services, model, source, &commands).await
}

/// Returns the names of the commands of a schema that may be wrong elsewhere.
fn command_names(schema: &Value) -> Vec<String> {
    let commands = schema.get("commands").and_then(Value::as_object);
    commands.into_iter().flat_map(|commands| commands.keys()).filter(|name| is_command_name(name)).cloned().collect()
}

async fn check_commands(
    services: &Services,
    model: ExecutionModel,
    source: &str,
    commands: &[&str],
) -> Result<(), Error> {
    let limits = match model {
        ExecutionModel::OasDerived => services.scripts.limits.imported(),
        _ => services.scripts.limits,
    };
    if model == ExecutionModel::OasDerived {
        openapi::check_script(source).map_err(|why| Error::invalid_at("/scriptSource", why))?;
    }
    check(services, "/scriptSource", source, commands, &limits).await
}

/// Checks the script of a connector's mock settings. It may lack commands: the mock chain then goes on.
///
/// # Errors
/// 422 at `/mock/script`, 503 if no worker is available.
pub(super) async fn check_mock_script(services: &Services, source: &str) -> Result<(), Error> {
    check(services, "/mock/script", source, &[], &services.scripts.limits).await
}

async fn check(
    services: &Services,
    pointer: &str,
    source: &str,
    commands: &[&str],
    limits: &Limits,
) -> Result<(), Error> {
    match services.scripts.sandbox.check(source, commands, limits).await {
        Ok(problems) if problems.is_empty() => Ok(()),
        Ok(problems) => {
            let mistake =
                |problem: &ScriptProblem| Mistake::new(pointer, placed(problem)).at(problem.line, problem.column);
            Err(Error::invalid(problems.iter().take(MAX_MISTAKES).map(mistake).collect()))
        }
        Err(failure @ ScriptFailure::TooLarge { .. }) => Err(Error::invalid_at(pointer, failure.to_string())),
        Err(failure) => Err(Error::unavailable(failure.to_string())),
    }
}

fn placed(problem: &ScriptProblem) -> String {
    let ScriptProblem { message, line, column } = problem;
    match (line, column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: {message}"),
        (Some(line), None) => format!("line {line}: {message}"),
        _ => message.clone(),
    }
}
