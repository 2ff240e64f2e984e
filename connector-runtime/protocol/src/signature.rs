//! The signature of a request: `x-floh-signature: t=<unix>,v1=<hex HMAC-SHA256 of "t.body">`.
//!
//! It shows that the body comes from who knows the secret, and when it was sent. Within [`MAX_AGE`] a
//! recorded request can be sent again; the idempotency key in the signed body is what tells of that.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use connector_schema::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// How far the time of a signature may lie from the reader's clock, before or after.
pub const MAX_AGE: Duration = Duration::from_secs(5 * 60);

/// Why a signature was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("the request is not signed; send x-floh-signature: t=<unix seconds>,v1=<hex HMAC-SHA256 of \"t.body\">")]
    Missing,
    /// It cannot be read.
    #[error("the signature cannot be read; write it as t=<unix seconds>,v1=<64 hex digits>")]
    Unreadable,
    /// It was made too long ago, or in the future.
    #[error(
        "the signature is {seconds} s away from this service's clock, {} at most; check both clocks",
        MAX_AGE.as_secs()
    )]
    Stale {
        /// How far it is away.
        seconds: u64,
    },
    /// It was made with another secret, or over another body.
    #[error("the signature does not fit the body; check that both sides have the same signing secret")]
    Wrong,
}

/// Signs a body, now or at another time; the value of [`super::SIGNATURE_HEADER`].
pub fn sign(secret: &Secret, body: &[u8], at: SystemTime) -> String {
    let at = unix(at).to_string();
    let code = code(secret, &at, body).finalize().into_bytes();
    format!("t={at},v1={}", const_hex::encode(code))
}

/// Checks the signature of a body in constant time. Of several `v1`, as while a secret is changed, one
/// has to fit.
///
/// # Errors
/// Where it is missing, cannot be read, is too old, or does not fit.
pub fn verify(secret: &Secret, header: Option<&str>, body: &[u8], now: SystemTime) -> Result<(), SignatureError> {
    let header = header.ok_or(SignatureError::Missing)?;
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let at = parts().find(|(name, _)| *name == "t").ok_or(SignatureError::Unreadable)?.1;
    let codes: Option<Vec<_>> = parts().filter(|(name, _)| *name == "v1").map(|(_, code)| hex(code)).collect();
    let codes = codes.filter(|codes| !codes.is_empty()).ok_or(SignatureError::Unreadable)?;
    let seconds = at.parse::<u64>().map_err(|_| SignatureError::Unreadable)?.abs_diff(unix(now));
    // The text itself is what was signed, so it is taken as it came.
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

/// Reads a code: 64 hex digits and nothing else, no prefix either.
fn hex(code: &str) -> Option<Vec<u8>> {
    const_hex::decode(code).ok().filter(|_| code.len() == 64)
}

fn unix(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
