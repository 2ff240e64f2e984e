//! The settings of MCP, which the command line reads and the door goes by.

use clap::ValueEnum;

/// Which command tools a client is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Tools {
    /// All while there are at most as many as [`Settings::max_tools`], else none: they are found by the search.
    #[default]
    Auto,
    /// All.
    All,
    /// None.
    Search,
}

/// What happens before a command that deletes is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Confirm {
    /// The user is asked where the client can ask.
    #[default]
    Ask,
    /// The user is asked; a client that cannot ask is refused.
    Require,
    /// Nobody is asked.
    Off,
}

/// What happens to a secret in the arguments of a tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Secrets {
    /// It is refused: it would have passed through a model.
    #[default]
    Refuse,
    /// It is stored.
    Accept,
}

/// The settings of MCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Which command tools are listed.
    pub tools: Tools,
    /// How many command tools are listed at most if [`Tools::Auto`] is chosen.
    pub max_tools: usize,
    /// The maximum number of characters of a tool's name: 32 to 64.
    pub name_length: usize,
    /// The size of a result, in bytes, beyond which its payload is left out of the answer.
    pub result_limit: usize,
    /// What happens before a command that deletes is called.
    pub confirm: Confirm,
    /// What happens to secrets in arguments.
    pub secrets: Secrets,
    /// The calls that a token may make in a minute.
    pub rate: u32,
    /// The calls of a token that may run at a time.
    pub concurrency: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tools: Tools::Auto,
            max_tools: 100,
            name_length: 52,
            result_limit: 64 * 1024,
            confirm: Confirm::Ask,
            secrets: Secrets::Refuse,
            rate: 120,
            concurrency: 8,
        }
    }
}
