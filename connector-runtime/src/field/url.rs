//! Absolute URLs.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{FieldType, Mismatch};
use crate::descriptor::TypeSpec;
use crate::schema::FieldKind;

/// An absolute URL, as a connection field or param.
///
/// Reads as [`url::Url`], with one difference: [`Url::join`] takes the URL for a folder, so that
/// joining `users` to `https://api.example.com/v2` keeps the `/v2`.
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

    /// Resolves a reference below this URL. A leading `/` starts at the root of the host; an absolute
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

    /// Returns the URL.
    pub fn into_inner(self) -> url::Url {
        self.0
    }
}

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
