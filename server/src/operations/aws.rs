//! AWS Signature Version 4: a signature covers the method, the path and the query as they are sent, the body, and the
//! headers `host`, `content-type` and `x-amz-*`.

mod host;
#[cfg(test)]
mod tests;

use connector_runtime::Secret;
use connector_runtime::egress::{SignRequest, Unsigned};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use url::Url;

use super::spelling::encoded;

pub(super) use self::host::of_host;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const CONTENT_SHA256: &str = "x-amz-content-sha256";
const DATE: &str = "x-amz-date";
const TOKEN: &str = "x-amz-security-token";
/// Services whose paths are encoded once. A path of any other service is encoded once more for its signature.
const ENCODED_ONCE: [&str; 4] = ["s3", "s3express", "s3-object-lambda", "s3-outposts"];
/// By how much the clocks of both sides may differ: AWS accepts a signature for about five minutes.
const MAX_SKEW_SECONDS: i64 = 240;

/// Signs the requests of a connection.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    /// Empty, unless the credentials are temporary.
    pub(super) session_token: Secret,
    pub(super) region: String,
    pub(super) service: String,
}

impl SignRequest for Signer {
    fn sign(&self, request: Unsigned<'_>) -> Vec<(&'static str, Secret)> {
        let headers: Vec<(&str, String)> =
            request.headers().map(|(name, value)| (name, String::from_utf8_lossy(value).into_owned())).collect();
        self.sign_at(Timestamp::now(), request.method(), request.url(), &headers, request.body())
    }
}

impl Signer {
    /// Returns the headers of a signature.
    fn sign_at(
        &self,
        now: Timestamp,
        method: &str,
        url: &Url,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Vec<(&'static str, Secret)> {
        let at = now.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = &at[..8];
        let hash = const_hex::encode(Sha256::digest(body));
        let mut own = vec![(CONTENT_SHA256, Secret::from(hash.as_str())), (DATE, Secret::from(at.as_str()))];
        if !self.session_token.is_empty() {
            own.push((TOKEN, self.session_token.clone()));
        }
        let mut signed: Vec<(&str, String)> = headers
            .iter()
            .filter(|(name, _)| *name == "content-type" || name.starts_with("x-amz-"))
            .filter(|(name, _)| own.iter().all(|(known, _)| known != name))
            .map(|(name, value)| (*name, single_spaced(value)))
            .collect();
        signed.extend(own.iter().map(|(name, value)| (*name, single_spaced(value.expose()))));
        signed.push(("host", host_header(url)));
        signed.sort_unstable();
        let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let headers: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let (path, query) = (self.canonical_path(url.path()), canonical_query(url));
        let request = format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{hash}");
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let hashed = const_hex::encode(Sha256::digest(request.as_bytes()));
        let signature =
            const_hex::encode(hmac(self.key(day).as_ref(), &format!("{ALGORITHM}\n{at}\n{scope}\n{hashed}")));
        let authorization = format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            self.access_key_id
        );
        own.push(("authorization", authorization.into()));
        own
    }

    fn key(&self, day: &str) -> ring::hmac::Tag {
        let secret = Secret::new(format!("AWS4{}", self.secret_access_key.expose()));
        let parts = [day, &self.region, &self.service, "aws4_request"];
        let mut parts = parts.into_iter();
        let first = hmac(secret.expose().as_bytes(), parts.next().unwrap_or_default());
        parts.fold(first, |key, part| hmac(key.as_ref(), part))
    }

    fn canonical_path(&self, path: &str) -> String {
        let once = ENCODED_ONCE.contains(&&*self.service);
        let steps = path.split('/').enumerate();
        // Redundant slashes are no part of what other services sign.
        let last = path.split('/').count().saturating_sub(1);
        let kept = steps.filter(|(index, step)| once || !step.is_empty() || *index == 0 || *index == last);
        let written = kept.map(|(_, step)| if once { encoded_once(step) } else { encoded(step).into_owned() });
        let path = written.collect::<Vec<_>>().join("/");
        if path.is_empty() { "/".to_owned() } else { path }
    }
}

/// Writes the query of a URL in the spelling that is signed: every character that is not unreserved is encoded, a `+` too,
/// which some services read as a space.
pub(super) fn strict(url: &str) -> String {
    let Some((before, query)) = url.split_once('?') else { return url.to_owned() };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{}={}", encoded_once(name), encoded_once(value)),
        None => encoded_once(pair),
    };
    let pairs = query.split('&').filter(|part| !part.is_empty()).map(pair).collect::<Vec<_>>().join("&");
    if pairs.is_empty() { before.to_owned() } else { format!("{before}?{pairs}") }
}

/// Says by how much this machine's clock differs from a service's, if that is why it does not accept a signature.
pub(super) fn clock_advice(date: &str, now: Timestamp) -> Option<String> {
    let theirs = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    let ahead = now.duration_since(theirs).as_secs();
    (ahead.abs() > MAX_SKEW_SECONDS).then(|| {
        let (minutes, way) = (ahead.abs() / 60, if ahead > 0 { "ahead of" } else { "behind" });
        format!(
            "the clock of this machine is {minutes} minutes {way} the service's, and a signature is accepted for about \
             five: set the clock"
        )
    })
}

fn host_header(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn canonical_query(url: &Url) -> String {
    let pairs = url.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<(String, String)> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded_once(name), encoded_once(value))
        })
        .collect();
    pairs.sort_unstable();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// Encodes a text that may be encoded already.
fn encoded_once(text: &str) -> String {
    let plain: Vec<u8> = percent_decode_str(text).collect();
    percent_encoding::percent_encode(&plain, super::spelling::UNRESERVED).to_string()
}

fn single_spaced(value: &str) -> String {
    value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn hmac(key: &[u8], text: &str) -> ring::hmac::Tag {
    ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, key), text.as_bytes())
}
