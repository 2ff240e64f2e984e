//! The external protocol 2.0 as both ends read and write it (docs/contract.md#protocol-20): the body of `/execute`
//! ([`ExecuteRequest`]), its signature ([`sign`], [`verify`]), the [`Fingerprint`] of a type, and the [`frames`] between
//! the server and its agents.
//!
//! Services, agents and the server share these types, so that the two ends of a connection cannot differ. Nothing here
//! does I/O.

mod fingerprint;
pub mod frames;
mod request;
mod signature;
#[cfg(test)]
mod tests;
mod version;

pub use self::fingerprint::{Fingerprint, FingerprintError, SCHEMA_HEADER};
pub use self::request::{ExecuteRequest, MAX_BODY_BYTES, Metadata};
pub use self::signature::{
    AcceptedSignatures, MAX_AGE, MAX_NONCE, MIN_NONCE, SIGNATURE_HEADER, SignatureError, SignedRequest, Verified, sign,
    verify,
};
pub use self::version::{VERSION, is_supported};
