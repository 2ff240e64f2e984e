//! The body of `POST /execute` (docs/contract.md#protocol-20).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most bytes of a body, in both directions.
pub const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// A command for a service. Unknown keys are ignored, because later 2.x versions may add some.
///
/// `config` holds secrets, and the rest may hold some: `Debug` shows only the command.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteRequest<'a> {
    /// The version of the protocol: [`VERSION`](super::VERSION).
    pub protocol_version: Cow<'a, str>,
    /// The command; `None` for the type's default command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Cow<'a, str>>,
    /// The decrypted connection config.
    #[serde(default)]
    pub config: Cow<'a, Map<String, Value>>,
    /// The params, without `command`.
    #[serde(default)]
    pub params: Cow<'a, Map<String, Value>>,
    /// The run's variables.
    #[serde(default)]
    pub variables: Cow<'a, Map<String, Value>>,
    /// Ids and limits of the call.
    #[serde(default)]
    pub metadata: Metadata<'a>,
}

/// Ids and limits of a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// Id of the workflow step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<Cow<'a, str>>,
    /// Id of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Cow<'a, str>>,
    /// How long the service may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// The key of the call: a call that comes again with the same key must not take effect twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<Cow<'a, str>>,
}

impl fmt::Debug for ExecuteRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteRequest").field("command", &self.command).finish_non_exhaustive()
    }
}
