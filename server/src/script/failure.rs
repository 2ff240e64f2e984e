//! Why a script has no result, as a text (`Display`) and as a failure's diagnostics.

use std::time::Duration;

use connector_runtime::result::Reply;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// A problem at a place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptProblem {
    /// What is wrong.
    pub message: String,
    /// The line, from 1; `None` if the whole script is meant.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
}

/// What a script threw.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct GuestError {
    /// The error's name; empty if it has none.
    pub name: String,
    /// Its message, or the thrown value as a text.
    pub message: String,
    /// Its `code`, if it has one.
    pub code: String,
    /// The line in the script, from 1.
    pub line: Option<u32>,
    /// The column, from 1.
    pub column: Option<u32>,
    /// The calls that led there, innermost first, one a line.
    pub stack: String,
}

impl GuestError {
    /// Names the error as JavaScript does.
    fn title(&self) -> String {
        match (self.name.as_str(), self.message.as_str()) {
            ("", "") => "the script threw a value without a message".to_owned(),
            ("", message) => message.to_owned(),
            (name, "") => name.to_owned(),
            // An author's own error reads as the author wrote it.
            ("Error", message) => message.to_owned(),
            (name, message) => format!("{name}: {message}"),
        }
    }
}

/// A run without a result. It concerns this one call only.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScriptFailure {
    /// The run passed its deadline.
    #[error("Timed out after {} ms", after.as_millis())]
    Timeout {
        /// The time that the call had.
        after: Duration,
    },
    /// The script used more memory than its limit.
    #[error("the script needs more than {} MiB of memory; work on less at a time, for example with paging", limit >> 20)]
    Memory {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The script's calls are nested too deep.
    #[error("the script's calls are nested too deep: {}; look for a recursion without an end", error.message)]
    Stack {
        /// Where it happened.
        error: GuestError,
    },
    /// The worker ended in the middle of the run.
    #[error("the script's worker process ended unexpectedly; what it had done outside is not undone")]
    Crash,
    /// The source does not compile.
    #[error("the script does not compile: {}", .0.message)]
    Syntax(ScriptProblem),
    /// The script threw an error and did not catch it.
    #[error("{}", .0.title())]
    Thrown(GuestError),
    /// The result is not one that a command may return.
    #[error("the command's result cannot be used: {why}")]
    Result {
        /// What is wrong with it.
        why: String,
    },
    /// The script made more HTTP calls than it may.
    #[error("{}", error.message)]
    HostCalls {
        /// Where it happened.
        error: GuestError,
    },
    /// The command returned a promise that nothing will settle.
    #[error("the command returned a promise that nothing settles; resolve it, or return the value itself")]
    Unsettled,
    /// The script has no function for the command.
    #[error("the script has no function {command}; declare it at the top level: function {command}() {{ ... }}")]
    NoCommand {
        /// The command.
        command: String,
    },
    /// A call or a message is larger than its limit.
    #[error("{what} has {bytes} bytes, more than the {limit} that are allowed")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Too many calls are waiting: HTTP 503, try again later.
    #[error("too many script calls are waiting for a worker; try again in a moment")]
    Busy,
    /// No worker can be started.
    #[error("no script worker can be started: {why}")]
    Unavailable {
        /// Why.
        why: String,
    },
}

impl ScriptFailure {
    /// Returns the class of the failure, a stable word in snake_case.
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Timeout { .. } => "timeout",
            Self::Memory { .. } => "memory",
            Self::Stack { .. } => "stack",
            Self::Crash => "crash",
            Self::Syntax(_) => "syntax",
            Self::Thrown(_) => "thrown",
            Self::Result { .. } => "result",
            Self::HostCalls { .. } => "host_calls",
            Self::Unsettled => "unsettled",
            Self::NoCommand { .. } => "no_command",
            Self::TooLarge { .. } => "too_large",
            Self::Busy => "busy",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// Returns whether the request is refused with 503, rather than answered with a failed result:
    /// nothing of the script has run.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable { .. })
    }

    /// Describes the failure for a result's diagnostics: `class`, and if known `line`, `column`,
    /// `stack`, `name`, `code`.
    pub fn diagnostics(&self) -> Map<String, Value> {
        let mut all = Map::new();
        all.insert("class".to_owned(), self.class().into());
        let mut put = |name: &str, value: Value| {
            if !matches!(&value, Value::Null) && value != json!("") {
                all.insert(name.to_owned(), value);
            }
        };
        match self {
            Self::Thrown(error) | Self::Stack { error } | Self::HostCalls { error } => {
                put("name", error.name.as_str().into());
                put("message", error.message.as_str().into());
                put("code", error.code.as_str().into());
                put("line", error.line.into());
                put("column", error.column.into());
                put("stack", error.stack.as_str().into());
            }
            Self::Syntax(problem) => {
                put("message", problem.message.as_str().into());
                put("line", problem.line.into());
                put("column", problem.column.into());
            }
            _ => {}
        }
        all
    }

    /// Writes the failure as the result of the command. It holds what the script threw: redact it.
    pub fn into_reply(self) -> Reply {
        let diagnostics = Some(Box::new(Value::Object(self.diagnostics())));
        Reply { success: false, error: Some(self.to_string()), diagnostics, ..Reply::default() }
    }
}
