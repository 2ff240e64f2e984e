//! Warns of calls of deprecated commands.

use crate::log::LogRate;
use crate::schema::Command;

/// Returns `Some` if the command is deprecated, with what its author says to use instead.
pub(super) fn deprecation(command: &Command) -> Option<Option<String>> {
    command.deprecated.then(|| command.deprecated_message.clone())
}

/// Logs the call of a deprecated command and returns its [`deprecation`].
pub(super) fn warn_of_deprecation(
    connector: &str,
    name: &str,
    command: &Command,
    rate: Option<&LogRate>,
) -> Option<Option<String>> {
    let deprecated = deprecation(command);
    if let Some(message) = &deprecated
        && rate.is_none_or(|rate| rate.passes(connector, 0))
    {
        let instead = message.as_deref().unwrap_or_default();
        tracing::warn!(
            event = "deprecated_command",
            connector,
            command = name,
            instead,
            "a deprecated command was called"
        );
    }
    deprecated
}
