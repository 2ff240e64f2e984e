//! The operator's proxy: a setting of its own, never the environment's `*_PROXY`.
//!
//! The proxy looks names up and judges their addresses; the URL, name, port and literal rules still hold
//! here. Destinations on the operator's allow list are internal and are called directly.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

use super::PolicyError;
use super::url::{Target, TargetHost};

/// The most bytes of a proxy's answer to CONNECT.
const MAX_HEAD_BYTES: usize = 8 * 1024;

/// An HTTP proxy, and the password for it.
#[derive(Clone)]
pub struct Proxy {
    pub(super) target: Target,
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    /// Reads `http://proxy:3128` or `http://user:password@proxy:3128`.
    ///
    /// # Errors
    /// With the reason, without the text.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        // The text may hold a password and is not repeated.
        let refuse = |why: &str| PolicyError::new("proxy", why);
        let url = Url::parse(text).map_err(|_| refuse("it is not a URL like http://proxy:3128"))?;
        if url.scheme() != "http" {
            return Err(refuse("only http:// proxies are supported"));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("nothing may follow its port"));
        }
        let target = Target::of(&url).map_err(|_| refuse("it has no host"))?;
        let authorization = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => {
                Some(basic(user, password.unwrap_or_default()).ok_or_else(|| refuse("its password cannot be sent"))?)
            }
        };
        Ok(Self { target, authorization })
    }

    /// Returns the host and the port of the proxy, to be dialled.
    pub fn place(&self) -> (String, u16) {
        let host = match &self.target.host {
            TargetHost::Address(address) => address.to_string(),
            TargetHost::Name(name) => name.clone(),
        };
        (host, self.target.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.target).finish()
    }
}

fn basic(user: &str, password: &str) -> Option<HeaderValue> {
    let mut pair: Vec<u8> = percent_decode_str(user).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(password));
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(pair))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Asks a proxy, over a connection to it, for a tunnel to an authority, `host:port` (RFC 9110, section 9.3.6).
///
/// # Errors
/// With the reason, if the proxy refuses or breaks the connection.
pub async fn tunnel(mut stream: TcpStream, proxy: &Proxy, authority: &str) -> Result<TcpStream, String> {
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let broken = |_| "the operator's proxy broke the connection".to_owned();
    stream.write_all(&request).await.map_err(broken)?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD_BYTES {
            return Err("the operator's proxy answers too much".to_owned());
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    match status(&head) {
        Some(200..=299) => Ok(stream),
        Some(407) => Err("the operator's proxy wants another user or password (status 407)".to_owned()),
        Some(status) => Err(format!("the operator's proxy refused it with status {status}")),
        None => Err("the operator's proxy does not speak HTTP".to_owned()),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let line = head.strip_prefix(b"HTTP/1.")?;
    std::str::from_utf8(line.get(2..5)?).ok()?.parse().ok()
}
