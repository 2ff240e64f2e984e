//! The external protocol 2.0 as both sides write and read it (contract section 6): the body of
//! `/execute`, the signature over it, and the fingerprint of what is served.
//!
//! One set of types for the service (`connector_runtime::serve`) and for whoever calls it, so that the two cannot
//! drift apart.

mod fingerprint;
pub mod frames;
mod request;
mod signature;
#[cfg(test)]
mod tests;

pub use self::fingerprint::{Fingerprint, FingerprintError};
pub use self::request::{ExecuteRequest, Metadata};
pub use self::signature::{MAX_AGE, SignatureError, sign, verify};

/// The version that is spoken.
pub const VERSION: &str = "2.0";

/// The header with the signature of a request's body.
pub const SIGNATURE_HEADER: &str = "x-floh-signature";

/// The header with the [`Fingerprint`] of what is served.
pub const SCHEMA_HEADER: &str = "x-floh-schema";

/// The most bytes that a body may have, in both directions.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

/// Tells whether a `protocolVersion` is one that this side speaks: 2.0 and what is compatible with it.
pub fn is_spoken(version: &str) -> bool {
    version == "2" || version.starts_with("2.")
}
