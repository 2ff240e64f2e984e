//! The URL rule: reads a text from a user as a destination that has one reading.
//!
//! The raw text is checked first, because parsers repair what they should refuse: tabs disappear, backslashes
//! become slashes, `user@` hides the host. The rest is parsed by the WHATWG standard, as in browsers.

use std::net::IpAddr;

use url::{Host, Url};

use super::{EgressError, Rule, names};

/// The address of a request: a text, or a [`Url`].
///
/// A text is judged raw, before a parser repairs it. Mistakes are reported when the request is sent.
pub trait IntoUrl: sealed::Sealed {
    /// Parses and judges the URL.
    ///
    /// # Errors
    ///
    /// Fails with [`EgressError::Url`] if the text is not an absolute http or https URL with one reading.
    fn into_url(self) -> Result<Url, EgressError>;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for &str {}
    impl Sealed for String {}
    impl Sealed for &String {}
    impl Sealed for url::Url {}
    impl Sealed for &url::Url {}
}

impl IntoUrl for &str {
    fn into_url(self) -> Result<Url, EgressError> {
        parse(self).map_err(EgressError::url)
    }
}

impl IntoUrl for String {
    fn into_url(self) -> Result<Url, EgressError> {
        self.as_str().into_url()
    }
}

impl IntoUrl for &String {
    fn into_url(self) -> Result<Url, EgressError> {
        self.as_str().into_url()
    }
}

impl IntoUrl for Url {
    fn into_url(self) -> Result<Url, EgressError> {
        judge(&self).map_err(EgressError::url)?;
        Ok(self)
    }
}

impl IntoUrl for &Url {
    fn into_url(self) -> Result<Url, EgressError> {
        self.clone().into_url()
    }
}

/// Parses an absolute URL from a raw text.
pub(super) fn parse(text: &str) -> Result<Url, Rule> {
    judge_text(text)?;
    if !has_http_scheme(text) {
        return Err(Rule::Scheme);
    }
    judge_authority(text)?;
    let url = Url::parse(text).map_err(|_| Rule::Malformed)?;
    judge(&url)?;
    Ok(url)
}

/// Resolves the target of a redirect, a relative reference or an absolute URL, against the URL that redirected.
pub(super) fn join(base: &Url, location: &str) -> Result<Url, Rule> {
    judge_text(location)?;
    judge_authority(location)?;
    let mut url = base.join(location).map_err(|_| Rule::Malformed)?;
    if url.fragment().is_none() {
        url.set_fragment(base.fragment());
    }
    judge(&url)?;
    Ok(url)
}

/// Refuses the characters that parsers repair or read differently.
pub(super) fn judge_text(text: &str) -> Result<(), Rule> {
    for c in text.chars() {
        if c.is_control() {
            return Err(Rule::ControlCharacter);
        }
        if c.is_whitespace() {
            return Err(Rule::Space);
        }
        if c == '\\' {
            return Err(Rule::Backslash);
        }
    }
    Ok(())
}

fn has_http_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| is_http(scheme))
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

/// Refuses an authority that hides the host, or a scheme without one (`http:host`, `http:///host`).
fn judge_authority(text: &str) -> Result<(), Rule> {
    let after_scheme = match text.split_once(':') {
        Some((scheme, rest)) if is_http(scheme) => Some(rest.strip_prefix("//").ok_or(Rule::Malformed)?),
        _ => text.strip_prefix("//"),
    };
    let Some(rest) = after_scheme else {
        return Ok(());
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return Err(Rule::Malformed);
    }
    if authority.contains('@') {
        return Err(Rule::UserInfo);
    }
    if authority.contains('%') {
        return Err(Rule::PercentInHost);
    }
    Ok(())
}

/// Judges a parsed URL.
pub(super) fn judge(url: &Url) -> Result<(), Rule> {
    if !is_http(url.scheme()) {
        return Err(Rule::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Rule::UserInfo);
    }
    match url.host() {
        Some(Host::Domain(name)) => names::shape(name.strip_suffix('.').unwrap_or(name)),
        Some(_) => Ok(()),
        None => Err(Rule::Malformed),
    }
}

/// The destination of a URL: the host as it is looked up or dialled, and the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: TargetHost,
    pub(super) port: u16,
}

/// The host of a [`Target`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TargetHost {
    Name(String),
    Address(IpAddr),
}

impl Target {
    /// Reads the target of a URL that passed [`judge`].
    pub(super) fn of(url: &Url) -> Result<Self, Rule> {
        let port = url.port_or_known_default().ok_or(Rule::Scheme)?;
        let host = url.host().ok_or(Rule::Malformed)?;
        Ok(Self { host: TargetHost::from(host), port })
    }
}

impl From<Host<&str>> for TargetHost {
    fn from(host: Host<&str>) -> Self {
        match host {
            Host::Domain(name) => Self::Name(name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()),
            Host::Ipv4(address) => Self::Address(address.into()),
            Host::Ipv6(address) => Self::Address(address.into()),
        }
    }
}

/// Prints a URL for people: no user name, no query, no fragment.
pub(super) fn display(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_query(None);
    shown.set_fragment(None);
    // Neither can fail on a URL that has a host; a mailto: URL has no credentials to hide.
    if shown.set_username("").is_err() || shown.set_password(None).is_err() {
        return format!("{}:...", shown.scheme());
    }
    shown.into()
}
