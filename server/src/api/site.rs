//! Where a request was sent to and where it came from: the `Host` that this server answers to, and the rule that keeps other
//! sites from acting with a user's session.
//!
//! `X-Forwarded-*` is never believed: who reaches the server directly could write anything there. The address behind a proxy is
//! that of `--public-url`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Once;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use url::{Host, Url};

use super::Problem;
use crate::app::App;
use crate::public_url::PublicUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
/// The maximum number of characters of a header that an error repeats.
const MAX_SHOWN: usize = 100;

/// The addresses of this server.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    address: Option<SocketAddr>,
    public: Option<&'a PublicUrl>,
}

impl<'a> Site<'a> {
    /// Returns the addresses of a server.
    pub fn of(app: &'a App) -> Self {
        Self { address: app.address(), public: app.public_url() }
    }

    /// Returns whether browsers reach the server over TLS: only `--public-url` says so.
    pub fn is_https(self) -> bool {
        self.public.is_some_and(PublicUrl::is_https)
    }

    /// Refuses a request whose `Host` is no address of this server: a name that somebody else's DNS points here would let a
    /// foreign page read what it gets. Requests with a session and all pages are checked.
    ///
    /// # Errors
    /// 421.
    pub fn check_host(self, request: &Request) -> Result<(), Problem> {
        self.address_of(request).map(drop)
    }

    /// Refuses a request that may change something unless it comes from a page of this server. Browsers say where it comes from;
    /// nothing else does.
    ///
    /// # Errors
    /// 403, or 421 if the `Host` is no address of this server.
    pub fn check_same_site(self, request: &Request) -> Result<(), Problem> {
        let own = self.address_of(request)?;
        if is_safe(request.method()) {
            return Ok(());
        }
        let headers = request.headers();
        let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
        let (is_ours, said) = match (sites.next(), sites.next()) {
            (Some(site), None) => {
                // `none` is an address bar or a bookmark: the user, who reloads the answer of a form.
                let is_navigation = || only(headers, &SEC_FETCH_MODE) == Some("navigate");
                let site = site.to_str().unwrap_or_default();
                (site == "same-origin" || (site == "none" && is_navigation()), format!("Sec-Fetch-Site: {}", cut(site)))
            }
            (None, _) => {
                let origin = only(headers, &header::ORIGIN);
                let is_ours = origin.is_some_and(|origin| self.origins(&own).any(|ours| ours == origin));
                (is_ours, origin.map_or_else(|| "no Origin".to_owned(), |origin| format!("Origin: {}", cut(origin))))
            }
            (Some(_), Some(_)) => (false, "Sec-Fetch-Site twice".to_owned()),
        };
        if is_ours {
            return Ok(());
        }
        let own = self.origins(&own).next().unwrap_or_default();
        let detail = format!(
            "this came from another site, or does not say where from ({said}); with a session, only pages of {own} may change something. \
             Open the page there and try again; programs send `Authorization: Bearer <token>`"
        );
        Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", detail))
    }

    /// Checks a request of a program at a door that pages of other sites must not reach by a name of their own: its `Host` is an address
    /// of this server and, if a browser sent it, its `Origin` is one too.
    ///
    /// # Errors
    /// A sentence that names the setting.
    pub fn check_program(self, request: &Request) -> Result<(), String> {
        let mend = "if that is the address of a proxy before this server, its operator names it with --public-url (FLOH_PUBLIC_URL)";
        let is_ours = |url: &Url| url.host().is_some_and(|host| self.answers_to(&host));
        let headers = request.headers();
        let Some(own) = address(request).filter(is_ours) else {
            let said = only(headers, &header::HOST).map_or_else(|| "none".to_owned(), cut);
            return Err(format!("the Host of the request ({said}) is no address of this server; {mend}"));
        };
        if !headers.contains_key(header::ORIGIN) {
            return Ok(());
        }
        let origin = only(headers, &header::ORIGIN);
        let is_own = |origin: &str| self.origins(&own).any(|ours| ours == origin) || self.is_loopback_origin(origin);
        if origin.is_some_and(is_own) {
            return Ok(());
        }
        let said = origin.map_or_else(|| "several, or not a text".to_owned(), cut);
        Err(format!("the Origin of the request ({said}) is no page of this server; {mend}"))
    }

    /// Returns whether an origin is this machine at the port where the server listens.
    fn is_loopback_origin(self, origin: &str) -> bool {
        let port = self.address.map(|address| address.port());
        let Some(url) = Url::parse(origin).ok().filter(|url| url.origin().ascii_serialization() == origin) else {
            return false;
        };
        let is_loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        is_loopback && url.scheme() == "http" && url.port_or_known_default() == port
    }

    /// Returns the origins whose pages are this server's: that of the request, and that of `--public-url`.
    fn origins(self, own: &Url) -> impl Iterator<Item = String> + use<'a> {
        // Plain http, unless it is the address of `--public-url`: then that has the scheme.
        let is_public = |public: &PublicUrl| public.is_https() && own.host() == Some(borrowed(public.host()));
        let own = (!self.public.is_some_and(is_public)).then(|| own.origin().ascii_serialization());
        own.into_iter().chain(self.public.map(|public| public.origin().to_owned()))
    }

    /// Returns the address that a request was sent to, which is one of this server.
    fn address_of(self, request: &Request) -> Result<Url, Problem> {
        static TOLD: Once = Once::new();
        let is_ours = |url: &Url| url.host().is_some_and(|host| self.answers_to(&host));
        if let Some(address) = address(request).filter(is_ours) {
            return Ok(address);
        }
        TOLD.call_once(|| {
            tracing::warn!(
                "a request for a session or a page has a Host that is no address of this server, and is refused; if it is the address of a \
                 proxy, name it with --public-url (FLOH_PUBLIC_URL). This is told once"
            );
        });
        let said = only(request.headers(), &header::HOST).map_or_else(|| "none".to_owned(), cut);
        let detail = format!(
            "the Host of the request ({said}) is no address of this server; open it by the address that it printed at its start, or let \
             its operator name this one with --public-url (FLOH_PUBLIC_URL)"
        );
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "misdirected", detail))
    }

    /// Returns whether a host is an address of this server. Addresses in digits cannot be pointed elsewhere by DNS.
    fn answers_to(self, host: &Host<&str>) -> bool {
        if self.public.is_some_and(|public| borrowed(public.host()) == *host) {
            return true;
        }
        let ip: IpAddr = match host {
            Host::Domain(name) => return *name == "localhost",
            Host::Ipv4(ip) => (*ip).into(),
            Host::Ipv6(ip) => ip.to_canonical(),
        };
        let listens = self.address.map(|address| address.ip());
        ip.is_loopback() || listens.is_some_and(|own| own.is_unspecified() || own.to_canonical() == ip)
    }
}

/// Returns whether a method changes nothing.
fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Returns the address that a request names: in its target over HTTP/2, else in its one `Host` header.
fn address(request: &Request) -> Option<Url> {
    let headers = request.headers();
    let host = match request.uri().authority() {
        // Who sends both, sends the same.
        Some(authority) if headers.contains_key(header::HOST) => {
            only(headers, &header::HOST).filter(|host| host == authority)?
        }
        Some(authority) => authority.as_str(),
        None => only(headers, &header::HOST)?,
    };
    // Nothing that would be read as another part of a URL.
    let is_plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    if is_plain { Url::parse(&format!("http://{host}")).ok() } else { None }
}

/// Returns the value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

fn borrowed(host: &Host) -> Host<&str> {
    match host {
        Host::Domain(name) => Host::Domain(name),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    }
}

#[cfg(test)]
mod tests;
