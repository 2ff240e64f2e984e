//! What went wrong, as one of a few words: `diagnostics.code` of a failure.
//!
//! A flow that calls directories, databases and services decides by these words and not by the texts of each system, which
//! stand beside them.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::egress::EgressError;
use crate::egress::oauth::{AuthorizedError, TokenError};
use crate::outcome::Fail;

/// The kind of a failure. The names are wire format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// What the call is about does not exist.
    NotFound,
    /// What would be created exists.
    Exists,
    /// The state of the system does not allow it now: a version that changed, children that are left, two matches.
    Conflict,
    /// The system does not accept a value.
    Invalid,
    /// The connection's account may not do it.
    Denied,
    /// The system does not accept the connection's credentials.
    Unauthenticated,
    /// The system takes no more calls for a while.
    RateLimited,
    /// The system cannot be reached, or says that it cannot work now.
    Unavailable,
    /// The system did not answer in time.
    Timeout,
    /// The system does not have what the call needs of it.
    Unsupported,
    /// What was asked for, or sent, is larger than a limit.
    TooLarge,
    /// This server's operator does not allow it.
    Policy,
    /// It may or may not have happened: look before it is repeated.
    OutcomeUnknown,
}

impl Code {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NotFound,
        Self::Exists,
        Self::Conflict,
        Self::Invalid,
        Self::Denied,
        Self::Unauthenticated,
        Self::RateLimited,
        Self::Unavailable,
        Self::Timeout,
        Self::Unsupported,
        Self::TooLarge,
        Self::Policy,
        Self::OutcomeUnknown,
    ];

    /// Returns its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotFound => "notFound",
            Self::Exists => "exists",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::RateLimited => "rateLimited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "tooLarge",
            Self::Policy => "policy",
            Self::OutcomeUnknown => "outcomeUnknown",
        }
    }

    /// Returns the code of an HTTP status that is none of success (RFC 9110, section 15).
    pub const fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Unauthenticated,
            403 => Self::Denied,
            404 | 410 => Self::NotFound,
            405 | 406 | 501 => Self::Unsupported,
            408 | 504 => Self::Timeout,
            409 | 412 | 423 | 428 => Self::Conflict,
            413 | 431 => Self::TooLarge,
            429 => Self::RateLimited,
            500.. => Self::Unavailable,
            _ => Self::Invalid,
        }
    }
}

/// Of a request that reads: whatever became of it, nothing was changed. See [`Fail::unanswered`] for others.
impl From<&EgressError> for Code {
    fn from(error: &EgressError) -> Self {
        match error.cause() {
            EgressError::Policy { .. } | EgressError::Scope { .. } => Self::Policy,
            EgressError::Timeout { .. } => Self::Timeout,
            EgressError::TooLarge { .. } => Self::TooLarge,
            EgressError::Url { .. } | EgressError::Request { .. } | EgressError::Certificate { .. } => Self::Invalid,
            EgressError::Redirect { .. } => Self::Unsupported,
            _ => Self::Unavailable,
        }
    }
}

/// Of the request for a token; the command's own request did not leave.
impl From<&TokenError> for Code {
    fn from(error: &TokenError) -> Self {
        match error {
            TokenError::Egress(error) => error.into(),
            TokenError::Refused { status: 429, .. } => Self::RateLimited,
            TokenError::Refused { status: 500.., .. } => Self::Unavailable,
            TokenError::Refused { .. } => Self::Unauthenticated,
            _ => Self::Invalid,
        }
    }
}

impl Fail {
    /// Makes a failure of a kind: `diagnostics.code` says which.
    pub fn coded(code: Code, error: impl Into<String>) -> Self {
        Self::new(error).diagnostic("code", code)
    }

    /// Makes the failure of a request that brought no answer. One that may have arrived and does not only read has an
    /// unknown outcome.
    pub fn unanswered(error: &EgressError, only_reads: bool) -> Self {
        let is_unknown = error.may_have_arrived() && !only_reads;
        let code = if is_unknown { Code::OutcomeUnknown } else { error.into() };
        let fail = Self::coded(code, error.to_string()).diagnostic("cause", error.code());
        let fail = error.status().into_iter().fold(fail, |fail, status| fail.diagnostic("statusCode", status));
        if is_unknown { fail.diagnostic("outcome", "unknown") } else { fail }
    }

    /// Makes the failure of a request with an access token that brought no answer.
    pub fn unauthorized(error: &AuthorizedError, only_reads: bool) -> Self {
        match error {
            AuthorizedError::Egress(error) => Self::unanswered(error, only_reads),
            AuthorizedError::Token(error) => {
                let fail = Self::coded(error.into(), error.to_string());
                match error {
                    TokenError::Refused { status, code, .. } => {
                        fail.diagnostic("statusCode", status).diagnostic("tokenError", code)
                    }
                    _ => fail,
                }
            }
            error => Self::coded(Code::Unavailable, error.to_string()),
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_camel_case_and_each_its_own() {
        let names: HashSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_alphabetic())));
        assert_eq!(serde_json::to_value(Code::NotFound).unwrap(), "notFound");
    }

    #[test]
    fn a_status_says_what_a_flow_can_do() {
        for (status, code) in [
            (400, Code::Invalid),
            (401, Code::Unauthenticated),
            (403, Code::Denied),
            (404, Code::NotFound),
            (409, Code::Conflict),
            (412, Code::Conflict),
            (413, Code::TooLarge),
            (422, Code::Invalid),
            (429, Code::RateLimited),
            (501, Code::Unsupported),
            (503, Code::Unavailable),
            (504, Code::Timeout),
        ] {
            assert_eq!(Code::of_status(status), code, "{status}");
        }
    }

    #[test]
    fn what_may_have_arrived_is_unknown_unless_it_only_reads() {
        let error =
            EgressError::Protocol { target: "https://a.test/".to_owned(), why: "x".to_owned(), status: Some(201) };
        let fail = Fail::unanswered(&error, false);
        assert_eq!(fail.diagnostics["code"], "outcomeUnknown");
        assert_eq!(fail.diagnostics["outcome"], "unknown");
        assert_eq!(fail.diagnostics["statusCode"], 201);
        let fail = Fail::unanswered(&error, true);
        assert_eq!(fail.diagnostics["code"], "unavailable");
        assert!(!fail.diagnostics.contains_key("outcome"));
    }
}
