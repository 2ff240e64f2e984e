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
    /// Line and column in the text of the document, if it could not be parsed.
    pub place: Option<(u32, u32)>,
}

impl ImportError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), pointer: None, place: None }
    }

    pub(super) fn placed(mut self, line: usize, column: usize) -> Self {
        let place = |number| u32::try_from(number).unwrap_or_default();
        self.place = Some((place(line), place(column)));
        self
    }

    pub(super) fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }
}
