//! What is wrong with a config schema.

use std::fmt;

/// One mistake in a config schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaProblem {
    /// JSON pointer (RFC 6901) to the place.
    pub pointer: String,
    /// What is wrong there and what would be right.
    pub message: String,
}

/// A config schema that cannot be used, with everything that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct SchemaError {
    /// The mistakes, in document order.
    pub problems: Vec<SchemaProblem>,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid config schema")?;
        for problem in &self.problems {
            write!(f, "; {}: {}", problem.pointer, problem.message)?;
        }
        Ok(())
    }
}
