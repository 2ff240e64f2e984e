//! What a test service answers, right or wrong.

use std::time::Duration;

use serde_json::Value;

/// An answer of an [`Upstream`](super::Upstream), with faults if a test wants some.
///
/// ```
/// use std::time::Duration;
///
/// use connector_runtime::prelude::json;
/// use connector_runtime::testing::Answer;
///
/// Answer::json(json!({ "id": 1 })).status(201).header("location", "/users/1");
/// Answer::empty(204);
/// // Faults:
/// Answer::json(json!([])).after(Duration::from_millis(200)); // slow
/// Answer::never(); //                                           a service that hangs
/// Answer::closes(); //                                          the connection ends without an answer
/// Answer::json(json!([1, 2])).cut_after(3); //                  ... or in the middle of the body
/// Answer::text("{").header("content-type", "application/json"); // not JSON
/// Answer::text("abc").content_length(100); //                   a length that is not true
/// Answer::raw("HTTP/1.1 banana\r\n\r\n"); //                    not HTTP
/// ```
#[derive(Debug, Clone)]
#[must_use = "an answer does nothing until a route gives it"]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    length: Option<u64>,
    wait: Wait,
    end: End,
}

/// What comes before an answer.
#[derive(Debug, Clone, Copy)]
enum Wait {
    None,
    For(Duration),
    Forever,
}

/// How much of an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// The head and so many bytes of the body; then the connection is closed.
    CutAfter(usize),
    /// The body alone, in place of an answer; then the connection is closed.
    Raw,
}

impl Answer {
    /// Answers 200 with JSON.
    pub fn json(body: impl Into<Value>) -> Self {
        Self::bytes(body.into().to_string()).header("content-type", "application/json")
    }

    /// Answers 200 with a text.
    pub fn text(body: impl Into<String>) -> Self {
        Self::bytes(body.into()).header("content-type", "text/plain; charset=utf-8")
    }

    /// Answers 200 with bytes of no type.
    pub fn bytes(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, headers: Vec::new(), body: body.into(), length: None, wait: Wait::None, end: End::Whole }
    }

    /// Answers with a status and no body.
    pub fn empty(status: u16) -> Self {
        Self::bytes("").status(status)
    }

    /// Writes these bytes in place of an answer, and closes the connection.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { end: End::Raw, ..Self::bytes(bytes) }
    }

    /// Closes the connection without an answer.
    pub fn closes() -> Self {
        Self::raw("")
    }

    /// Never answers, and keeps the connection open.
    pub fn never() -> Self {
        Self { wait: Wait::Forever, ..Self::closes() }
    }

    /// Sets the status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Sets a header. One of this name that is there already goes, so that a test can give another content type; a
    /// second one is added by [`Answer::and_header`].
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.and_header(name, value)
    }

    /// Adds a header beside those of the same name, such as a second `set-cookie`.
    pub fn and_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Waits before it answers.
    pub fn after(mut self, delay: Duration) -> Self {
        self.wait = Wait::For(delay);
        self
    }

    /// Closes the connection after so many bytes of the body, of which the head gives the whole length.
    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.end = End::CutAfter(bytes);
        self
    }

    /// Gives a length of the body that need not be true; the connection is closed after the body.
    pub fn content_length(mut self, bytes: u64) -> Self {
        self.length = Some(bytes);
        self
    }

    pub(super) async fn wait(&self) {
        match self.wait {
            Wait::None => {}
            Wait::For(delay) => tokio::time::sleep(delay).await,
            Wait::Forever => std::future::pending().await,
        }
    }

    /// Returns what is written, without the body to a HEAD, and whether the connection goes on.
    pub(super) fn into_bytes(self, to_head: bool) -> (Vec<u8>, bool) {
        let Self { status, headers, mut body, length, end, .. } = self;
        if end == End::Raw {
            return (body, false);
        }
        let mut head = format!("HTTP/1.1 {status} Canned\r\n");
        let is_given = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        // These have no body, and so no length.
        let bare = matches!(status, 100..200 | 204 | 304);
        if !is_given && (!bare || length.is_some()) {
            head.push_str(&format!("content-length: {}\r\n", length.unwrap_or(body.len() as u64)));
        }
        head.push_str("\r\n");
        if let End::CutAfter(bytes) = end {
            body.truncate(bytes);
        }
        if to_head || bare {
            body.clear();
        }
        ([head.as_bytes(), &body].concat(), end == End::Whole && length.is_none() && !is_given)
    }
}
