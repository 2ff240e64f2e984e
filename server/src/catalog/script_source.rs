//! A script on its way in: it must compile, its top level must end, and every command of the schema must be a
//! function of it. What is found stands in the answer with line and column.

use connector_runtime::schema::ConfigSchema;

use crate::api::{MAX_MISTAKES, Mistake, Problem};
use crate::app::App;
use crate::script::{Limits, ScriptFailure, ScriptProblem};
use crate::store::ExecutionModel;

/// Checks the source of a type against its schema.
///
/// # Errors
/// 422 at `/scriptSource` with everything that is wrong with it, 503 where no worker can be had.
pub(super) async fn check_source(
    app: &App,
    model: ExecutionModel,
    source: &str,
    schema: &ConfigSchema,
) -> Result<(), Problem> {
    let limits = match model {
        ExecutionModel::OasDerived => app.scripts.limits.imported(),
        _ => app.scripts.limits,
    };
    let commands: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
    check(app, "/scriptSource", source, &commands, &limits).await
}

/// Checks the script of a connector's mock settings. It may lack commands: those pass on.
///
/// # Errors
/// 422 at `/mock/script`, 503 where no worker can be had.
pub(super) async fn check_mock_script(app: &App, source: &str) -> Result<(), Problem> {
    check(app, "/mock/script", source, &[], &app.scripts.limits).await
}

async fn check(app: &App, pointer: &str, source: &str, commands: &[&str], limits: &Limits) -> Result<(), Problem> {
    match app.scripts.sandbox.check(source, commands, limits).await {
        Ok(problems) if problems.is_empty() => Ok(()),
        Ok(problems) => {
            let mistakes = problems.iter().take(MAX_MISTAKES).map(|problem| Mistake::new(pointer, placed(problem)));
            Err(Problem::invalid(mistakes.collect()))
        }
        Err(failure @ ScriptFailure::TooLarge { .. }) => Err(Problem::invalid_at(pointer, failure.to_string())),
        Err(failure) => Err(Problem::unavailable(failure.to_string())),
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
