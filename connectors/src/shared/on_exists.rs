//! What a command does whose result exists already.

use connector_runtime::prelude::*;

/// What to do if it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum OnExists {
    /// Fail with the code exists.
    Fail,
    /// Return what exists, and leave it as it is.
    Return,
}

/// What to do if it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum OnExistsOrUpdate {
    /// Fail with the code exists.
    Fail,
    /// Return what exists, and leave it as it is.
    Return,
    /// Set what the call gives, and return it.
    Update,
}
