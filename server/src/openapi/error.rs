//! Why a document cannot be imported at all. The codes are stable: people search for them.

/// A document that cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ImportError {
    /// A stable word for programs, such as `invalid_syntax`.
    pub code: &'static str,
    /// What is wrong with the document and how to fix it.
    pub message: String,
    /// JSON pointer to the place, if there is one.
    pub pointer: Option<String>,
}

impl ImportError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), pointer: None }
    }

    pub(super) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}
