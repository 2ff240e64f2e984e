//! The error type of all use cases: what happened, why, where in the input, and how to fix it.
//!
//! It knows nothing of HTTP, the terminal or MCP. Each door converts it once: REST into `application/problem+json`, the
//! command line into a line of text.

use std::fmt;
use std::time::Duration;

pub use floh_client::answers::Mistake;
use floh_client::answers::{ChangeView, ClearedSecrets};

/// The maximum number of mistakes that one error lists.
pub const MAX_MISTAKES: usize = 100;
/// The default time after which a caller should try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The kind of an [`Error`]; a door chooses its answer by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Values of the input are invalid.
    Invalid,
    /// The input is larger than allowed.
    TooLarge,
    /// Something that the input names does not exist.
    NotFound,
    /// Something has this name or this state already.
    Conflict,
    /// Something that there was is no longer kept.
    Gone,
    /// The target of the change has changed since the caller read it.
    Stale,
    /// The actor lacks a right; contains the scope if a single one is missing.
    Denied(Option<&'static str>),
    /// The server cannot do it now; it may after this time.
    Unavailable(Duration),
    /// The server made a mistake.
    Internal,
}

/// Why a use case failed. Nothing was written then.
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

/// Boxed, because results are returned by value on the path of every call.
#[derive(Debug, Clone)]
struct Inner {
    kind: ErrorKind,
    code: &'static str,
    detail: String,
    mistakes: Vec<Mistake>,
    change: Option<Box<ChangeView>>,
    secrets_cleared: Vec<ClearedSecrets>,
}

impl Error {
    /// Creates an error of a kind. `code` is a stable code for programs, `detail` a sentence for people.
    pub fn new(kind: ErrorKind, code: &'static str, detail: impl Into<String>) -> Self {
        let (mistakes, secrets_cleared) = (Vec::new(), Vec::new());
        Self(Box::new(Inner { kind, code, detail: detail.into(), mistakes, change: None, secrets_cleared }))
    }

    /// Refuses the input with every mistake in it.
    pub fn invalid(mistakes: Vec<Mistake>) -> Self {
        let detail = match mistakes.as_slice() {
            [only] if only.pointer.is_empty() => only.message.clone(),
            [only] => format!("{}: {}", only.pointer, only.message),
            many => format!("the request has {} mistakes; see errors", many.len()),
        };
        let mut error = Self::new(ErrorKind::Invalid, "invalid", detail);
        error.0.mistakes = mistakes;
        error
    }

    /// Refuses one value of the input.
    pub fn invalid_at(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![Mistake::new(pointer, message)])
    }

    /// Refuses the input because of a conflict with something that exists.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, code, detail)
    }

    /// Reports that something that the input names does not exist.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, "not_found", detail)
    }

    /// Refuses a change because its target has changed since the caller read it.
    pub fn stale(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Stale, "stale", detail)
    }

    /// Refuses an actor that lacks a scope.
    pub fn denied(scope: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied(Some(scope)), "forbidden", detail)
    }

    /// Refuses an actor for another reason than one missing scope.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied(None), "forbidden", detail)
    }

    /// Reports that the server cannot do it now, but may in a moment.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable(RETRY_AFTER), "unavailable", detail)
    }

    /// Reports a mistake of the server. The cause is logged and not shown.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside the server");
        Self::new(ErrorKind::Internal, "internal", "the server failed; its log says why")
    }

    /// Adds a place in the input.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, message: impl Into<String>) -> Self {
        self.0.mistakes.push(Mistake::new(pointer, message));
        self
    }

    /// Adds a mistake in the input.
    #[must_use]
    pub fn with_mistake(mut self, mistake: Mistake) -> Self {
        self.0.mistakes.push(mistake);
        self
    }

    /// Adds the change of a connector type that was refused, as its dry run shows it, and the secrets that it would clear.
    #[must_use]
    pub fn with_change(mut self, change: ChangeView, secrets_cleared: Vec<ClearedSecrets>) -> Self {
        self.0.change = Some(Box::new(change));
        self.0.secrets_cleared = secrets_cleared;
        self
    }

    /// Returns the secrets that a refused change of a connector type would clear.
    pub fn secrets_cleared(&self) -> &[ClearedSecrets] {
        &self.0.secrets_cleared
    }

    /// Returns whether it may pass: the server could not do it, and may later.
    pub fn is_passing(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable(_) | ErrorKind::Internal)
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the stable code for programs.
    pub fn code(&self) -> &'static str {
        self.0.code
    }

    /// Returns the sentence for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Returns the places in the input that are wrong.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0.mistakes
    }

    /// Returns the refused change of a connector type.
    pub fn change(&self) -> Option<&ChangeView> {
        self.0.change.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl std::error::Error for Error {}
