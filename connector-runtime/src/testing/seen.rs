//! A request as a test service got it.

use serde_json::Value;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};
use url::form_urlencoded;

/// Maximum size of a head that a test service reads, in bytes.
const MAX_HEAD_BYTES: u64 = 256 * 1024;
/// Maximum size of a body that a test service reads, in bytes.
const MAX_BODY_BYTES: u64 = 256 * 1024 * 1024;

/// A request that an [`Upstream`](super::Upstream) got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Seen {
    /// Returns the method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the path as it was sent, without the query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Returns method, path and query as they were sent: `GET /users?limit=5`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Returns the query, decoded and in order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// Returns the first value of a query parameter, decoded.
    pub fn query(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Returns the headers in order, with names in lower case.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Returns the first value of a header; the case of its name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as a text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the fields of a form, decoded and in order.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// Reads one request; `None` at the end of the connection, or if what comes is not a request.
    pub(super) async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Self> {
        let mut head = (&mut *stream).take(MAX_HEAD_BYTES);
        let line = line(&mut head).await?;
        let mut parts = line.split(' ');
        let (method, target) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let mut headers = Vec::new();
        loop {
            let line = self::line(&mut head).await?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':')?;
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut seen = Self { method, target, headers, body: Vec::new() };
        let is_chunked = seen.header("transfer-encoding").is_some_and(|coding| coding.ends_with("chunked"));
        let length = seen.header("content-length").map(str::parse::<u64>);
        seen.body = match length {
            _ if is_chunked => chunks(stream).await?,
            Some(length) => bytes(stream, length.ok()?).await?,
            None => Vec::new(),
        };
        Some(seen)
    }
}

/// Reads a line, without its end.
async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await.ok()?;
    let text = String::from_utf8_lossy(line.strip_suffix(b"\n")?).into_owned();
    Some(text.strip_suffix('\r').map(str::to_owned).unwrap_or(text))
}

async fn bytes(stream: &mut (impl AsyncBufRead + Unpin), length: u64) -> Option<Vec<u8>> {
    if length > MAX_BODY_BYTES {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

/// Reads a body in chunks, whose trailers are passed over.
async fn chunks(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream).await?;
        let size = u64::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            while !line(stream).await?.is_empty() {}
            return Some(body);
        }
        let left = MAX_BODY_BYTES.checked_sub(body.len() as u64)?;
        body.extend(bytes(stream, size.min(left + 1)).await?);
        line(stream).await?;
    }
}
