//! Answers and refusals that read alike wherever they come from.

use connector_runtime::prelude::*;

/// Whether a command changed something.
#[payload]
#[derive(Debug)]
pub struct Changed {
    /// False if it was so already.
    pub changed: bool,
}

/// Makes a failure about a value of the call.
pub(crate) fn invalid(why: impl Into<String>) -> Fail {
    Fail::coded(Code::Invalid, why)
}
