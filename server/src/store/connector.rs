//! What a connector is, how one is asked for, and which ones a list wants.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::secrets::SealedSecret;
use super::types::{ConnectorType, NewType};
use super::{ExecutionModel, LogLevel};

/// What may change about a connector, its secrets aside.
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectorFields {
    /// Its unique name.
    pub name: String,
    /// What it is for; empty when nothing is said.
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
    /// Its mock settings, as the contract's `mock` object; an empty object when there are none.
    pub mock: Map<String, Value>,
    /// Its config without secret fields.
    pub config: Map<String, Value>,
    /// Where it is served, if it is an external instance of a compiled type.
    pub endpoint_url: Option<String>,
    /// How it is served where its type says otherwise; said when it is made, and never changed.
    pub execution_model: Option<ExecutionModel>,
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
    /// Where it is served: at its own endpoint, else at its type's. Without one an external connector is an
    /// agent's.
    pub endpoint_url: Option<String>,
    /// How its type is served.
    pub type_model: ExecutionModel,
    /// What may change.
    pub fields: ConnectorFields,
    /// Which secrets are set, and when each was written; [`super::SIGNING_SECRET`] among them.
    pub secrets: BTreeMap<String, Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Goes up with every change; the ETag of REST.
    pub revision: i64,
}

/// All that an execution needs to know of a connector, read in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedConnector {
    /// The connector.
    pub connector: ConnectorRow,
    /// Its type.
    pub connector_type: ConnectorType,
    /// Its secrets, still sealed.
    pub secrets: Vec<SealedSecret>,
}

/// The type of a connector that is to be made.
#[expect(clippy::large_enum_variant, reason = "made once for a new connector, and moved on at once")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeChoice {
    /// A type that is there.
    Existing(Uuid),
    /// A type that is there and still at the revision by which the config was parted into plain and secret.
    At {
        /// The type's id.
        id: Uuid,
        /// Its revision.
        revision: i64,
    },
    /// A type to be made in the same transaction.
    New(NewType),
}
