//! A request and its answer, as far as the document speaks of them.

/// Headers that every HTTP server sends or that HTTP itself explains; no document lists them for each answer.
const TRANSPORT: [&str; 14] = [
    "cache-control",
    "connection",
    "content-length",
    "content-type",
    "date",
    "keep-alive",
    "referrer-policy",
    "sec-websocket-accept",
    "transfer-encoding",
    "upgrade",
    "vary",
    "x-content-type-options",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
];

/// A request and its answer.
#[derive(Clone, Debug)]
pub struct Exchange<'e> {
    /// The request's method.
    pub method: &'e str,
    /// The request's path; a query behind it does not matter.
    pub path: &'e str,
    /// The answer's status.
    pub status: u16,
    /// The answer's headers.
    pub headers: Vec<(&'e str, &'e str)>,
    /// The answer's body, decoded.
    pub body: &'e [u8],
}

impl<'e> Exchange<'e> {
    /// Returns a header's first value. The name's case does not matter.
    pub fn header(&self, name: &str) -> Option<&'e str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }

    /// Returns the headers that the document has to explain.
    pub(super) fn own_headers(&self) -> impl Iterator<Item = (&'e str, &'e str)> {
        let headers = self.headers.iter().copied();
        headers.filter(|(name, _)| !TRANSPORT.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }

    /// Returns the content type without its parameters, in lower case.
    pub(super) fn media_type(&self) -> Option<String> {
        let text = self.header("content-type")?.split(';').next()?;
        Some(text.trim().to_ascii_lowercase())
    }

    /// Returns whether HTTP allows this answer a body.
    pub(super) fn may_have_body(&self) -> bool {
        self.method != "HEAD" && !matches!(self.status, 100..200 | 204 | 304)
    }

    /// Returns whether the HTTP server answered by itself, because it could not read the request: such an answer has
    /// no body and none of the headers that every answer of the API has.
    pub(super) fn is_below_the_api(&self) -> bool {
        matches!(self.status, 400 | 408 | 414 | 431 | 505)
            && self.body.is_empty()
            && self.header("x-content-type-options").is_none()
    }
}
