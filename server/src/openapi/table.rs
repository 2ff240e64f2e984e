//! The table of operations: everything that requests need, and nothing else.
//!
//! Texts of the document's author appear only as values, never as keys: a key `__proto__` would change the object.

use serde::{Deserialize, Serialize};

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A security scheme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Scheme {
    /// A key in a header, the query or a cookie.
    ApiKey {
        /// `header`, `query` or `cookie`.
        #[serde(rename = "in")]
        location: String,
        /// Its name on the wire.
        name: String,
        /// The connection field that holds it.
        field: String,
    },
    /// RFC 6750.
    Bearer,
    /// RFC 7617.
    Basic,
    /// An access token of OAuth 2 (RFC 6749): a given one, or one that is fetched.
    Oauth2,
    /// The same, at the URL that discovery names.
    OpenIdConnect,
    /// A signature of AWS, version 4.
    AwsSigV4,
    /// The connection's certificate, which TLS shows.
    MutualTls,
}

/// A variable of the base URL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name between the braces.
    pub name: String,
    /// The connection field that holds its value.
    pub field: String,
}

/// What an operation answers with, as its document says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// JSON.
    Json,
    /// A text.
    Text,
    /// Bytes.
    File,
}

/// An operation in the table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// The method, as it is sent.
    pub method: String,
    /// The path template.
    pub path: String,
    /// Parameters in the path, the query, headers and cookies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<Param>,
    /// How the body is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// Alternatives of credentials, each a list of everything that it needs; an empty one needs nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<Vec<Need>>,
    /// Its own server URL, if it differs from the connection's base URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The media types that it answers with, if not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept: Option<String>,
    /// What it answers with; absent if its document does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<Answers>,
    /// The headers of its answer that the document declares.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<OutputHeader>,
    /// How its pages are turned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<Pages>,
    /// Why it cannot be called.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
}

impl Entry {
    /// About how many bytes the entry holds.
    pub(super) fn length(&self) -> usize {
        let params = self.params.iter().map(|param| param.name.len() + 100);
        let fields = self.body.iter().flat_map(|body| &body.fields).map(|field| field.name.len() + 100);
        let media = self.body.as_ref().map_or(0, |body| body.media.len()) + self.accept.as_ref().map_or(0, String::len);
        self.path.len() + media + params.sum::<usize>() + fields.sum::<usize>() + 200
    }
}

/// A parameter outside the body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Param {
    /// The command's param.
    pub key: String,
    /// Its name on the wire.
    pub name: String,
    /// `path`, `query`, `header` or `cookie`.
    #[serde(rename = "in")]
    pub location: String,
    /// Whether it is required.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// How lists and objects are written.
    #[serde(flatten)]
    pub form: Form,
}

/// How a value is written into a text.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Form {
    /// OpenAPI's style, if it differs from the location's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<String>,
    /// Whether each item is written separately.
    #[serde(skip_serializing_if = "is_false")]
    pub explode: bool,
    /// Whether reserved characters are sent unescaped.
    #[serde(skip_serializing_if = "is_false")]
    pub reserved: bool,
    /// Whether it is written as JSON.
    #[serde(skip_serializing_if = "is_false")]
    pub json: bool,
}

/// The body of a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Body {
    /// How it is written.
    pub kind: BodyKind,
    /// The media type, as it is sent.
    #[serde(rename = "type")]
    pub media: String,
    /// Whether it is required.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// The param that holds all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it takes parts that no param names.
    #[serde(skip_serializing_if = "is_false")]
    pub open: bool,
    /// The params that hold its parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<BodyField>,
}

/// How a body is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// JSON text.
    #[default]
    Json,
    /// `a=1&b=2`.
    Form,
    /// Parts, with files.
    Multipart,
    /// Bytes, given in base64.
    Bytes,
    /// A text, unchanged.
    Text,
}

/// A part of a body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BodyField {
    /// The command's param.
    pub key: String,
    /// Its name on the wire.
    pub name: String,
    /// How lists and objects are written into a form.
    #[serde(flatten)]
    pub form: Form,
    /// Whether it is required.
    #[serde(skip_serializing_if = "is_false")]
    pub required: bool,
    /// Whether it is a file, given in base64.
    #[serde(skip_serializing_if = "is_false")]
    pub file: bool,
    /// The media type of the part.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub media: Option<String>,
}

/// A header of the answer that the result holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputHeader {
    /// Its name on the wire.
    pub name: String,
    /// Its name in the result.
    pub key: String,
}

/// A credential that an operation needs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Need {
    /// The scheme, by its name in the script.
    pub scheme: String,
    /// The scopes to request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// How the pages of a list are turned.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pages {
    /// `cursor`, `page`, `offset`, `last` (by the last item) or `link`.
    pub by: String,
    /// The param that holds the beginning of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The JSON pointer of the next cursor or link in the answer; with `last`, that in the last item. Without it, a link is
    /// that of the header `Link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The JSON pointer of the items in the answer; absent if the answer itself is the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
    /// The first page's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
    /// The JSON pointer of a flag that says whether there are more pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<String>,
    /// The JSON pointer of a flag that says whether this is the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}
