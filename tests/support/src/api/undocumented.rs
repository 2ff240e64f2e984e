//! What an answer has that the document has not.

use std::fmt;

/// An answer that is not as the document says, and how to mend the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} answered {status}: {what}")]
pub struct Undocumented {
    /// Method and path, as the document has it where it has it.
    pub operation: String,
    /// The answer's status.
    pub status: u16,
    /// What is not as documented.
    pub what: What,
}

/// What is not as documented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The document has no such path, and the answer does not say that there is none.
    Path,
    /// The document has no such method of the path, and the answer does not say that it is not allowed.
    Method {
        /// The methods that it has.
        documented: Vec<String>,
    },
    /// The document does not have this status.
    Status {
        /// The statuses that it has.
        documented: Vec<String>,
    },
    /// The document does not have this header.
    Header {
        /// The header.
        name: String,
        /// The headers that it has.
        documented: Vec<String>,
    },
    /// The header is there, and its value is another one.
    HeaderValue {
        /// The header.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The document does not have this content type.
    ContentType {
        /// The content type; none where the answer has none.
        got: Option<String>,
        /// The content types that it has.
        documented: Vec<String>,
    },
    /// The body is not as its schema says.
    Body {
        /// Places and what is wrong there.
        mistakes: Vec<String>,
    },
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |texts: &[String]| if texts.is_empty() { "nothing".to_owned() } else { texts.join(", ") };
        match self {
            Self::Path => f.write_str(
                "the API document has no such path. Give the handler a `#[utoipa::path]` and a row in the table of \
                 routes; only a 404 problem needs no path",
            ),
            Self::Method { documented } => write!(
                f,
                "the API document has no such method of this path; it has {}. Give the handler a `#[utoipa::path]` and \
                 a row in the table of routes; only a 405 problem with an Allow header needs no method",
                list(documented)
            ),
            Self::Status { documented } => write!(
                f,
                "the API document does not have this status; it has {}. Add `(status = ..., body = ...)` to the \
                 `responses` of the handler's `#[utoipa::path]`; where every route of its kind may answer it, add it \
                 to the server's api/responses.rs",
                list(documented)
            ),
            Self::Header { name, documented } => write!(
                f,
                "the API document does not have the header {name} for this status; it has {}. Add it to \
                 `headers(...)` of the response in the handler's `#[utoipa::path]`, or to the server's \
                 api/responses.rs",
                list(documented)
            ),
            Self::HeaderValue { name, why } => write!(
                f,
                "the header {name} is not as the API document says: {why}. Correct the header or its schema in the \
                 handler's `#[utoipa::path]`"
            ),
            Self::ContentType { got, documented } => write!(
                f,
                "the API document does not have the content type {} for this status; it has {}. Correct \
                 `content_type` or `body` of the response in the handler's `#[utoipa::path]`",
                got.as_deref().unwrap_or("(none)"),
                list(documented)
            ),
            Self::Body { mistakes } => write!(
                f,
                "the body is not as the API document says: {}. Correct the type that the response's `body` names (its \
                 `ToSchema`), or the answer",
                mistakes.join("; ")
            ),
        }
    }
}
