//! The address under which browsers and other clients reach the server, where that is not the one that it listens on: that
//! of a proxy before it.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// `--public-url`: scheme, host and port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    host: Host,
    is_https: bool,
}

/// Why a text is no public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicUrlError {
    /// It is no URL.
    #[error("not a URL ({0}); expected the address that browsers see, such as https://floh.example.com")]
    Malformed(String),
    /// Its scheme is another one.
    #[error("the scheme is {0}; expected http:// or https://")]
    Scheme(String),
    /// It has a part that an address has not.
    #[error("it has {0}; expected scheme, host and port alone, such as https://floh.example.com")]
    Beyond(&'static str),
}

impl PublicUrl {
    /// Returns scheme, host and port as browsers send them in `Origin`, without a slash at the end.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Returns the host.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Returns whether browsers reach the server over TLS.
    pub fn is_https(&self) -> bool {
        self.is_https
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, PublicUrlError> {
        let malformed = |why: &str| PublicUrlError::Malformed(why.to_owned());
        if text.contains(|character: char| character.is_whitespace() || character.is_control() || character == '\\') {
            return Err(malformed("it has spaces or backslashes"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| malformed("there is no ://"))?;
        let is_https = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            other => return Err(PublicUrlError::Scheme(other.to_owned())),
        };
        if rest.starts_with('/') {
            return Err(malformed("there is no host"));
        }
        let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
        let beyond = [
            (rest.contains('@'), "a user or password"),
            (url.path() != "/", "a path"),
            (url.query().is_some(), "a query"),
            (url.fragment().is_some(), "a fragment"),
        ];
        if let Some((_, what)) = beyond.into_iter().find(|(is_there, _)| *is_there) {
            return Err(PublicUrlError::Beyond(what));
        }
        let host = url.host().ok_or_else(|| malformed("there is no host"))?.to_owned();
        Ok(Self { origin: url.origin().ascii_serialization(), host, is_https })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_is_and_what_not() {
        for (text, origin, is_https) in [
            ("https://floh.example.com", "https://floh.example.com", true),
            ("https://Floh.Example.com/", "https://floh.example.com", true),
            ("HTTPS://floh.example.com:443", "https://floh.example.com", true),
            ("http://floh:8080/", "http://floh:8080", false),
            ("http://[::1]:8080", "http://[::1]:8080", false),
            ("http://192.0.2.1:80", "http://192.0.2.1", false),
            ("https://bücher.example", "https://xn--bcher-kva.example", true),
        ] {
            let url: PublicUrl = text.parse().unwrap();
            assert_eq!((url.origin(), url.is_https(), url.to_string().as_str()), (origin, is_https, origin), "{text}");
        }
        for (text, why) in [
            ("", "no ://"),
            ("floh.example.com", "no ://"),
            ("floh.example.com:8080", "no ://"),
            ("https:floh.example.com", "no ://"),
            ("https://", "not a URL"),
            ("https:///floh.example.com", "no host"),
            ("ftp://floh.example.com", "scheme is ftp"),
            ("file:///etc", "scheme is file"),
            ("https://me@floh.example.com", "user"),
            ("https://me:secret@floh.example.com", "user"),
            ("https://@floh.example.com", "user"),
            ("https://floh.example.com/floh", "a path"),
            ("https://floh.example.com//", "a path"),
            ("https://floh.example.com?", "a query"),
            ("https://floh.example.com/?a=b", "a query"),
            ("https://floh.example.com#", "a fragment"),
            (" https://floh.example.com", "spaces"),
            ("https://floh.example.com\n", "spaces"),
            ("https:\\\\floh.example.com", "backslashes"),
            ("https://floh.example.com:99999", "port"),
            ("https://fl oh", "spaces"),
        ] {
            let error = text.parse::<PublicUrl>().unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
