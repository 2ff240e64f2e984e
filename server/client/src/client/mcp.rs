//! `/mcp`: one message of the Model Context Protocol out, and the messages that answer it.
//!
//! What a message means is its sender's business. This is only the way there and back (docs/contract.md#8-mcp): a POST
//! whose answer is one JSON message, none, or a stream of events with a message each.

use std::collections::VecDeque;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::error::ClientError;
use super::transport::{Client, Outgoing, Streaming};

/// The largest message of a server, in bytes: a page of a list holds 200 tools with their schemas.
pub const MAX_MESSAGE: usize = 64 << 20;

/// What the headers say of a message, so that a proxy need not read its body. From 2026-07-28 on the server demands all
/// that apply; what cannot be a header is left out, and the server says what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct McpHeaders {
    /// `MCP-Protocol-Version`.
    pub version: Option<String>,
    /// `Mcp-Method`.
    pub method: Option<String>,
    /// `Mcp-Name`, already in the form that headers carry.
    pub name: Option<String>,
}

/// The messages that answer one message. Dropping it before its end closes the connection, which cancels the request.
pub struct McpMessages {
    answer: Option<Streaming>,
    server: String,
    events: Events,
    ready: VecDeque<String>,
}

impl std::fmt::Debug for McpMessages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("McpMessages").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What shows that JSON is a message of the protocol.
#[derive(Deserialize)]
struct Message {
    #[serde(rename = "jsonrpc")]
    _version: IgnoredAny,
}

impl Client {
    /// Sends a message of the Model Context Protocol, as JSON. An error of the protocol is a message too, also where its
    /// status is 400 or 404.
    ///
    /// # Errors
    /// [`ClientError`]: the server cannot be reached, refuses the token, or answers with something else.
    pub async fn mcp(&self, message: Vec<u8>, headers: &McpHeaders) -> Result<McpMessages, ClientError> {
        let mut out = Outgoing { body: Some(message), ..Outgoing::default() }
            .header("accept", "application/json, text/event-stream")?;
        let named =
            [("mcp-protocol-version", &headers.version), ("mcp-method", &headers.method), ("mcp-name", &headers.name)];
        for (name, value) in named {
            if let Some(value) = value.as_deref().filter(|value| carried(value)) {
                out = out.header(name, value)?;
            }
        }
        let answer = self.post_streaming("/mcp", out).await?;
        McpMessages::read(answer, self.server()).await
    }
}

/// Returns whether a header can carry a text.
fn carried(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

impl McpMessages {
    async fn read(answer: Streaming, server: &str) -> Result<Self, ClientError> {
        let mut messages =
            Self { answer: None, server: server.to_owned(), events: Events::default(), ready: VecDeque::new() };
        let succeeded = (200..300).contains(&answer.status);
        let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if succeeded && kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream") {
            messages.answer = Some(answer);
            return Ok(messages);
        }
        let (answer, body) = whole(answer).await?;
        let status = answer.status;
        if serde_json::from_slice::<Message>(&body).is_ok() {
            messages.ready.push_back(one_line(String::from_utf8_lossy(&body).into_owned()));
            return Ok(messages);
        }
        match (succeeded, body.is_empty()) {
            (true, true) => Ok(messages),
            (true, false) => Err(ClientError::Unexpected {
                server: messages.server,
                status,
                what: "a body that is not a message of the Model Context Protocol".to_owned(),
            }),
            (false, _) => Err(answer.into_incoming(body).refused()),
        }
    }

    /// Returns the next message, as JSON on one line; none when the server has said all.
    ///
    /// # Errors
    /// [`ClientError::Transport`] if the connection breaks, [`ClientError::TooLarge`] if a message has more than
    /// [`MAX_MESSAGE`] bytes, [`ClientError::Unexpected`] if it is not JSON.
    pub async fn next(&mut self) -> Result<Option<String>, ClientError> {
        loop {
            if let Some(text) = self.ready.pop_front() {
                return self.checked(text).map(Some);
            }
            let Some(answer) = &mut self.answer else { return Ok(None) };
            match answer.chunk().await? {
                Some(bytes) => self.events.push(&bytes, &mut self.ready)?,
                None => self.answer = None,
            }
        }
    }

    fn checked(&self, text: String) -> Result<String, ClientError> {
        match serde_json::from_str::<IgnoredAny>(&text) {
            Ok(_) => Ok(text),
            Err(error) => Err(ClientError::Unexpected {
                server: self.server.clone(),
                status: 200,
                what: format!("an event that is not JSON ({error})"),
            }),
        }
    }
}

/// Reads an answer to its end.
async fn whole(mut answer: Streaming) -> Result<(Streaming, Vec<u8>), ClientError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if bytes.len() + chunk.len() > MAX_MESSAGE {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((answer, bytes))
}

fn too_large() -> ClientError {
    ClientError::TooLarge(format!("a message has more than {MAX_MESSAGE} bytes"))
}

/// Puts JSON on one line. Between its tokens a line break means what a space does, and within a text there is none.
fn one_line(json: String) -> String {
    if json.contains(['\n', '\r']) { json.replace(['\n', '\r'], " ") } else { json }
}

/// Reads an event stream (HTML standard, section 9.2): the data of each event, without the names and ids that MCP's
/// sessions once needed.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: String,
    /// Whether the event has a line of data.
    begun: bool,
    after_return: bool,
}

impl Events {
    /// Reads bytes; whole events are put into `ready`.
    fn push(&mut self, bytes: &[u8], ready: &mut VecDeque<String>) -> Result<(), ClientError> {
        for byte in bytes {
            let after_return = std::mem::take(&mut self.after_return);
            match byte {
                b'\n' if after_return => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    self.end_line(ready);
                }
                byte => self.line.push(*byte),
            }
            if self.line.len() + self.data.len() > MAX_MESSAGE {
                return Err(too_large());
            }
        }
        Ok(())
    }

    fn end_line(&mut self, ready: &mut VecDeque<String>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            if std::mem::take(&mut self.begun) && !data.trim().is_empty() {
                ready.push_back(data);
            }
            return;
        }
        let Some(value) = line.strip_prefix(b"data").filter(|rest| matches!(rest.first(), None | Some(b':'))) else {
            return;
        };
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if std::mem::replace(&mut self.begun, true) {
            self.data.push(' ');
        }
        self.data.push_str(&String::from_utf8_lossy(value));
    }
}

#[cfg(test)]
mod tests;
