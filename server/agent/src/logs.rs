//! The log of a process: to standard error, for people or for machines.

use std::io::IsTerminal;

use tracing::Dispatch;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

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
        LogFormat::Pretty => builder.with_ansi(std::io::stderr().is_terminal()).finish().into(),
    }
}
