//! An HTTP/1.1 client over a plain socket, so that a test can send what no good client would. Each answer is compared
//! with what the server's own API document says of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::api::{ApiDocument, Exchange};
use crate::http::{header, headers, read_head, read_line};
use crate::within_bound;

/// Calls one server, with one token or none.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    token: Option<String>,
    document: Option<Arc<ApiDocument>>,
}

/// An answer with its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// The head as it came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    token: Option<String>,
    document: Option<Arc<ApiDocument>>,
}

impl Client {
    /// Returns a client without a token.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, token: None, document: None }
    }

    /// Compares each answer with a document; one that is not in it fails the test.
    #[must_use]
    pub fn checked_by(&self, document: Arc<ApiDocument>) -> Self {
        Self { document: Some(document), ..self.clone() }
    }

    /// Returns a client with a token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self { token: Some(token.into()), ..self.clone() }
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        // A head and a body are two writes; without this the body waits for the server to acknowledge the head.
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let (token, document) = (self.token.clone(), self.document.clone());
        Ok(Connection { read: BufReader::new(read), write, token, document })
    }

    /// Sends a GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    /// Sends a DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], b"").await
    }

    /// Sends a POST with JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, &[], body).await
    }

    /// Sends a PUT with JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.json("PUT", path, &[], body).await
    }

    /// Sends JSON with any method and further headers.
    pub async fn json(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        self.send(method, path, &headers, body.to_string().as_bytes()).await
    }

    /// Sends anything on a connection of its own.
    ///
    /// # Panics
    /// When no whole answer comes within the bound, and when the answer is not documented.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let exchange = async { self.connect().await?.send(method, path, headers, body).await };
        let answer = within_bound(&format!("the answer of {method} {path}"), exchange).await;
        answer.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }
}

impl Connection {
    /// Sends a request and reads its answer; the connection stays open.
    ///
    /// The answer is read while the body is still being written: a server may refuse a body half-way.
    ///
    /// # Errors
    /// When the connection breaks.
    ///
    /// # Panics
    /// When the answer is not documented.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: floh.test\r\n");
        if let Some(token) = &self.token {
            head.push_str(&format!("authorization: Bearer {token}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let write = async {
            self.write.write_all(head.as_bytes()).await?;
            self.write.write_all(body).await
        };
        let (_written, answer) = tokio::join!(write, read_answer(&mut self.read, method == "HEAD"));
        answer.inspect(|answer| self.check(method, path, answer))
    }

    /// Sends bytes as they are and reads an answer.
    ///
    /// # Errors
    /// When the connection breaks.
    ///
    /// # Panics
    /// When the bytes begin with a request line and the answer is not documented.
    pub async fn raw(&mut self, bytes: &[u8]) -> io::Result<Answer> {
        self.write.write_all(bytes).await?;
        let answer = read_answer(&mut self.read, false).await?;
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if let [method, path, _] = String::from_utf8_lossy(line).split(' ').collect::<Vec<_>>()[..] {
            self.check(method, path, &answer);
        }
        Ok(answer)
    }

    fn check(&self, method: &str, path: &str, answer: &Answer) {
        let Some(document) = &self.document else { return };
        let headers = headers(&answer.head).collect();
        let exchange = Exchange { method, path, status: answer.status, headers, body: &answer.body };
        if let Err(undocumented) = document.check(&exchange) {
            panic!("{undocumented}\n{answer}");
        }
    }
}

impl Answer {
    /// Returns a header's first value. The name's case does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// Returns the body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self}"))
    }

    /// Returns the JSON body of an answer that must have this status.
    ///
    /// # Panics
    /// When it has another one.
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// Returns the body of a problem that must have this status (RFC 9457).
    ///
    /// # Panics
    /// When it is none, or has another status.
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self}");
        let problem = self.json();
        assert_eq!(problem["status"], status, "{self}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {self}");
        }
        problem
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

async fn read_answer(read: &mut BufReader<OwnedReadHalf>, to_head: bool) -> io::Result<Answer> {
    loop {
        let head = read_head(read).await?;
        let status = head.get(9..12).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| io::Error::other(format!("no status in {head:?}")))?;
        if (100..200).contains(&status) {
            continue;
        }
        let mut body = Vec::new();
        if to_head || matches!(status, 204 | 304) {
            return Ok(Answer { status, head, body });
        }
        if header(&head, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            while let size @ 1.. = read_chunk_size(read).await? {
                let start = body.len();
                body.resize(start + size, 0);
                read.read_exact(&mut body[start..]).await?;
                read_line(read).await?;
            }
            while !read_line(read).await?.is_empty() {}
        } else if let Some(length) = header(&head, "content-length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            read.read_exact(&mut body).await?;
        } else {
            read.read_to_end(&mut body).await?;
        }
        return Ok(Answer { status, head, body });
    }
}

async fn read_chunk_size(read: &mut BufReader<OwnedReadHalf>) -> io::Result<usize> {
    let line = read_line(read).await?;
    let digits = line.split(';').next().unwrap_or_default().trim();
    usize::from_str_radix(digits, 16).map_err(io::Error::other)
}
