//! `floh types` and `floh schema`.

use std::process::ExitCode;

use clap::Args;
use connector_runtime::registry::Registry;
use serde_json::json;

use super::{CliError, entry, print};

#[derive(Debug, Args)]
pub(super) struct TypesArgs {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Name of the connector type.
    #[arg(value_name = "TYPE")]
    name: String,
    /// Print JSON Schema 2020-12 instead of the config schema.
    #[arg(long)]
    json_schema: bool,
    /// Print JSON; the output is JSON anyway.
    #[arg(long)]
    json: bool,
}

pub(super) fn list(registry: &Registry, args: &TypesArgs) -> Result<ExitCode, CliError> {
    if args.json {
        let types: Vec<_> = registry
            .iter()
            .map(|entry| {
                let descriptor = entry.descriptor();
                let commands: Vec<&str> = descriptor.commands.iter().map(|command| command.name).collect();
                json!({
                    "name": descriptor.name,
                    "version": descriptor.version,
                    "executionModel": "built_in",
                    "description": descriptor.description,
                    "category": descriptor.category,
                    "commands": commands,
                })
            })
            .collect();
        print(serde_json::to_string_pretty(&types).map_err(CliError::failed)?);
        return Ok(ExitCode::SUCCESS);
    }
    let width = registry.names().map(str::len).max().unwrap_or_default();
    for entry in registry.iter() {
        let descriptor = entry.descriptor();
        let summary = descriptor.description.lines().next().unwrap_or_default();
        print(format_args!("{:width$}  {:8}  {summary}", descriptor.name, descriptor.version));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn schema(registry: &Registry, args: &SchemaArgs) -> Result<ExitCode, CliError> {
    let entry = entry(registry, &args.name)?;
    let value = if args.json_schema {
        crate::catalog::json_schemas(entry.descriptor().name, entry.descriptor().version, entry.schema())
    } else {
        entry.schema().to_value()
    };
    print(serde_json::to_string_pretty(&value).map_err(CliError::failed)?);
    Ok(ExitCode::SUCCESS)
}
