//! The log of a process: to standard error, for people or for machines.

use std::fmt::{self, Debug, Write as _};
use std::io::IsTerminal;

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
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

/// Starts logging to standard error. Calling it twice changes nothing.
pub fn init_logs(format: LogFormat, filter: &str) {
    // A second subscriber is refused and the first one stays, which tests rely on.
    drop(subscriber(format, filter, std::io::stderr).try_init());
}

/// Returns a subscriber that writes events as lines.
pub fn subscriber<W>(format: LogFormat, filter: &str, writer: W) -> Dispatch
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    match format {
        // The only span is the request; a list of all spans would repeat it.
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
