//! Errors of the client.

use std::time::Duration;

use uuid::Uuid;

use crate::answers::Problem;

/// Why a request of the client failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client cannot be set up: the server's URL or the token is invalid, or TLS is not available.
    #[error("{0}")]
    Setup(String),
    /// The request cannot be built.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The server refused the request.
    #[error("{}", .0.problem.detail)]
    Refused(Box<Refusal>),
    /// No complete answer arrived.
    #[error("cannot reach {server}: {reason}")]
    Transport {
        /// The server.
        server: String,
        /// What failed, without the request's path and query.
        reason: String,
        /// Whether the request may have reached the server: there was a connection.
        sent: bool,
    },
    /// The answer does not come from a Floh server, or does not fit this request.
    #[error("{server} answered {status} and {what}: is it a Floh server of this version?")]
    Unexpected {
        /// The server.
        server: String,
        /// The status of the answer.
        status: u16,
        /// What is wrong with the answer; a fragment of a sentence.
        what: String,
    },
    /// The answer, or a list, is larger than allowed.
    #[error("the answer is too large: {0}")]
    TooLarge(String),
}

/// A request that the server refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The server's answer: status, code, detail, and each mistake with its place.
    pub problem: Problem,
    /// The id of the request in the server's log.
    pub request_id: Option<String>,
    /// After which time it may be tried again, if the server says so.
    pub retry_after: Option<Duration>,
    /// The recorded execution of a call that could not be made.
    pub execution_id: Option<Uuid>,
}

impl ClientError {
    /// Returns the server's problem, if it refused the request.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(refusal) => Some(&refusal.problem),
            _ => None,
        }
    }

    /// Returns the status of the answer, if one arrived.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns whether the server says that the target does not exist.
    pub fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 404 && problem.code == "not_found")
    }
}
