//! The closed sets of words on the wire. Each is stored, sent and read as the same snake_case text.

pub use connector_schema::LogLevel;

/// A closed set of words.
pub trait Words: Copy + PartialEq + 'static {
    /// The first word of the set.
    const FIRST: Self;

    /// Returns every word of the set.
    fn words() -> Vec<&'static str>;

    /// Returns the word itself.
    fn word(self) -> &'static str;
}

/// Declares an enum whose variants are words: the same text in the database and in JSON.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$doc:meta])* $variant:ident = $word:tt),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant),+
        }

        impl $crate::words::Words for $name {
            const FIRST: Self = Self::ALL[0];

            fn words() -> Vec<&'static str> {
                Self::ALL.iter().map(|word| word.as_str()).collect()
            }

            fn word(self) -> &'static str {
                self.as_str()
            }
        }

        impl $name {
            /// Every word of the set, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the word itself.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or($crate::words::UnknownWord {
                    what: $what,
                    known: &[$($word),+],
                })
            }
        }
    };
}

pub(crate) use words;

impl Words for LogLevel {
    const FIRST: Self = Self::Trace;

    fn words() -> Vec<&'static str> {
        Self::ALL.iter().map(|level| level.as_str()).collect()
    }

    fn word(self) -> &'static str {
        self.as_str()
    }
}

/// A text that is not a word of the expected set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what}, expected one of {}", known.join(", "))]
pub struct UnknownWord {
    pub(crate) what: &'static str,
    pub(crate) known: &'static [&'static str],
}

words! {
    /// How the commands of a connector type are served.
    ExecutionModel, "execution model" {
        /// Compiled into the server.
        BuiltIn = "built_in",
        /// JavaScript in the sandbox.
        Script = "script",
        /// A script written from an OpenAPI document.
        OasDerived = "oas_derived",
        /// A service or an agent elsewhere.
        External = "external",
    }
}

words! {
    /// Where a connector type comes from.
    TypeSource, "type source" {
        /// Seeded from the compiled-in types.
        Code = "code",
        /// Created by a user.
        User = "user",
    }
}

words! {
    /// What wrote a version of a connector type.
    VersionSource, "version source" {
        /// The POST that created the type.
        Create = "create",
        /// A PUT.
        Put = "put",
        /// A refresh from the schema of an external service.
        Refresh = "refresh",
        /// Seeding, at the start of a server that had it compiled in.
        Seed = "seed",
    }
}

words! {
    /// The state of an execution.
    ExecutionStatus, "execution status" {
        /// Recorded, but not started.
        Accepted = "accepted",
        /// The call may have been sent.
        Started = "started",
        /// Ended with `success: true`.
        Succeeded = "succeeded",
        /// Ended with `success: false`.
        Failed = "failed",
        /// The process died after the call may have been sent.
        Unknown = "unknown",
    }
}

words! {
    /// The kind of caller that requested an execution or made a change.
    ExecutionSource, "execution source" {
        /// The REST API.
        Rest = "rest",
        /// The command line.
        Cli = "cli",
        /// An MCP client.
        Mcp = "mcp",
        /// A step of a run.
        Run = "run",
        /// The web pages.
        Ui = "ui",
        /// The server itself.
        System = "system",
    }
}

words! {
    /// The state of a run.
    RunStatus, "run status" {
        /// It waits for its turn.
        Queued = "queued",
        /// A server works on it.
        Running = "running",
        /// It waits for a time: of a wait, or of the next attempt of a step.
        Waiting = "waiting",
        /// Every step was taken or skipped.
        Succeeded = "succeeded",
        /// A step failed and ended it.
        Failed = "failed",
        /// A caller ended it.
        Cancelled = "cancelled",
    }
}

impl RunStatus {
    /// Returns whether the run goes on no more, unless it is resumed.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }
}

words! {
    /// The state of a step of a run.
    TaskStatus, "task status" {
        /// It is at work.
        Started = "started",
        /// It waits for a time: of a wait, or of its next attempt.
        Waiting = "waiting",
        /// It succeeded.
        Succeeded = "succeeded",
        /// It failed.
        Failed = "failed",
        /// Its condition was false, or a resume passed it over.
        Skipped = "skipped",
        /// Whether it took effect is not known.
        Unknown = "unknown",
        /// It was cut, and had no effect.
        Cancelled = "cancelled",
    }
}

words! {
    /// Why a run failed.
    RunFailureCode, "code of a failed run" {
        /// The result of a step is no success.
        StepFailed = "step_failed",
        /// A reference of a step leads nowhere, or reads null within a text.
        Reference = "reference",
        /// Whether a step took effect is not known.
        OutcomeUnknown = "outcome_unknown",
        /// The variables would exceed their size.
        BagTooLarge = "bag_too_large",
        /// A caller ended the run.
        Cancelled = "cancelled",
        /// The connectors have changed, so that the steps no longer fit them.
        SchemaChanged = "schema_changed",
    }
}

words! {
    /// What a resumed run does with a step of which is not known whether it took effect.
    ResumeUnknown, "choice for an unknown outcome" {
        /// Calls it again.
        Retry = "retry",
        /// Passes it over.
        Skip = "skip",
    }
}

words! {
    /// How much of an execution is kept.
    Recording, "extent of recording" {
        /// The row with params, result and logs.
        Full = "full",
        /// The row without params, result, diagnostics and logs.
        Summary = "summary",
        /// No row once the call has ended.
        None = "none",
    }
}

words! {
    /// The purpose of a token.
    TokenKind, "token kind" {
        /// Calls of the API.
        Api = "api",
        /// The connection of one agent.
        Agent = "agent",
    }
}

words! {
    /// The kind of thing that an entry of the audit trail is about.
    AuditSubject, "audit subject" {
        /// A connector, its config or its secrets.
        Connector = "connector",
        /// A connector type.
        ConnectorType = "connector_type",
        /// A token.
        Token = "token",
        /// A setting that the database keeps.
        Setting = "setting",
        /// An agent's connection.
        Agent = "agent",
        /// A recorded execution.
        Execution = "execution",
        /// The database as a whole.
        Database = "database",
        /// A run definition.
        RunDefinition = "run_definition",
    }
}

words! {
    /// What was done to the subject of an entry of the audit trail.
    AuditAction, "audit action" {
        /// It was created.
        Created = "created",
        /// It was changed.
        Changed = "changed",
        /// It was deleted; a token: it was revoked.
        Deleted = "deleted",
        /// An agent has connected.
        Connected = "connected",
        /// An agent's connection has ended.
        Disconnected = "disconnected",
        /// A backup of it was made.
        BackedUp = "backed_up",
        /// It came from a backup.
        Restored = "restored",
        /// A start was told to go on without what is missing.
        LossAccepted = "loss_accepted",
    }
}

#[expect(clippy::derivable_impls, reason = "the macro that declares the words derives the same for all")]
impl Default for Recording {
    fn default() -> Self {
        Self::Full
    }
}

impl ExecutionStatus {
    /// Returns whether the execution succeeded, once that is known.
    pub const fn success(self) -> Option<bool> {
        match self {
            Self::Succeeded => Some(true),
            Self::Failed => Some(false),
            Self::Accepted | Self::Started | Self::Unknown => None,
        }
    }
}
