//! The way from the agent to its server: directly, or through the HTTP proxy of its network.

use std::fmt;
use std::sync::Arc;

use connector_runtime::egress::{PolicyError, Proxy, tunnel};
use rustls::ClientConfig;
use tokio::net::TcpStream;

use super::ServerAddress;

/// Variables that other programs take their proxy from. This one does not, because what they say is rarely meant for it.
const OTHERS: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The way to a server.
#[derive(Clone)]
pub struct Route {
    /// The server.
    pub server: ServerAddress,
    /// The TLS configuration for it; not needed for `ws`.
    pub tls: Option<Arc<ClientConfig>>,
    /// The proxy that opens the connection.
    pub proxy: Option<Proxy>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("server", &self.server).field("proxy", &self.proxy).finish_non_exhaustive()
    }
}

impl Route {
    /// Opens a connection to the server, and says why if it cannot.
    pub(super) async fn connect(&self) -> Result<TcpStream, String> {
        let (host, port) = self.server.host_and_port();
        let Some(proxy) = &self.proxy else {
            return TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string());
        };
        let (proxy_host, proxy_port) = proxy.place();
        let stream = TcpStream::connect((proxy_host.as_str(), proxy_port)).await;
        let stream =
            stream.map_err(|error| format!("the proxy {proxy_host}:{proxy_port} cannot be reached: {error}"))?;
        // An IPv6 address stands in brackets (RFC 9110, section 9.3.6).
        let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        tunnel(stream, proxy, &authority).await.map_err(|why| format!("{why}, at {proxy_host}:{proxy_port}"))
    }
}

/// Returns the proxy for a server, unless the server is one of those that are reached directly.
///
/// # Errors
/// If the text is no proxy's URL.
pub(super) fn proxy_for(
    server: &ServerAddress,
    proxy: Option<&str>,
    direct: &[String],
) -> Result<Option<Proxy>, PolicyError> {
    let proxy = proxy.map(Proxy::parse).transpose()?;
    let (host, _) = server.host_and_port();
    Ok(proxy.filter(|_| !direct.iter().any(|entry| covers(entry, &host))))
}

/// Returns whether an entry names a host: `*`, a name or an address, or `.name` and `*.name` for all below a name.
fn covers(entry: &str, host: &str) -> bool {
    let (entry, host) = (entry.trim().to_ascii_lowercase(), host.to_ascii_lowercase());
    match entry.strip_prefix('*').unwrap_or(&entry) {
        "" => entry == "*",
        suffix if suffix.starts_with('.') => host.ends_with(suffix),
        name => name == host && !entry.starts_with('*'),
    }
}

/// Returns the names of the variables for a proxy that are set and not read.
pub(super) fn variables_not_read(is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
    OTHERS.into_iter().filter(|name| is_set(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_named_is_reached_directly() {
        for (entry, host, direct) in [
            ("floh.example", "floh.example", true),
            (" FLOH.example ", "floh.EXAMPLE", true),
            ("example", "floh.example", false),
            (".example", "floh.example", true),
            ("*.example", "floh.example", true),
            (".example", "example", false),
            ("*example", "floh.example", false),
            ("*", "floh.example", true),
            ("", "floh.example", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("::1", "::1", true),
        ] {
            assert_eq!(covers(entry, host), direct, "{entry:?} {host:?}");
        }
    }

    #[test]
    fn variables_that_are_not_read_are_named() {
        assert_eq!(
            variables_not_read(|name| name.ends_with("PROXY") && name != "HTTP_PROXY"),
            ["HTTPS_PROXY", "ALL_PROXY"]
        );
    }
}
