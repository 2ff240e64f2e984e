//! What a run is to do, as it is named on the command line: a file with its steps, or a stored definition.

use clap::Args;
use connector_runtime::schema::Fields;
use floh_client::bodies::NewRun;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::export::read_file;
use crate::cli::{CliError, values};
use crate::openapi::read_value;
use crate::runs::MAX_RUN_BYTES;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// The run: { steps, variables?, strict? } as YAML or JSON; - reads standard input.
    #[arg(required_unless_present = "definition", conflicts_with = "definition")]
    file: Option<String>,
    /// Take a stored definition in place of a file.
    #[arg(long, value_name = "NAME")]
    definition: Option<String>,
    /// The version of the definition; the newest if absent.
    #[arg(long, value_name = "N", requires = "definition", value_parser = clap::value_parser!(u64).range(1..))]
    version: Option<u64>,
    /// A variable, or an input of the definition: JSON, else text; @FILE reads a file, env:NAME a variable of the environment. May be
    /// repeated. It replaces the file's variable of that name.
    #[arg(long = "var", value_name = "NAME=VALUE")]
    variables: Vec<String>,
    /// Count warnings about references as errors, whatever the file says.
    #[arg(long, conflicts_with = "definition")]
    strict: bool,
}

/// A file with a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunFile {
    /// The steps.
    steps: Value,
    /// What the run's bag starts with.
    variables: Option<Map<String, Value>>,
    /// Whether warnings about references count as errors.
    strict: Option<bool>,
}

impl RunArgs {
    /// Reads the file, and puts the variables over it.
    ///
    /// # Errors
    /// Usage, if a file or a variable cannot be read.
    pub(super) fn read(&self) -> Result<NewRun, CliError> {
        let given = values::read_beyond(&self.variables, &Fields::default(), "variable")?;
        let Some(name) = &self.file else {
            let variables = (!given.is_empty()).then_some(given);
            let (definition, version) = (self.definition.clone(), self.version);
            return Ok(NewRun { definition, version, variables, ..NewRun::default() });
        };
        let RunFile { steps, variables, strict } = read(name)?;
        let mut variables = variables.unwrap_or_default();
        variables.extend(given);
        Ok(NewRun {
            steps: Some(steps),
            variables: (!variables.is_empty()).then_some(variables),
            strict: if self.strict { Some(true) } else { strict },
            ..NewRun::default()
        })
    }
}

/// Reads a file, or standard input if it is named `-`.
fn read(file: &str) -> Result<RunFile, CliError> {
    let bytes = read_file(file, MAX_RUN_BYTES as u64, "no run is larger")?;
    let value = read_value(&bytes).map_err(|error| CliError::Usage(format!("{file}: {error}")))?;
    serde_json::from_value(value).map_err(|error| CliError::Usage(format!("{file}: {error}")))
}
