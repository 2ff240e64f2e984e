//! Bodies of several parts: multipart/form-data (RFC 7578), written as browsers write them.
//!
//! A name, file name or content type from a user must not be able to end its line and begin another part.
//! So names are escaped by the WHATWG's rule, which leaves no quote and no line break in them, content types
//! are checked, and the boundary is random and checked to occur in no part.

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use http::HeaderValue;
use serde::Serialize;

use super::EgressError;
use super::outgoing::{holds, unwritable};
use crate::Secret;

/// The parts of a multipart/form-data body, in order.
///
/// ```no_run
/// # async fn example(client: connector_egress::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use connector_egress::{Form, Part};
///
/// let pdf = Part::bytes(b"%PDF-1.7".as_slice()).file_name("report.pdf").content_type("application/pdf");
/// let form = Form::new().text("title", "Report").part("document", pdf);
/// client.post("https://api.example.com/documents").multipart(form).send().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use = "a form does nothing until a request sends it"]
pub struct Form(Vec<(String, Part)>);

impl Form {
    /// Makes a form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    pub fn text(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.part(name, Part::text(text))
    }

    /// Adds a secret; the whole body counts as secret then.
    pub fn secret(self, name: impl Into<String>, secret: &Secret) -> Self {
        self.part(name, Part::secret(secret))
    }

    /// Adds a value as JSON.
    pub fn json<T: Serialize + ?Sized>(self, name: impl Into<String>, value: &T) -> Self {
        self.part(name, Part::json(value))
    }

    /// Adds a file. Name its type with [`Part::content_type`].
    pub fn file(self, name: impl Into<String>, file_name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.part(name, Part::bytes(bytes).file_name(file_name))
    }

    /// Adds a part. Several may have the same name.
    pub fn part(mut self, name: impl Into<String>, part: Part) -> Self {
        self.0.push((name.into(), part));
        self
    }

    /// Writes the body.
    pub(super) fn write(self) -> Result<Written, EgressError> {
        self.write_with(random_boundary)
    }

    /// Writes the body with the first boundary that occurs in no part.
    pub(super) fn write_with(
        &self,
        mut boundary: impl FnMut() -> Result<String, EgressError>,
    ) -> Result<Written, EgressError> {
        let heads = self.0.iter().map(|(name, part)| part.head(name)).collect::<Result<Vec<_>, _>>()?;
        let parts = || heads.iter().zip(&self.0).map(|(head, (_, part))| (head, &part.body));
        let boundary = loop {
            let candidate = boundary()?;
            // It has no line break and each head ends with one: it cannot begin in a head and end in a body.
            if !parts().any(|(head, body)| head.contains(&candidate) || holds(body, &candidate)) {
                break candidate;
            }
        };
        let mut body = BytesMut::new();
        for (head, bytes) in parts() {
            body.put_slice(format!("--{boundary}\r\n{head}").as_bytes());
            body.put_slice(bytes);
            body.put_slice(b"\r\n");
        }
        body.put_slice(format!("--{boundary}--\r\n").as_bytes());
        let content_type = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"));
        Ok(Written {
            content_type: content_type.map_err(|error| unwritable("multipart form", &error))?,
            body: body.freeze(),
            secret: self.0.iter().any(|(_, part)| part.secret),
        })
    }
}

/// Shows the names of the parts and nothing of their content.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, part)| (name, part))).finish()
    }
}

/// A form as it is sent.
pub(super) struct Written {
    pub(super) content_type: HeaderValue,
    pub(super) body: Bytes,
    pub(super) secret: bool,
}

/// One part of a [`Form`].
#[derive(Clone)]
#[must_use = "a part does nothing until a form holds it"]
pub struct Part {
    body: Bytes,
    file_name: Option<String>,
    content_type: Option<String>,
    secret: bool,
    /// A mistake that is reported when the form is written.
    error: Option<EgressError>,
}

impl Part {
    /// Makes a part of a text. Its line breaks are sent as they are.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(text.into(), None)
    }

    /// Makes a part of a secret; the whole body counts as secret then.
    pub fn secret(secret: &Secret) -> Self {
        Self::text(secret.expose()).sensitive()
    }

    /// Makes a part of bytes, of the type `application/octet-stream` unless another one is named.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::new(bytes, Some("application/octet-stream"))
    }

    /// Makes a part of a value, as JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::new(body, Some("application/json")),
            Err(error) => Self { error: Some(unwritable("JSON part", &error)), ..Self::new(Bytes::new(), None) },
        }
    }

    /// Names the file that the part is.
    pub fn file_name(mut self, name: impl Into<String>) -> Self {
        self.file_name = Some(name.into());
        self
    }

    /// Names the part's type, such as `image/png`.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Marks the part as secret, and with it the whole body: it is not carried to another origin.
    pub fn sensitive(mut self) -> Self {
        self.secret = true;
        self
    }

    fn new(body: impl Into<Bytes>, content_type: Option<&str>) -> Self {
        let content_type = content_type.map(str::to_owned);
        Self { body: body.into(), file_name: None, content_type, secret: false, error: None }
    }

    /// Writes the lines before the part's body.
    fn head(&self, name: &str) -> Result<String, EgressError> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escaped(&with_crlf(name))?);
        if let Some(file_name) = &self.file_name {
            head.push_str(&format!("; filename=\"{}\"", escaped(file_name)?));
        }
        head.push_str("\r\n");
        if let Some(content_type) = &self.content_type {
            if !is_media_type(content_type) {
                return Err(EgressError::request("a part's content type is not written like image/png; correct it"));
            }
            head.push_str(&format!("Content-Type: {content_type}\r\n"));
        }
        head.push_str("\r\n");
        Ok(head)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// Makes every line break of a name CRLF, as the form submission of browsers does.
fn with_crlf(name: &str) -> String {
    name.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n")
}

/// Escapes a name or file name (WHATWG HTML, "multipart/form-data encoding algorithm"). Other control
/// characters have no escape there, and no business in a name.
fn escaped(name: &str) -> Result<String, EgressError> {
    let mut escaped = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '"' => escaped.push_str("%22"),
            '\r' => escaped.push_str("%0D"),
            '\n' => escaped.push_str("%0A"),
            c if c.is_control() => {
                return Err(EgressError::request(
                    "the name or file name of a part holds a control character; take it out",
                ));
            }
            c => escaped.push(c),
        }
    }
    Ok(escaped)
}

/// Returns whether a text is `type/subtype`, with or without parameters, on one line of ASCII.
fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_ascii_end();
    let named = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    named && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns a boundary with 128 random bits, which the author of a part cannot guess.
fn random_boundary() -> Result<String, EgressError> {
    let bits = getrandom::u64().and_then(|high| Ok((high, getrandom::u64()?)));
    let (high, low) = bits.map_err(|error| unwritable("multipart form", &error))?;
    Ok(format!("floh-{high:016x}{low:016x}"))
}
