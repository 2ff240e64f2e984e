//! What is about the server itself.

use serde_json::Value;

use super::error::ClientError;
use super::transport::{Client, Outgoing};
use crate::answers::{Liveness, Readiness};
use crate::routes;

impl Client {
    /// Asks whether the process runs. Needs no token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn healthz(&self) -> Result<Liveness, ClientError> {
        self.get(routes::HEALTHZ, &[]).await
    }

    /// Asks whether requests are answered. Needs no token.
    ///
    /// # Errors
    /// [`ClientError`]; status 503 where they are not.
    pub async fn readyz(&self) -> Result<Readiness, ClientError> {
        self.get(routes::READYZ, &[]).await
    }

    /// Reads the metrics, in the text format of Prometheus; empty where the server keeps none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn metrics(&self) -> Result<String, ClientError> {
        self.send(routes::METRICS, &[], Outgoing::default()).await?.text()
    }

    /// Reads the API as an OpenAPI 3.1 document.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn openapi(&self) -> Result<Value, ClientError> {
        self.get(routes::OPENAPI, &[]).await
    }
}
