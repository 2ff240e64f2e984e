//! The version of the protocol.

/// The version of the protocol that both ends send.
pub const VERSION: &str = "2.0";

/// Returns whether a `protocolVersion` is supported: 2.0 and the versions compatible with it.
pub fn is_supported(version: &str) -> bool {
    version == "2" || version.starts_with("2.")
}
