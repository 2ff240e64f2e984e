//! What an author does with a script: check it, run it, and see what failed and where.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use connector_runtime::context::{ConnectionConfig, Invocation};
use connector_runtime::descriptor::EgressScope;
use connector_runtime::dispatch::{FinishedCall, Target, dispatch};
use connector_runtime::egress::Client;
use connector_runtime::mock::{MockScript, MockSettings};
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::schema::{Command, ConfigSchema, Fields};
use serde_json::{Value, json};

use super::{CheckArgs, RunArgs, Source};
use crate::cli::{CliError, print, values};
use crate::script::{
    CommandScripts, Limits, Pool, PoolSettings, ScriptExecutor, ScriptFailure, ScriptMocks, ScriptProblem, Scripts,
};

/// The contents of the files.
pub(super) struct Read {
    source: String,
    schema: Option<ConfigSchema>,
}

/// Returns the files that belong to a script.
pub(super) fn files(source: &Source) -> Vec<PathBuf> {
    let mut files = vec![source.file.clone()];
    files.extend(schema_file(source));
    files
}

fn schema_file(source: &Source) -> Option<PathBuf> {
    if source.schema.is_some() {
        return source.schema.clone();
    }
    let beside = [source.file.with_extension("schema.json"), source.file.with_file_name("schema.json")];
    beside.into_iter().find(|path| path.is_file())
}

pub(super) fn read(source: &Source) -> Result<Read, CliError> {
    let text = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| CliError::Usage(format!("cannot read {}: {error}", path.display())))
    };
    let script = text(&source.file)?;
    let schema = schema_file(source).map(|path| schema(&path, &text(&path)?)).transpose()?;
    Ok(Read { source: script, schema })
}

fn schema(path: &Path, text: &str) -> Result<ConfigSchema, CliError> {
    let wrong = |error: &dyn std::fmt::Display| CliError::Usage(format!("{}: {error}", path.display()));
    let value: Value = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    ConfigSchema::parse(&value).map_err(|error| wrong(&error))
}

/// Returns a sandbox with one worker, started when it is needed.
pub(super) fn scripts() -> Result<Scripts, CliError> {
    let settings = PoolSettings { workers: 2, per_connector: 1, spares: 0, ..PoolSettings::default() };
    let pool = Pool::new(settings).map_err(CliError::failed)?;
    Ok(Scripts { sandbox: Arc::new(pool), limits: Limits::default() })
}

pub(super) async fn check(args: &CheckArgs) -> Result<ExitCode, CliError> {
    let read = read(&args.source)?;
    let scripts = scripts()?;
    let commands: Vec<&str> =
        read.schema.iter().flat_map(|schema| schema.commands.keys()).map(String::as_str).collect();
    let problems = match scripts.sandbox.check(&read.source, &commands, &scripts.limits).await {
        Ok(problems) => problems,
        Err(failure @ ScriptFailure::TooLarge { .. }) => {
            vec![ScriptProblem { message: failure.to_string(), line: None, column: None }]
        }
        Err(failure) => return Err(CliError::failed(failure)),
    };
    let file = args.source.file.display();
    if args.json {
        print(json!({ "file": file.to_string(), "sound": problems.is_empty(), "problems": problems }));
    } else if problems.is_empty() {
        let told = match (&read.schema, commands.len()) {
            (None, _) => "sound; no schema, so no command was looked for".to_owned(),
            (Some(_), 1) => "sound, with its 1 command".to_owned(),
            (Some(_), count) => format!("sound, with its {count} commands"),
        };
        print(format_args!("{file}: {told}"));
    } else {
        for ScriptProblem { message, line, column } in &problems {
            print(format_args!("{file}{}: {message}", place(*line, *column)));
        }
    }
    Ok(ExitCode::from(u8::from(!problems.is_empty())))
}

/// Formats a position in the way that editors parse it.
fn place(line: Option<u32>, column: Option<u32>) -> String {
    let part = |number: Option<u32>| number.map(|number| format!(":{number}")).unwrap_or_default();
    format!("{}{}", part(line), part(column.filter(|_| line.is_some())))
}

pub(super) async fn run(args: &RunArgs) -> Result<ExitCode, CliError> {
    run_with(&scripts()?, args).await
}

pub(super) async fn run_with(scripts: &Scripts, args: &RunArgs) -> Result<ExitCode, CliError> {
    let Read { source, schema } = read(&args.source)?;
    let schema = match schema {
        Some(schema) => schema,
        None => without_schema(args)?,
    };
    let name = args.command.as_deref().or(schema.default_command.as_deref());
    let Some((name, command)) = name.and_then(|name| Some((name, schema.commands.get(name)?))) else {
        let known: Vec<&str> = schema.commands.keys().map(String::as_str).collect();
        let asked = name.map_or_else(|| "no command given".to_owned(), |name| format!("no command {name}"));
        return Err(CliError::Usage(format!("{asked}; the schema has {}", known.join(", "))));
    };
    let connection = values::read_beyond(&args.config, &schema.connection, "connection field")?;
    let params = values::read_beyond(&args.param, &command.params, "param")?;
    if params.contains_key("command") {
        return Err(CliError::Usage("param command: reserved; name the command with --command".to_owned()));
    }
    let variables = values::read_beyond(&args.variable, &Fields::new(), "variable")?;
    let redactor = Arc::new(Redactor::new(secret_texts(&schema.connection, &connection)));
    let http = Client::new(args.egress.policy().map_err(CliError::usage)?);
    let http = http.for_connection(EgressScope::default(), &schema, &connection, &redactor);
    let invocation = Invocation {
        command: Some(name.to_owned()),
        params,
        connection: Arc::new(ConnectionConfig::new(connection)),
        variables,
        timeout_ms: args.timeout_ms,
        mock_scenario: args.mock.clone(),
        log_level: args.log_level,
        http,
        redactor: Some(redactor),
        ..Invocation::default()
    };
    let schema = Arc::new(schema);
    let sources = CommandScripts::whole(&source);
    let executor = ScriptExecutor::new(scripts.clone(), "script", Arc::clone(&schema), sources);
    let mocks = ScriptMocks::new(scripts.clone(), "script", Arc::clone(&schema), &source);
    let file = args.source.file.display().to_string();
    let target = Target {
        connector: &file,
        schema: &schema,
        executor: &executor,
        mock: None::<&MockSettings>,
        mock_script: Some(&mocks as &dyn MockScript),
        timeout_ms: None,
    };
    tell(&args.source.file, args.json, dispatch(target, invocation).await)
}

/// Returns the schema for a script without one: only the requested command, which accepts any params.
fn without_schema(args: &RunArgs) -> Result<ConfigSchema, CliError> {
    let Some(name) = &args.command else {
        return Err(CliError::Usage(
            "name the command with --command; there is no schema that has a default".to_owned(),
        ));
    };
    let mut schema = ConfigSchema::default();
    schema.commands.insert(name.clone(), Command::default());
    Ok(schema)
}

/// Prints the result, and the position of a failure in the file.
fn tell(file: &Path, on_one_line: bool, done: FinishedCall) -> Result<ExitCode, CliError> {
    let result = done.reply.into_result();
    let text = if on_one_line { serde_json::to_string(&result) } else { serde_json::to_string_pretty(&result) };
    print(text.map_err(CliError::failed)?);
    if result.success {
        return Ok(ExitCode::SUCCESS);
    }
    let number = |name: &str| {
        let number = result.diagnostics.as_ref()?.get(name)?.as_u64()?;
        u32::try_from(number).ok()
    };
    let from_script = result.diagnostics.as_ref().is_some_and(|diagnostics| diagnostics.get("class").is_some());
    if let (true, Some(line)) = (from_script, number("line")) {
        let place = place(Some(line), number("column"));
        return Err(CliError::Failed(format!("{}{place}: {}", file.display(), result.error.unwrap_or_default())));
    }
    Ok(ExitCode::from(1))
}
