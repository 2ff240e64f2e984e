//! Requests about the server itself.

use serde_json::Value;

use super::error::ClientError;
use super::transport::{Client, Outgoing};
use crate::answers::{Liveness, Readiness, StatusView};
use crate::routes;

impl Client {
    /// Queries whether the process runs. Needs no token.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn healthz(&self) -> Result<Liveness, ClientError> {
        self.get(routes::HEALTHZ, &[]).await
    }

    /// Queries whether the server is ready for requests. Needs no token.
    ///
    /// # Errors
    /// [`ClientError`]; status 503 if it is not ready.
    pub async fn readyz(&self) -> Result<Readiness, ClientError> {
        self.get(routes::READYZ, &[]).await
    }

    /// Reads the state of the servers, the database and the queues.
    ///
    /// # Errors
    /// [`ClientError`]. A database that is silent is no error: the answer says so.
    pub async fn status(&self) -> Result<StatusView, ClientError> {
        self.get(routes::STATUS, &[]).await
    }

    /// Reads the metrics, in the text format of Prometheus; empty if the server collects none.
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
