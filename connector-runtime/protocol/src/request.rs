//! The body of `POST /execute` (the guide, "Execute Request").

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A command for a service. Keys that it does not know are passed over, as later 2.x may bring some.
///
/// `config` holds secrets, and so may the rest: `Debug` tells the command alone.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteRequest<'a> {
    /// The version of the protocol: [`super::VERSION`].
    pub protocol_version: Cow<'a, str>,
    /// The command; the type's default one where absent.
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
    /// What else belongs to the call.
    #[serde(default)]
    pub metadata: Metadata<'a>,
}

/// What belongs to a call beside its values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// Id of the workflow step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_id: Option<Cow<'a, str>>,
    /// Id of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<Cow<'a, str>>,
    /// How long the service has, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// Names the call: one that comes again with the same key must not act twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<Cow<'a, str>>,
}

impl fmt::Debug for ExecuteRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecuteRequest").field("command", &self.command).finish_non_exhaustive()
    }
}
