//! The cookie of a session. Over TLS its prefix `__Host-` keeps plain http and other hosts of the domain from setting it.

use axum::http::{HeaderMap, HeaderValue, header};
use connector_runtime::Secret;

use super::site::Site;

/// The name of the cookie where browsers reach the server over TLS.
const SECURE_NAME: &str = "__Host-floh";
/// Its name over plain http, where browsers do not keep cookies with `Secure`.
const PLAIN_NAME: &str = "floh";

/// Returns the value of `Set-Cookie` that gives a browser a session.
pub fn session_cookie(site: Site<'_>, secret: &Secret) -> HeaderValue {
    cookie(site, secret.expose(), "")
}

/// Returns the value of `Set-Cookie` that takes the session from a browser.
pub fn no_session_cookie(site: Site<'_>) -> HeaderValue {
    cookie(site, "", "; Max-Age=0")
}

/// Returns the secret of the session that a request brings. A cookie of the other name does not count: over TLS, anyone on the
/// network could have set it.
pub fn session_of(site: Site<'_>, headers: &HeaderMap) -> Option<Secret> {
    let wanted = name(site);
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == wanted && !value.is_empty()).map(|(_, value)| Secret::new(value))
}

fn name(site: Site<'_>) -> &'static str {
    if site.is_https() { SECURE_NAME } else { PLAIN_NAME }
}

fn cookie(site: Site<'_>, value: &str, more: &str) -> HeaderValue {
    let secure = if site.is_https() { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/{secure}; HttpOnly; SameSite=Lax{more}", name(site));
    // Secrets of sessions are base64url, so the text is always one of a header.
    let mut cookie =
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("floh=; Path=/; Max-Age=0"));
    cookie.set_sensitive(true);
    cookie
}
