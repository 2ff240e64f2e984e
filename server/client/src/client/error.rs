//! Why a call of the client came to nothing.

use std::time::Duration;

use uuid::Uuid;

use crate::answers::Problem;

/// Why a call of the client came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The client cannot be set up: the server's URL or the token cannot be used, or TLS cannot be had.
    #[error("{0}")]
    Setup(String),
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent: {0}")]
    Request(String),
    /// The server refused the request.
    #[error("{}", .0.problem.detail)]
    Refused(Box<Refusal>),
    /// No whole answer came.
    #[error("cannot reach {server}: {reason}")]
    Transport {
        /// The server.
        server: String,
        /// What broke, without the request's path and query.
        reason: String,
    },
    /// What came is not the answer of a Floh server to this request.
    #[error("{server} answered {status} and {what}: is it a Floh server of this version?")]
    Unexpected {
        /// The server.
        server: String,
        /// The status of the answer.
        status: u16,
        /// What is wrong with the answer; a fragment.
        what: String,
    },
    /// The answer, or a list, is larger than what is taken.
    #[error("the answer is too large: {0}")]
    TooLarge(String),
}

/// A request that the server refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// What the server says: status, code, detail, and each mistake with its place.
    pub problem: Problem,
    /// Names the request in the server's log.
    pub request_id: Option<String>,
    /// When it may be tried again, where the server says.
    pub retry_after: Option<Duration>,
    /// The execution that was recorded of a call that could not be made.
    pub execution_id: Option<Uuid>,
}

impl ClientError {
    /// Returns what the server said, where it refused the request.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(refusal) => Some(&refusal.problem),
            _ => None,
        }
    }

    /// Returns the status of the answer, where one came.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.problem.status),
            Self::Unexpected { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns whether the server says that what was named does not exist.
    pub fn is_not_found(&self) -> bool {
        self.problem().is_some_and(|problem| problem.status == 404 && problem.code == "not_found")
    }
}
