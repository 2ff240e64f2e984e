//! The file with a run.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::CliError;
use crate::cli::export::read_file;
use crate::openapi::read_value;
use crate::runs::MAX_RUN_BYTES;

/// A file with a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunFile {
    /// The steps.
    pub(super) steps: Value,
    /// What the run's bag starts with.
    pub(super) variables: Option<Map<String, Value>>,
    /// Whether warnings about references count as errors.
    pub(super) strict: Option<bool>,
}

/// Reads a file, or standard input if it is named `-`.
pub(super) fn read(file: &str) -> Result<RunFile, CliError> {
    let bytes = read_file(file, MAX_RUN_BYTES as u64, "no run is larger")?;
    let value = read_value(&bytes).map_err(|error| CliError::Usage(format!("{file}: {error}")))?;
    serde_json::from_value(value).map_err(|error| CliError::Usage(format!("{file}: {error}")))
}
