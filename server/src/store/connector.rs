//! Connector rows, the keys that find one, and the filters of a list.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::secrets::SealedSecret;
use super::types::{ConnectorType, NewType};
use super::{Actor, ExecutionModel, LogLevel, Recording};

/// The fields of a connector that may change, without its secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorFields {
    /// Its unique name.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// Its category, if any.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it may be executed.
    pub enabled: bool,
    /// How much it logs.
    pub log_level: LogLevel,
    /// Its own deadline in milliseconds.
    pub timeout_ms: Option<u32>,
    /// How much of its executions is kept.
    pub record: Recording,
    /// Its mock settings, as the contract's `mock` object; an empty object if there are none.
    pub mock: Map<String, Value>,
    /// Its config without secret fields.
    pub config: Map<String, Value>,
    /// Where it is served, if it is an external instance of a compiled type.
    pub endpoint_url: Option<String>,
    /// How it is served if that differs from its type's model; set at creation and never changed.
    pub execution_model: Option<ExecutionModel>,
}

impl ConnectorFields {
    /// Returns the fields of a connector of which only the name is said: enabled, logging from level info on.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            category: None,
            tags: Vec::new(),
            enabled: true,
            log_level: LogLevel::Info,
            timeout_ms: None,
            record: Recording::Full,
            mock: Map::new(),
            config: Map::new(),
            endpoint_url: None,
            execution_model: None,
        }
    }
}

/// A connector as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorRow {
    /// Its id.
    pub id: Uuid,
    /// The id of its type.
    pub type_id: Uuid,
    /// The name of its type.
    pub type_name: String,
    /// The current version of its type.
    pub type_version: String,
    /// How its commands are served.
    pub execution_model: ExecutionModel,
    /// Its own endpoint, else its type's. An external connector without an endpoint is served by an agent.
    pub endpoint_url: Option<String>,
    /// How its type is served.
    pub type_model: ExecutionModel,
    /// The fields that may change.
    pub fields: ConnectorFields,
    /// Which secrets are set, and when each was written; [`super::SIGNING_SECRET`] among them.
    pub secrets: BTreeMap<String, Timestamp>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Who changed it last; `None` if a release did that which did not record it.
    pub updated_by: Option<Actor>,
    /// Increases with every change; the ETag of REST.
    pub revision: i64,
}

/// Everything that an execution needs to know of a connector, read together.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedConnector {
    /// The connector.
    pub connector: ConnectorRow,
    /// Its type.
    pub connector_type: ConnectorType,
    /// Its secrets, still sealed.
    pub secrets: Vec<SealedSecret>,
}

/// The type of a connector that is to be created.
#[expect(clippy::large_enum_variant, reason = "made once for a new connector, and moved on at once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeChoice {
    /// An existing type.
    Existing(Uuid),
    /// An existing type that must still have the revision by which the config was split into plain and secret values.
    At {
        /// The type's id.
        id: Uuid,
        /// Its revision.
        revision: i64,
    },
    /// A type to create in the same transaction.
    New(NewType),
}
