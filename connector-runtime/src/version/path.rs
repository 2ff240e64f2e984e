//! Where a comparison stands. Kept on the stack; written as a JSON pointer only where something changed.

use std::fmt;

use crate::schema::escape_pointer;

/// A place in a document.
#[derive(Clone, Copy)]
pub(super) enum Path<'a> {
    Root,
    Step(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl<'a> Path<'a> {
    pub(super) fn step(&'a self, step: &'a str) -> Self {
        Self::Step(self, step)
    }

    pub(super) fn index(&'a self, index: usize) -> Self {
        Self::Index(self, index)
    }

    pub(super) fn pointer(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Step(parent, step) => write!(f, "{parent}/{}", escape_pointer(step)),
            Self::Index(parent, index) => write!(f, "{parent}/{index}"),
        }
    }
}
