//! Asks a service about itself: `GET /schema` and `GET /health` (docs/contract.md#protocol-20).

use std::time::Duration;

use crate::egress::{Client, EgressError, Response};
use crate::protocol::SCHEMA_HEADER;
use crate::schema::{ConfigSchema, SchemaError};
use semver::Version;
use serde_json::Value;
use url::Url;

use super::executor::below;

/// How long a service may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The schema of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct FetchedSchema {
    /// Its name, if it says one.
    pub name: Option<String>,
    /// Its version, if it says one.
    pub version: Option<Version>,
    /// What it accepts.
    pub config_schema: ConfigSchema,
}

/// Why a service could not be asked about itself.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There was no answer.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// The answer has another status than 200 to 299.
    #[error("{url} answered {status}; check endpointUrl, and that the service has this route")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is not a schema.
    #[error(
        "{url} did not answer with a schema: {why}; it should be {{ name, version, configSchema }} or a bare config schema"
    )]
    NoSchema {
        /// What was asked.
        url: String,
        /// What came instead.
        why: String,
    },
    /// The schema has mistakes.
    #[error("the schema of the service cannot be used: {0}")]
    Schema(#[from] SchemaError),
}

impl ProbeError {
    /// Returns whether the service does not have the route.
    pub fn is_no_route(&self) -> bool {
        matches!(self, Self::Status { status: 404 | 405 | 501, .. })
    }
}

/// Fetches the schema of a service: `{ name?, version?, configSchema }`, or a bare config schema.
///
/// # Errors
/// If there is no answer, or it is not a schema.
pub async fn fetch_schema(client: &Client, endpoint: &Url) -> Result<FetchedSchema, ProbeError> {
    ask_schema(client, endpoint, TIMEOUT).await?.1
}

/// The answer of a service about its schema: the header with its fingerprint, and the schema itself.
pub(super) type SchemaAnswer = (Option<String>, Result<FetchedSchema, ProbeError>);

/// Fetches the schema of a service within a timeout.
///
/// # Errors
/// If there is no answer.
pub(super) async fn ask_schema(
    client: &Client,
    endpoint: &Url,
    timeout: Duration,
) -> Result<SchemaAnswer, EgressError> {
    let url = below(endpoint, "schema");
    let response = client.get(url.clone()).no_redirects().timeout(timeout).send().await?;
    Ok((response.header(SCHEMA_HEADER).map(str::to_owned), read_schema(&url, &response)))
}

fn read_schema(url: &Url, response: &Response) -> Result<FetchedSchema, ProbeError> {
    if !response.is_success() {
        return Err(ProbeError::Status { url: url.to_string(), status: response.status() });
    }
    let wrong = |why: &str| ProbeError::NoSchema { url: url.to_string(), why: why.to_owned() };
    let body: Value = response.json().map_err(|_| wrong("the body is not valid JSON"))?;
    let map = body.as_object().ok_or_else(|| wrong("the body is not an object"))?;
    let text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(&format!("{key} is not a text"))),
    };
    let Some(schema) = map.get("configSchema") else {
        if !map.contains_key("connectionConfig") && !map.contains_key("commands") {
            return Err(wrong("it has neither configSchema nor commands"));
        }
        return Ok(FetchedSchema { name: None, version: None, config_schema: ConfigSchema::parse(&body)? });
    };
    let version = text("version")?
        .map(|version| Version::parse(&version).map_err(|_| wrong("version is not a semantic version, such as 1.0.0")));
    Ok(FetchedSchema {
        name: text("name")?,
        version: version.transpose()?,
        config_schema: ConfigSchema::parse(schema)?,
    })
}

/// Asks a service whether it is healthy: `GET /health` with 200 to 299. Returns the header of its fingerprint.
///
/// # Errors
/// If there is no answer, or another status.
pub async fn health(client: &Client, endpoint: &Url) -> Result<Option<String>, ProbeError> {
    let url = below(endpoint, "health");
    let response = client.get(url.clone()).no_redirects().timeout(TIMEOUT).send().await?;
    if !response.is_success() {
        return Err(ProbeError::Status { url: url.into(), status: response.status() });
    }
    Ok(response.header(SCHEMA_HEADER).map(str::to_owned))
}
