//! The server's address: `wss://host/`, or `ws://` if nobody else can read the traffic.

use std::fmt;
use std::net::IpAddr;

use url::{Host, Url};

/// The path of the agents' WebSocket below the server's address.
const PATH: &str = "/api/connectors/agents/ws";

/// The agents' WebSocket of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    url: Url,
}

/// Why a text is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is not the URL of a WebSocket.
    #[error("the server's address {0:?} cannot be used: {1}; write it as wss://floh.example.com")]
    Invalid(String, &'static str),
    /// The token would be sent unencrypted.
    #[error(
        "the server's address {0:?} is ws:// to another machine, which sends the token and every value in the \
         clear; write wss://, or pass --insecure-ws if the connection is protected otherwise"
    )]
    Insecure(String),
}

impl ServerAddress {
    /// Parses the server's address or the full URL of the WebSocket. `ws` is accepted only for this machine, unless
    /// `insecure` is set.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str, insecure: bool) -> Result<Self, AddressError> {
        let invalid = |why| AddressError::Invalid(shown(text), why);
        let mut url = Url::parse(text).map_err(|_| invalid("it is no URL"))?;
        if !matches!(url.scheme(), "ws" | "wss") {
            return Err(invalid("it is neither wss:// nor ws://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it has a user name or password; the token goes into --token-file"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("it has a query or fragment"));
        }
        if url.host().is_none() {
            return Err(invalid("it has no host"));
        }
        if url.scheme() == "ws" && !insecure && !is_this_machine(&url) {
            return Err(AddressError::Insecure(shown(text)));
        }
        let path = url.path().trim_end_matches('/');
        let path = if path.ends_with(PATH) { path.to_owned() } else { format!("{path}{PATH}") };
        url.set_path(&path);
        Ok(Self { url })
    }

    /// Returns the URL of the WebSocket.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.url.scheme() == "wss"
    }

    /// Returns the host in the form that is dialled, and the port.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let host = match self.url.host() {
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        (host, self.url.port_or_known_default().unwrap_or(443))
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

/// Returns the text as an error may show it: without credentials, which must not appear in a log.
fn shown(text: &str) -> String {
    match text.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?.1))) {
        Some((scheme, rest)) => format!("{scheme}://...@{rest}"),
        None => text.to_owned(),
    }
}
