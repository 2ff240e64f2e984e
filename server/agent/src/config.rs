//! `agent.toml`: the agent's id, what it serves, and where it may go.
//!
//! Everything is read and checked at the start: unknown keys, addresses that the list does not open, secrets that
//! cannot be read. Error texts quote no values, because any may be a secret.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use connector_runtime::Secret;
use connector_runtime::egress::{Policy, PolicyError};
use connector_runtime::protocol::frames::ConfigPlace;
use connector_runtime::redact::{Redactor, secret_texts};
use connector_runtime::registry::Registry;
use connector_runtime::schema::{
    CONNECTOR_NAME_RULE, ConfigSchema, FieldKind, FieldValues, Invalid, MAX_SECRET_BYTES, is_connector_name,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Url;

use super::secret_file;
use connector_runtime::process::secret_variable;

/// The default number of concurrent commands.
const DEFAULT_CONCURRENT: u32 = 32;
/// The maximum number of concurrent commands.
const MAX_CONCURRENT: u32 = 4096;
/// The settings of an agent: its id, what it serves, and where it may go.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// Its id, to which its token is bound.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// The maximum number of concurrent commands.
    pub max_concurrent: u32,
    /// Where the connection configs are.
    pub place: ConfigPlace,
    /// Where requests may go.
    pub policy: Policy,
    /// What it serves, by name.
    pub connectors: BTreeMap<String, ConnectorConfig>,
}

/// One connector that an agent serves.
#[derive(Debug, Clone)]
pub struct ConnectorConfig {
    /// What executes its commands.
    pub kind: Kind,
    /// Its connection config, if the agent holds it.
    pub config: Option<LocalConfig>,
}

/// What executes the commands of a connector.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A connector type of this program.
    BuiltIn(String),
    /// A service inside the network that speaks protocol 2.0.
    Floh(Endpoint),
    /// A service that takes the params at the command's path.
    Plain(Endpoint),
}

/// A service inside the network.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its URL.
    pub url: Url,
    /// The secret with which calls are signed.
    pub signing_secret: Option<Secret>,
}

/// A connection config that never leaves the agent.
#[derive(Clone, Default, PartialEq)]
pub struct LocalConfig(pub Map<String, Value>);

impl std::fmt::Debug for LocalConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Why `agent.toml` cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not valid TOML, or has an unknown or a missing key.
    #[error("{path}, line {line} column {column}: {why}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong.
        why: String,
    },
    /// A value is invalid.
    #[error("{path}, {key}: {why}", path = path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// What is wrong, and how to fix it.
        why: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    id: String,
    name: Option<String>,
    max_concurrent: Option<u32>,
    #[serde(default)]
    config: ConfigPlace,
    #[serde(default)]
    allow: Vec<String>,
    #[serde(default)]
    connectors: BTreeMap<String, ConnectorEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConnectorEntry {
    #[serde(rename = "type")]
    type_name: Option<String>,
    url: Option<String>,
    protocol: Option<Protocol>,
    signing_secret: Option<Reference>,
    config: Option<toml::Table>,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Floh,
    Plain,
}

/// The location of a secret, or the secret itself.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    env: Option<String>,
    file: Option<PathBuf>,
}

impl AgentConfig {
    /// Reads a file; the types are those of `registry`. Relative paths in the file are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`] with the first mistake.
    pub fn read(path: &Path, registry: &Registry) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Io { path: path.to_owned(), source })?;
        Self::parse(&text, path, registry)
    }

    /// Parses the text of the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] with the first mistake.
    pub fn parse(text: &str, path: &Path, registry: &Registry) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| syntax(path, text, &error))?;
        let refuse = |key: &str, why: String| ConfigError::Value { path: path.to_owned(), key: key.to_owned(), why };
        let id = file.id.trim().to_owned();
        if id.is_empty() || id.len() > 128 || id.chars().any(char::is_control) {
            return Err(refuse(
                "id",
                "it must be a text of at most 128 bytes, the one that the token is bound to".into(),
            ));
        }
        let max_concurrent = file.max_concurrent.unwrap_or(DEFAULT_CONCURRENT);
        if !(1..=MAX_CONCURRENT).contains(&max_concurrent) {
            return Err(refuse("max-concurrent", format!("it must be a number from 1 to {MAX_CONCURRENT}")));
        }
        let policy = Policy::only(&file.allow).map_err(|error: PolicyError| refuse("allow", error.to_string()))?;
        if file.connectors.is_empty() {
            let why = "there is none; write a table [connectors.NAME] for each connector to serve";
            return Err(refuse("connectors", why.into()));
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut connectors = BTreeMap::new();
        for (name, connector) in file.connectors {
            let reader = Reader { name: &name, folder, place: file.config, registry };
            let read = reader.read(connector).map_err(|(key, why)| refuse(&key, why))?;
            connectors.insert(name, read);
        }
        let name = file.name.unwrap_or_else(|| id.clone());
        Ok(Self { id, name, max_concurrent, place: file.config, policy, connectors })
    }
}

/// Reads one connector; an error is the key and what is wrong.
struct Reader<'r> {
    name: &'r str,
    folder: &'r Path,
    place: ConfigPlace,
    registry: &'r Registry,
}

type Mistake = (String, String);

impl Reader<'_> {
    fn read(&self, connector: ConnectorEntry) -> Result<ConnectorConfig, Mistake> {
        if !is_connector_name(self.name) {
            return Err(self.mistake("", CONNECTOR_NAME_RULE));
        }
        let ConnectorEntry { type_name, url, protocol, signing_secret, config } = connector;
        let (kind, schema) = match (type_name, url) {
            (Some(type_name), None) => {
                if protocol.is_some() || signing_secret.is_some() {
                    return Err(self.mistake("", "protocol and signing-secret belong to a url, not to a type"));
                }
                let Some(entry) = self.registry.get(&type_name) else {
                    let known: Vec<_> = self.registry.names().collect();
                    let why = format!("this program has no connector type of that name; it has {}", known.join(", "));
                    return Err(self.mistake(".type", why));
                };
                (Kind::BuiltIn(type_name), Some(entry.schema()))
            }
            (None, Some(url)) => {
                let endpoint = self.endpoint(&url, signing_secret)?;
                match protocol.unwrap_or(Protocol::Floh) {
                    Protocol::Floh => (Kind::Floh(endpoint), None),
                    Protocol::Plain if config.is_some() => {
                        let why = "a plain service is sent no connection config; remove it";
                        return Err(self.mistake(".config", why));
                    }
                    Protocol::Plain => (Kind::Plain(endpoint), None),
                }
            }
            _ => return Err(self.mistake("", "it needs either type (served here) or url (a service to forward to)")),
        };
        let config = match (self.place, config) {
            (ConfigPlace::Server, None) => None,
            (ConfigPlace::Server, Some(_)) => {
                let why = "it would not be used, as the server sends the connection configs; write config = \"agent\" \
                           at the top of the file, which is for all connectors, or remove it";
                return Err(self.mistake(".config", why));
            }
            (ConfigPlace::Agent, table) => Some(self.config(table.unwrap_or_default(), schema.map(|arc| &**arc))?),
        };
        Ok(ConnectorConfig { kind, config })
    }

    fn endpoint(&self, url: &str, signing_secret: Option<Reference>) -> Result<Endpoint, Mistake> {
        let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url.ok_or_else(|| self.mistake(".url", "it is no URL like http://sap.internal:8080"))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(self.mistake(".url", "it must have no user name, password, query or fragment"));
        }
        let secret = signing_secret.map(|reference| self.secret(".signing-secret", &reference)).transpose()?;
        Ok(Endpoint { url, signing_secret: secret })
    }

    /// Reads a connection config and validates it by the type's fields, if they are known.
    fn config(&self, table: toml::Table, schema: Option<&ConfigSchema>) -> Result<LocalConfig, Mistake> {
        let mut values = Map::new();
        for (field, value) in table {
            let key = format!(".config.{field}");
            let is_object = schema
                .and_then(|schema| schema.connection.get(&field))
                .is_some_and(|field| matches!(field.kind, FieldKind::Object | FieldKind::Raw | FieldKind::Array));
            let value = match value {
                toml::Value::Table(table) if !is_object && is_reference(&table) => {
                    let reference: Reference = table
                        .try_into()
                        .map_err(|_| self.mistake(&key, "write { env = \"NAME\" } or { file = \"PATH\" }"))?;
                    Value::from(self.secret(&key, &reference)?.expose())
                }
                other => json(other),
            };
            values.insert(field, value);
        }
        if let Some(schema) = schema {
            if let Some(unknown) = values.keys().find(|name| !schema.connection.contains_key(*name)) {
                let known = schema.connection.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                return Err(
                    self.mistake(&format!(".config.{unknown}"), format!("the type has no such field; it has {known}"))
                );
            }
            let mut invalid = Invalid::default();
            FieldValues::new(&schema.connection, &values).check(&mut invalid);
            let redactor = Redactor::new(secret_texts(&schema.connection, &values));
            invalid.into_result().map_err(|invalid| self.mistake(".config", redactor.text(&invalid.to_string())))?;
        }
        Ok(LocalConfig(values))
    }

    fn secret(&self, key: &str, reference: &Reference) -> Result<Secret, Mistake> {
        match (&reference.env, &reference.file) {
            (Some(name), None) => match secret_variable(name) {
                Some(secret) if secret.expose().len() > MAX_SECRET_BYTES => {
                    let why = format!("the variable {name} has more than the {MAX_SECRET_BYTES} bytes of a secret");
                    Err(self.mistake(key, why))
                }
                Some(secret) => Ok(secret),
                None => Err(self.mistake(key, format!("the variable {name} is not set"))),
            },
            (None, Some(file)) => {
                secret_file::read(&self.folder.join(file)).map_err(|error| self.mistake(key, error.to_string()))
            }
            _ => Err(self.mistake(key, "write either { env = \"NAME\" } or { file = \"PATH\" }")),
        }
    }

    fn mistake(&self, key: &str, why: impl Into<String>) -> Mistake {
        (format!("connectors.{}{key}", self.name), why.into())
    }
}

/// Returns whether a table refers to a secret: it has one key, `env` or `file`.
fn is_reference(table: &toml::Table) -> bool {
    table.len() == 1 && (table.contains_key("env") || table.contains_key("file"))
}

/// Converts TOML to JSON: times become texts, and numbers that JSON cannot express become null.
fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(parts) => parts.into_iter().map(json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json(value))).collect(),
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
    }
}

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ConfigError::Syntax { path: path.to_owned(), line, column, why: error.message().to_owned() }
}
