//! Why a server refused a request.

use floh_client::ClientError;
use floh_client::answers::{ChangeView, ClearedSecrets};

use crate::cli::server::mended;

/// The maximum number of mistakes that a message names.
const MAX_NAMED: usize = 5;

/// Why a server refused a request.
#[derive(Debug)]
pub(super) struct Refusal {
    /// A stable code for programs.
    pub(super) code: String,
    /// What happened and how to fix it.
    pub(super) message: String,
    /// JSON pointer into the request.
    pub(super) pointer: Option<String>,
    /// The refused change, if its version is missing or too low.
    pub(super) change: Option<Box<ChangeView>>,
    /// The secrets that this change would clear.
    pub(super) secrets_cleared: Vec<ClearedSecrets>,
}

impl Refusal {
    /// Creates a refusal with a code.
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            pointer: None,
            change: None,
            secrets_cleared: Vec::new(),
        }
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        let ClientError::Refused(refused) = error else { return Self::new("unreachable", mended(&error)) };
        let problem = refused.problem;
        let message = match problem.errors.as_slice() {
            [] | [_] => problem.detail,
            several => {
                let named = several.iter().take(MAX_NAMED).map(|at| format!("{}: {}", at.pointer, at.message));
                named.collect::<Vec<_>>().join("; ")
            }
        };
        Self {
            code: problem.code.into_owned(),
            message,
            pointer: problem.errors.into_iter().next().map(|mistake| mistake.pointer),
            change: problem.change,
            secrets_cleared: problem.secrets_cleared,
        }
    }
}
