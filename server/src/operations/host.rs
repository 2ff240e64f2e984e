//! What a changed function may ask of the server: everything that a script may, and `floh.operation`.

use connector_runtime::Secret;
use connector_runtime::log::LogLevel;
use connector_runtime::outcome::BoxFuture;
use futures_util::FutureExt;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::run::{Connection, Ended};
use crate::script::{HostCalls, HttpAnswer, HttpCall, HttpFault, Left, OperationCall, TokenCall};

/// The host of one run.
pub(super) struct OperationHost<'h> {
    pub(super) connection: Connection<'h>,
    /// The params of the call.
    pub(super) params: &'h Map<String, Value>,
}

/// A result as a script sees it.
#[derive(Serialize)]
struct Shown<'s> {
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<&'s RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'s str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diagnostics: Option<&'s Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variables: Option<&'s Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    headers: &'s Map<String, Value>,
}

fn shown(ended: &Ended) -> Result<String, serde_json::Error> {
    let Ended { reply, status, headers } = ended;
    let payload = reply.payload.as_ref().map(|text| serde_json::from_str(text.get())).transpose()?;
    serde_json::to_string(&Shown {
        success: reply.success,
        payload,
        error: reply.error.as_deref(),
        diagnostics: reply.diagnostics.as_deref(),
        variables: reply.variables.as_deref(),
        status: *status,
        headers,
    })
}

impl HostCalls for OperationHost<'_> {
    fn http(&self, call: HttpCall) -> BoxFuture<'_, Result<HttpAnswer, HttpFault>> {
        self.connection.host.http(call)
    }

    fn token(&self, call: TokenCall) -> BoxFuture<'_, Result<Secret, HttpFault>> {
        self.connection.host.token(call)
    }

    fn operation(&self, call: OperationCall) -> BoxFuture<'_, Result<String, HttpFault>> {
        async move {
            let params = call.params.as_ref().unwrap_or(self.params);
            let ended = self.connection.run(&call.name, params).await;
            shown(&ended).map_err(|error| HttpFault::new("operation", error.to_string()))
        }
        .boxed()
    }

    fn left(&self) -> Option<Left> {
        self.connection.host.left()
    }

    fn log(&self, level: LogLevel, message: &str) {
        self.connection.host.log(level, message);
    }
}
