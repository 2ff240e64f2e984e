//! The database URL: which database it names, and the options with which sqlx opens it.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::OpenError;

/// Characters that would end or change the path inside a URL.
const PATH: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'<').add(b'>').add(b'?').add(b'`').add(b'{').add(b'}');

/// Returns the URL of a SQLite file, whatever characters its path has.
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite:{}", utf8_percent_encode(&path.to_string_lossy(), PATH))
}

/// Returns the file that a URL names, if it is a usable SQLite URL.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    match Target::parse(url) {
        Ok(Target::Sqlite { path }) => Some(path),
        Ok(Target::Postgres { .. }) | Err(_) => None,
    }
}

/// Returns what a URL names without user, password and options, for people.
pub fn shown_database(url: &str) -> String {
    Target::parse(url).map_or_else(|_| "of an invalid URL".to_owned(), |target| target.to_string())
}

/// The database that a URL names, by kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Sqlite { path: PathBuf },
    Postgres { url: Url },
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        let bad = |reason: &str| OpenError::BadUrl(reason.to_owned());
        let Some((scheme, rest)) = url.split_once(':') else {
            return Err(bad("no scheme"));
        };
        match scheme {
            "sqlite" => {
                let rest = rest.strip_prefix("//").unwrap_or(rest);
                let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
                if !matches!(options, "" | "mode=rwc" | "mode=rw") {
                    return Err(bad("a SQLite URL takes no options"));
                }
                let path: Cow<'_, str> =
                    percent_decode_str(path).decode_utf8().map_err(|_| bad("the path is not UTF-8"))?;
                if path.is_empty() || path.starts_with(':') || path.starts_with("file:") {
                    return Err(bad(
                        "the path of a file is needed; a database in memory would lose what was acknowledged",
                    ));
                }
                let path = std::path::absolute(&*path).map_err(|error| bad(&error.to_string()))?;
                Ok(Self::Sqlite { path })
            }
            "postgres" | "postgresql" => {
                let url = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
                if url.path().trim_matches('/').is_empty() {
                    return Err(bad("the name of the PostgreSQL database is missing"));
                }
                Ok(Self::Postgres { url })
            }
            other => Err(bad(&format!("only SQLite and PostgreSQL are served, not {other}"))),
        }
    }

    /// Returns the URL in the spelling that sqlx accepts.
    pub(super) fn driver_url(&self) -> Cow<'_, str> {
        match self {
            Self::Sqlite { path } => Cow::Owned(format!("{}?mode=rw&cache=private", sqlite_url(path))),
            Self::Postgres { url } => Cow::Borrowed(url.as_str()),
        }
    }
}

/// Shows the database without user, password and options.
impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite { path } => write!(f, "sqlite:{}", path.display()),
            Self::Postgres { url } => {
                write!(f, "postgres://{}", url.host_str().unwrap_or_default())?;
                if let Some(port) = url.port() {
                    write!(f, ":{port}")?;
                }
                f.write_str(url.path())
            }
        }
    }
}
