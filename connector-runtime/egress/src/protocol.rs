//! The protocols that are spoken to what is called, the ports that each may be spoken on, and the place of a connection.
//!
//! A port says what listens behind it, so each protocol has its own: a connector for directories must not become a way to
//! a database. Only the operator opens another one, by writing it (`host:port`).

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

use super::url::{self as urls, Target, TargetHost};
use super::{Rule, names};

/// What is spoken on a connection that is not HTTP's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// Directories (RFC 4511).
    Ldap,
    /// Sending mail (RFC 5321).
    Smtp,
    /// Reading mail (RFC 9051).
    Imap,
    /// Remote shells and files (RFC 4251).
    Ssh,
    /// PostgreSQL's protocol 3.
    Postgresql,
    /// MySQL's client protocol.
    Mysql,
}

impl Protocol {
    const ALL: [Self; 6] = [Self::Ldap, Self::Smtp, Self::Imap, Self::Ssh, Self::Postgresql, Self::Mysql];

    /// Returns its name, which is the scheme of its URLs.
    pub const fn name(self) -> &'static str {
        self.schemes()[0].0
    }

    /// Returns the ports that it may be spoken on.
    pub const fn ports(self) -> &'static [u16] {
        match self {
            Self::Ldap => &[389, 636, 3268, 3269],
            Self::Smtp => &[25, 465, 587, 2525],
            Self::Imap => &[143, 993],
            Self::Ssh => &[22],
            Self::Postgresql => &[5432],
            Self::Mysql => &[3306],
        }
    }

    /// Returns the schemes of its URLs, each with the port that a URL without one means.
    const fn schemes(self) -> &'static [(&'static str, u16)] {
        match self {
            Self::Ldap => &[("ldap", 389), ("ldaps", 636)],
            Self::Smtp => &[("smtp", 587), ("smtps", 465)],
            Self::Imap => &[("imap", 143), ("imaps", 993)],
            Self::Ssh => &[("ssh", 22), ("sftp", 22)],
            Self::Postgresql => &[("postgresql", 5432), ("postgres", 5432)],
            Self::Mysql => &[("mysql", 3306)],
        }
    }

    /// Returns the protocol of a URL's scheme, and the port that a URL without one means.
    pub fn of_scheme(scheme: &str) -> Option<(Self, u16)> {
        let mut known = Self::ALL.iter().flat_map(|protocol| protocol.schemes().iter().map(|one| (*protocol, *one)));
        known.find(|(_, (name, _))| name.eq_ignore_ascii_case(scheme)).map(|(protocol, (_, port))| (protocol, port))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a connection goes, as errors show it and rules judge it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'p> {
    /// The authority of an http or https URL.
    Url(&'p Url),
    /// Host and port of a connection that is not HTTP's.
    Wire(&'p WirePlace),
}

/// Host and port of a connection that is not HTTP's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WirePlace {
    pub(super) protocol: Protocol,
    pub(super) target: Target,
    /// The host as it is written in a URL: an IPv6 address in brackets.
    host: String,
}

impl WirePlace {
    /// Reads a host as the host of a URL is read, so that an address has one spelling.
    pub(super) fn of(protocol: Protocol, host: &str, port: u16) -> Result<Self, Rule> {
        let (host, target) = read_host(host)?;
        Ok(Self { protocol, target: Target { host: target, port }, host })
    }

    /// Reads a URL of a protocol such as `ldap://host:389`; `None` if its scheme is of none.
    pub(super) fn of_url(text: &str) -> Option<Result<Self, Rule>> {
        let (scheme, _) = text.split_once("://")?;
        let (protocol, default) = Protocol::of_scheme(scheme)?;
        Some(authority(text).and_then(|(host, port)| Self::of(protocol, &host, port.unwrap_or(default))))
    }
}

/// Returns host and port of a URL of any scheme.
pub(super) fn authority(text: &str) -> Result<(String, Option<u16>), Rule> {
    urls::judge_text(text)?;
    let url = Url::parse(text).map_err(|_| Rule::Malformed)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Rule::UserInfo);
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Rule::Malformed)?;
    Ok((host.to_owned(), url.port()))
}

/// Reads a host: a name, or an address in any spelling.
pub(super) fn read_host(text: &str) -> Result<(String, TargetHost), Rule> {
    urls::judge_text(text)?;
    if text.contains('%') {
        return Err(Rule::PercentInHost);
    }
    let bare = match text.parse() {
        // How people write an IPv6 address where nothing follows it.
        Ok(std::net::Ipv6Addr { .. }) => format!("[{text}]"),
        Err(_) => text.to_owned(),
    };
    let host = Host::parse(&bare).map_err(|_| Rule::Malformed)?;
    if let Host::Domain(name) = &host {
        names::shape(name.strip_suffix('.').unwrap_or(name))?;
    }
    let shown = host.to_string();
    let target = match host {
        Host::Domain(name) => Host::Domain(name.as_str()).into(),
        Host::Ipv4(address) => TargetHost::Address(address.into()),
        Host::Ipv6(address) => TargetHost::Address(address.into()),
    };
    Ok((shown, target))
}

impl FromStr for TargetHost {
    type Err = Rule;

    fn from_str(text: &str) -> Result<Self, Rule> {
        read_host(text).map(|(_, target)| target)
    }
}

impl Place<'_> {
    /// Prints it for people.
    pub(super) fn shown(self) -> String {
        match self {
            Self::Url(url) => urls::display(url),
            Self::Wire(place) => format!("{}://{}:{}", place.protocol, place.host, place.target.port),
        }
    }

    /// Returns the host as it is written in a URL.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Url(url) => url.host_str().unwrap_or_default(),
            Self::Wire(place) => &place.host,
        }
    }

    /// Returns `host:port`.
    pub(super) fn authority(self) -> String {
        let port = match self {
            Self::Url(url) => url.port_or_known_default().unwrap_or_default(),
            Self::Wire(place) => place.target.port,
        };
        format!("{}:{port}", self.host())
    }

    /// Returns the narrowest entry of the allow list for it: with the port if it is not its protocol's own.
    pub(super) fn exactly(self) -> String {
        match self {
            Self::Url(url) if url.port().is_none() => self.host().to_owned(),
            Self::Wire(place) if place.protocol.ports().contains(&place.target.port) => self.host().to_owned(),
            _ => self.authority(),
        }
    }

    /// Returns what is spoken there; `None` for HTTP.
    pub(super) const fn protocol(self) -> Option<Protocol> {
        match self {
            Self::Url(_) => None,
            Self::Wire(place) => Some(place.protocol),
        }
    }
}
