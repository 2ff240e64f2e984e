//! Answers about the server itself.

use serde::{Deserialize, Serialize};

use crate::words::words;

/// The answer of `GET /healthz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Liveness {
    /// Always `ok`.
    pub status: String,
    /// The server's version.
    pub version: String,
}

/// The answer of `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Readiness {
    /// Always `ready`; a server that is not answers with a problem, which has the parts too.
    pub status: String,
    /// How each part is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<ReadinessPart>,
}

/// How a part of a server is, in words that anyone may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReadinessPart {
    /// The part.
    pub part: ReadyPart,
    /// How it is.
    pub state: PartState,
    /// What there is to say of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

words! {
    /// A part that a server needs, or that its operator wants to know of.
    ReadyPart, "part of a server" {
        /// The server itself.
        Server = "server",
        /// What writes executions.
        Recorder = "recorder",
        /// The database.
        Database = "database",
        /// The releases of the servers that share the database.
        Releases = "releases",
        /// The connection to NATS.
        Nats = "nats",
    }
}

words! {
    /// How a part of a server is.
    PartState, "state of a part" {
        /// It works.
        Ok = "ok",
        /// It is not used.
        Off = "off",
        /// It is not as it should be in the long run, and the server is ready all the same.
        Notice = "notice",
        /// It is why the server is not ready.
        Failed = "failed",
    }
}
