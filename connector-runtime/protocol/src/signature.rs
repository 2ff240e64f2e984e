//! The signature of a request: `x-floh-signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`.
//!
//! It proves that the sender of the body knows the secret, and when the body was sent. Within [`MAX_AGE`] a
//! recorded request can be sent again; the idempotency key in the signed body reveals the repetition.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_schema::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The header with the signature of a request's body.
pub const SIGNATURE_HEADER: &str = "x-floh-signature";

/// The most that the time of a signature may differ from the reader's clock.
pub const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The header is missing.
    #[error("the request is not signed; send x-floh-signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of \"t.body\">")]
    Missing,
    /// The header cannot be parsed.
    #[error("the signature cannot be read; write it as t=<unix seconds>,v1=<64 hex digits>")]
    Unreadable,
    /// The signature is too old, or from the future.
    #[error(
        "the signature is {seconds} s away from this service's clock, at most {} are accepted; check both clocks",
        MAX_AGE.as_secs()
    )]
    Stale {
        /// The difference in seconds.
        seconds: u64,
    },
    /// The signature was made with another secret, or over another body.
    #[error("the signature does not match the body; check that both sides have the same signing secret")]
    Wrong,
}

/// Signs a body and returns the value of [`SIGNATURE_HEADER`]; `at` is the time of the signature.
pub fn sign(secret: &Secret, body: &[u8], at: SystemTime) -> String {
    let at = unix(at).to_string();
    let code = code(secret, &at, body).finalize().into_bytes();
    format!("t={at},v1={}", const_hex::encode(code))
}

/// Checks the signature of a body in constant time. A header may hold several `v1`, as while a secret is
/// changed; one of them has to match.
///
/// # Errors
/// If the signature is missing, cannot be parsed, is too old, or does not match.
pub fn verify(secret: &Secret, header: Option<&str>, body: &[u8], now: SystemTime) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let at = parts().find(|(name, _)| *name == "t").ok_or(SignatureError::Unreadable)?.1;
    let codes: Option<Vec<_>> = parts().filter(|(name, _)| *name == "v1").map(|(_, code)| hex(code)).collect();
    let codes = codes.filter(|codes| !codes.is_empty()).ok_or(SignatureError::Unreadable)?;
    let seconds = at.parse::<u64>().map_err(|_| SignatureError::Unreadable)?.abs_diff(unix(now));
    // The text of the time was signed, so it is used as it came.
    let own = code(secret, at, body);
    if !codes.iter().any(|code| own.clone().verify_slice(code).is_ok()) {
        return Err(SignatureError::Wrong);
    }
    if seconds > MAX_AGE.as_secs() { Err(SignatureError::Stale { seconds }) } else { Ok(()) }
}

fn code(secret: &Secret, at: &str, body: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104)")]
    let mut code = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("every length is a key");
    code.update(at.as_bytes());
    code.update(b".");
    code.update(body);
    code
}

/// Decodes a code of 64 hex digits. The decoder accepts a prefix `0x`, which is not part of a code.
fn hex(code: &str) -> Option<[u8; 32]> {
    const_hex::decode_to_array(code).ok().filter(|_| code.len() == 64)
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
