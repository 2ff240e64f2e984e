//! Where a comparison is. Kept on the stack; written as a JSON pointer only where something changed.

use crate::pointer::escape;

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
        let mut pointer = String::with_capacity(self.length());
        self.write(&mut pointer);
        pointer
    }

    /// Returns how long the pointer is, unless a step has to be escaped.
    fn length(&self) -> usize {
        match self {
            Self::Root => 0,
            Self::Step(parent, step) => parent.length() + 1 + step.len(),
            Self::Index(parent, index) => parent.length() + 2 + index.checked_ilog10().unwrap_or(0) as usize,
        }
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Step(parent, step) => {
                parent.write(pointer);
                pointer.push('/');
                if step.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
                    pointer.push_str(&escape(step));
                } else {
                    pointer.push_str(step);
                }
            }
            Self::Index(parent, index) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
}
