//! Absolute URLs.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{FieldType, Mismatch};
use crate::descriptor::TypeSpec;
use crate::schema::FieldKind;

/// An absolute URL, as a connection field or param.
///
/// Reads as [`url::Url`], with two differences: [`Url::at`] goes on with segments of a path, which are encoded, and
/// [`Url::join`] takes the URL for a folder, so that joining `users` to `https://api.example.com/v2` keeps the `/v2`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Url(url::Url);

impl Url {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// If the text is not an absolute URL.
    pub fn parse(text: &str) -> Result<Self, url::ParseError> {
        url::Url::parse(text).map(Self)
    }

    /// Resolves a reference below this URL. For a path with values in it use [`Url::at`], which encodes them. A leading `/` starts at the root of the host; an absolute
    /// URL replaces the whole.
    ///
    /// # Errors
    /// If the reference is malformed.
    pub fn join(&self, reference: &str) -> Result<url::Url, url::ParseError> {
        if self.0.path().ends_with('/') {
            return self.0.join(reference);
        }
        let mut folder = self.0.clone();
        folder.set_path(&format!("{}/", self.0.path()));
        folder.join(reference)
    }

    /// Returns the URL below this one whose path goes on with these segments.
    ///
    /// Each segment is one name, whatever is in it: `/`, `?`, `#`, `%` and the like are encoded (as `encodeURIComponent`
    /// does), so that an id that a caller gave cannot lead to another resource. The path of this URL stays, with or
    /// without a slash at its end, and so does its query.
    ///
    /// ```
    /// use connector_runtime::Url;
    ///
    /// let base = Url::parse("https://api.example.com/v2")?;
    /// let id = String::from("a/b?c");
    /// assert_eq!(base.at(["users", &id, "groups"])?.as_str(), "https://api.example.com/v2/users/a%2Fb%3Fc/groups");
    /// assert!(base.at(["users", ".."]).is_err());
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a segment is empty, `.` or `..`, or if this URL has no path, such as `mailto:a@example.com`.
    pub fn at<S: AsRef<str>>(&self, segments: impl IntoIterator<Item = S>) -> Result<url::Url, PathError> {
        if self.0.cannot_be_a_base() {
            return Err(PathError::NoPath);
        }
        let mut path = self.0.path().trim_end_matches('/').to_owned();
        for (index, segment) in segments.into_iter().enumerate() {
            let (segment, number) = (segment.as_ref(), index + 1);
            match segment {
                "" => return Err(PathError::Empty { number }),
                "." | ".." => return Err(PathError::Dots { number }),
                _ => {}
            }
            path.push('/');
            path.extend(utf8_percent_encode(segment, SEGMENT));
        }
        let mut url = self.0.clone();
        url.set_path(&path);
        Ok(url)
    }

    /// Returns the URL.
    pub fn into_inner(self) -> url::Url {
        self.0
    }
}

/// Why a path cannot be built of segments. The texts do not repeat a segment, which may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A segment is empty.
    #[error(
        "segment {number} of the path is empty, which would lead to another resource: check the value that it is made of"
    )]
    Empty {
        /// Its number, from 1.
        number: usize,
    },
    /// A segment is `.` or `..`.
    #[error(
        "segment {number} of the path is `.` or `..`, which would lead to another resource: check the value that it is made of"
    )]
    Dots {
        /// Its number, from 1.
        number: usize,
    },
    /// The URL has no path that could go on.
    #[error("the URL has no path to go on from: it has to begin with a scheme and `//`, such as https://")]
    NoPath,
}

/// Everything but what `encodeURIComponent` leaves.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

impl Deref for Url {
    type Target = url::Url;

    fn deref(&self) -> &url::Url {
        &self.0
    }
}

impl From<url::Url> for Url {
    fn from(url: url::Url) -> Self {
        Self(url)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0.as_str(), f)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        url::Url::deserialize(deserializer).map(Self)
    }
}

impl JsonSchema for Url {
    fn schema_name() -> Cow<'static, str> {
        "Url".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "uri" })
    }
}

impl FieldType for Url {
    const TYPE: TypeSpec = TypeSpec { format: Some("uri"), ..TypeSpec::new(FieldKind::String) };

    fn read(value: &Value) -> Result<Self, Mismatch> {
        let text = value.as_str().ok_or_else(|| Mismatch::wanted("string", value))?;
        Self::parse(text)
            .map_err(|error| Mismatch(format!("expected an absolute URL such as https://example.com: {error}")))
    }
}
