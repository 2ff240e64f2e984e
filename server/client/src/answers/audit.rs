//! An entry of the audit trail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::execution::Actor;
use crate::words::{AuditAction, AuditSubject, ExecutionSource};

/// One change: who made it, to what, from where, and what was there before and after. It holds no secret, and no text of
/// a connection config beyond the origin of a URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Id (UUIDv7).
    pub id: Uuid,
    /// When it was written.
    #[serde(with = "connector_schema::times::milliseconds")]
    pub at: Timestamp,
    /// Who made the change.
    pub actor: Actor,
    /// The door that the request used.
    pub source: ExecutionSource,
    /// The address that the request came from, which is the proxy's behind a proxy; null for the server itself and for
    /// the command line.
    pub peer: Option<String>,
    /// The id of the request, as in its `x-request-id`; null for the server itself and for the command line.
    pub request_id: Option<String>,
    /// The kind of thing that was changed.
    pub subject: AuditSubject,
    /// Its id; null for a setting. That of an agent is the one that its token is bound to.
    pub subject_id: Option<String>,
    /// Its name; the last one if it was deleted.
    pub subject_name: String,
    /// What was done to it.
    pub action: AuditAction,
    /// What was there before, without secrets: of a change only what differs; null for what was created.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub before: Option<Map<String, Value>>,
    /// What is there now, without secrets: of a change only what differs; null for what was deleted.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub after: Option<Map<String, Value>>,
}
