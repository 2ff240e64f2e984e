//! Checks a script before it is stored: it must compile, its top level must end, and it must define a function for
//! every command of the schema. The answer gives each mistake with line and column.

use connector_runtime::schema::ConfigSchema;

use crate::error::{Error, MAX_MISTAKES, Mistake};
use crate::openapi;
use crate::script::{Limits, ScriptFailure, ScriptProblem};
use crate::services::Services;
use crate::store::ExecutionModel;

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
    let limits = match model {
        ExecutionModel::OasDerived => services.scripts.limits.imported(),
        _ => services.scripts.limits,
    };
    if model == ExecutionModel::OasDerived {
        openapi::check_script(source).map_err(|why| Error::invalid_at("/scriptSource", why))?;
    }
    let commands: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
    check(services, "/scriptSource", source, &commands, &limits).await
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
