//! The signature of a request:
//! `x-floh-signature: t=<unix>,n=<nonce>,v1=<hex HMAC-SHA256 of "t.body">,v2=<hex HMAC-SHA256 of "t.n.path.body">`.
//!
//! It proves that the sender knows the secret, when the request was sent and, as `v2`, to which path. A service that
//! remembers the nonces of the last [`MAX_AGE`] answers no recorded request a second time. `v1` is for services that were
//! written before `v2`: whoever accepts it alone accepts a recorded request again within that time, also at another path.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_schema::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header with the signature of a request.
pub const SIGNATURE_HEADER: &str = "x-floh-signature";

/// The most that the time of a signature may differ from the reader's clock.
pub const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// The minimum number of characters of a nonce.
pub const MIN_NONCE: usize = 16;
/// The maximum number of characters of a nonce.
pub const MAX_NONCE: usize = 128;

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is missing.
    #[error(
        "the request is not signed; send x-floh-signature: t=<unix seconds>,n=<nonce>,v2=<hex HMAC-SHA256 of \"t.n.path.body\">"
    )]
    Missing,
    /// The header cannot be parsed.
    #[error(
        "the signature cannot be read; write it as t=<unix seconds>,n=<{MIN_NONCE} to {MAX_NONCE} letters, digits, - and _>,v2=<64 hex digits>"
    )]
    Unreadable,
    /// The header has `v1` alone, and the reader wants `v2`.
    #[error(
        "the signature is v1 alone, which lets a recorded request be sent again; send n and v2 too, or accept v1 in this service"
    )]
    OldVersion,
    /// The signature is too old, or from the future.
    #[error(
        "the signature is {seconds} s away from this service's clock, at most {} are accepted; check both clocks",
        MAX_AGE.as_secs()
    )]
    Stale {
        /// The difference in seconds.
        seconds: u64,
    },
    /// The signature was made with another secret, or over another path or body.
    #[error(
        "the signature does not match; check that both sides have the same signing secret, and that no proxy changes path or body"
    )]
    Wrong,
}

/// What a signature is about.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'r> {
    /// The path of the request, as it is sent; without a query.
    pub path: &'r str,
    /// The body.
    pub body: &'r [u8],
}

/// Which signatures a reader accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AcceptedSignatures {
    /// `v2` alone.
    #[default]
    V2,
    /// Also `v1`, from senders and through proxies that cannot do better.
    V1AndV2,
}

/// An accepted signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified<'h> {
    /// The nonce, which the reader must not have seen; `None` of a `v1` signature.
    pub nonce: Option<&'h str>,
    /// The unix time until which the same signature would be accepted again.
    pub valid_until: u64,
}

/// Signs a request and returns the value of [`SIGNATURE_HEADER`]; `at` is the time of the signature, `nonce` a text that
/// no other request has: [`MIN_NONCE`] to [`MAX_NONCE`] letters, digits, `-` and `_`.
pub fn sign(secret: &Secret, request: SignedRequest<'_>, nonce: &str, at: SystemTime) -> String {
    let at = unix(at).to_string();
    let code = |code: Hmac<Sha256>| const_hex::encode(code.finalize().into_bytes());
    let (v1, v2) = (code(v1(secret, &at, request.body)), code(v2(secret, &at, nonce, request)));
    format!("t={at},n={nonce},v1={v1},v2={v2}")
}

/// Checks the signature of a request in constant time. A header may hold several codes of a version, as while a secret is
/// changed; one of them has to match.
///
/// # Errors
/// If the signature is missing, cannot be parsed, is too old, does not match, or is of a version that is not accepted.
pub fn verify<'h>(
    secret: &Secret,
    header: Option<&'h str>,
    request: SignedRequest<'_>,
    accepted: AcceptedSignatures,
    now: SystemTime,
) -> Result<Verified<'h>, SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let value = |wanted: &str| parts().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let codes = |wanted: &str| -> Result<Vec<[u8; 32]>, SignatureError> {
        let codes = parts().filter(|(name, _)| *name == wanted).map(|(_, code)| hex(code));
        codes.collect::<Option<_>>().ok_or(SignatureError::Unreadable)
    };
    let at = value("t").ok_or(SignatureError::Unreadable)?;
    let signed_at = at.parse::<u64>().map_err(|_| SignatureError::Unreadable)?;
    let (old, new) = (codes("v1")?, codes("v2")?);
    // The text of the time was signed, so it is used as it came.
    let matches =
        |own: Hmac<Sha256>, codes: &[[u8; 32]]| codes.iter().any(|code| own.clone().verify_slice(code).is_ok());
    let nonce = value("n").filter(|nonce| is_nonce(nonce));
    let by_v2 = nonce.filter(|nonce| matches(v2(secret, at, nonce, request), &new));
    let by_v1 = accepted == AcceptedSignatures::V1AndV2 && matches(v1(secret, at, request.body), &old);
    if by_v2.is_none() && !by_v1 {
        return Err(match (new.is_empty(), old.is_empty()) {
            (true, true) => SignatureError::Unreadable,
            (true, false) if accepted == AcceptedSignatures::V2 => SignatureError::OldVersion,
            (false, _) if nonce.is_none() => SignatureError::Unreadable,
            _ => SignatureError::Wrong,
        });
    }
    let seconds = signed_at.abs_diff(unix(now));
    if seconds > MAX_AGE.as_secs() {
        return Err(SignatureError::Stale { seconds });
    }
    Ok(Verified { nonce: by_v2, valid_until: signed_at.saturating_add(MAX_AGE.as_secs()) })
}

fn v1(secret: &Secret, at: &str, body: &[u8]) -> Hmac<Sha256> {
    code(secret, &[at.as_bytes(), body])
}

fn v2(secret: &Secret, at: &str, nonce: &str, request: SignedRequest<'_>) -> Hmac<Sha256> {
    code(secret, &[at.as_bytes(), nonce.as_bytes(), request.path.as_bytes(), request.body])
}

/// Computes the code of parts that are joined by full stops.
fn code(secret: &Secret, parts: &[&[u8]]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
    let mut code = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("every length is a key");
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            code.update(b".");
        }
        code.update(part);
    }
    code
}

fn is_nonce(text: &str) -> bool {
    (MIN_NONCE..=MAX_NONCE).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Decodes a code of 64 hex digits. The decoder accepts a prefix `0x`, which is not part of a code.
fn hex(code: &str) -> Option<[u8; 32]> {
    const_hex::decode_to_array(code).ok().filter(|_| code.len() == 64)
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
