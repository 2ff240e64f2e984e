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
        let mut pointer = String::with_capacity(64);
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Step(parent, step) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&escape(step));
            }
            Self::Index(parent, index) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
        }
    }
}
