//! How important a line of a connector's log is.

use std::fmt::{self, Display};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The importance of a log line; of a connector, the least that it logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Every step.
    Trace,
    /// Helps to find a fault.
    Debug,
    /// Operators want to know it.
    #[default]
    Info,
    /// May need attention.
    Warn,
    /// Something went wrong.
    Error,
}

/// A text that is no log level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown log level, expected one of trace, debug, info, warn, error")]
pub struct UnknownLogLevel;

impl LogLevel {
    /// Every level, the least important first.
    pub const ALL: &'static [Self] = &[Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// Returns the wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

impl Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for LogLevel {
    type Err = UnknownLogLevel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|level| level.as_str() == text).ok_or(UnknownLogLevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_word_everywhere() {
        for level in LogLevel::ALL {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
            assert_eq!((level.as_str().parse(), level.to_string().as_str()), (Ok(*level), level.as_str()));
            assert!(UnknownLogLevel.to_string().contains(level.as_str()));
        }
        assert_eq!("Info".parse::<LogLevel>(), Err(UnknownLogLevel));
        assert!(LogLevel::Trace < LogLevel::Error);
    }
}
