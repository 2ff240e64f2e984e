//! The log of a process: to standard error, for people or for machines.

use std::fmt::{self, Debug, Write as _};
use std::io::IsTerminal;

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::util::SubscriberInitExt as _;

#[cfg(test)]
mod tests;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line, for machines.
    Json,
}

/// Why a filter of log lines cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log filter {filter:?} (--log, FLOH_LOG) cannot be read: {reason}; write a level (off, error, warn, info, debug, trace) or TARGET=LEVEL, several with commas between them, for example info or server=debug,info"
)]
pub struct BadFilter {
    filter: String,
    reason: String,
}

/// What is always logged less: libraries that write whole messages, and with them what is a secret in those, whatever the filter says.
const QUIET: [&str; 2] = ["rmcp=warn", "ldap3=off"];

/// Starts logging to standard error. Calling it twice changes nothing.
///
/// # Errors
/// If the filter cannot be read.
pub fn init_logs(format: LogFormat, filter: &str) -> Result<(), BadFilter> {
    // A second subscriber is refused and the first one stays, which tests rely on.
    drop(subscriber(format, parse_filter(filter)?, std::io::stderr).try_init());
    Ok(())
}

/// Reads a filter. The library takes a word that is no level for the name of a target, whose lines it then shows alone;
/// such a word is a misspelt level nearly always, so it is refused.
///
/// # Errors
/// With the word, and what a filter looks like.
pub fn parse_filter(text: &str) -> Result<EnvFilter, BadFilter> {
    let bad = |reason: String| BadFilter { filter: text.to_owned(), reason };
    let plain = |directive: &&str| !directive.contains(['=', '[', ']', '{', '}', '"']);
    let unknown = |directive: &&str| directive.is_empty() || directive.parse::<LevelFilter>().is_err();
    if let Some(word) = text.split(',').map(str::trim).find(|word| plain(word) && unknown(word)) {
        return Err(bad(match word {
            "" => "it has an empty part".to_owned(),
            word => format!("{word} is no level"),
        }));
    }
    let filter = EnvFilter::try_new(text).map_err(|error| bad(error.to_string()))?;
    let quiet = QUIET.iter().filter_map(|directive| directive.parse().ok());
    Ok(quiet.fold(filter, EnvFilter::add_directive))
}

/// Returns a subscriber that writes events as lines.
pub fn subscriber<W>(format: LogFormat, filter: EnvFilter, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        // The innermost span has all fields of its request or call; a list of all spans would repeat them.
        LogFormat::Json => builder.json().flatten_event(true).with_span_list(false).finish().into(),
        LogFormat::Pretty => {
            let fields = debug_fn(|writer, field, value: &dyn Debug| write_field(writer, field.name(), value));
            let builder = builder.fmt_fields(fields.delimited(" "));
            builder.with_ansi(std::io::stderr().is_terminal()).finish().into()
        }
    }
}

/// Writes a field of a line for people. The message has no name.
fn write_field(writer: &mut Writer<'_>, name: &str, value: &dyn Debug) -> fmt::Result {
    if name != "message" {
        write!(writer, "{}=", name.trim_start_matches("r#"))?;
    }
    write!(Escaping(writer), "{value:?}")
}

/// Writes text with its control characters, line breaks and bidirectional marks escaped, so that nothing that is
/// logged can start a line of its own, move the cursor of a terminal, or change the order in which a line is read.
struct Escaping<'w, W>(&'w mut W);

impl<W: fmt::Write> fmt::Write for Escaping<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some((at, found)) = rest.char_indices().find(|&(_, found)| is_deceptive(found)) {
            self.0.write_str(&rest[..at])?;
            write!(self.0, "{}", found.escape_default())?;
            rest = &rest[at + found.len_utf8()..];
        }
        self.0.write_str(rest)
    }
}

/// Returns whether a character acts on the display of a line and is not shown itself.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}
