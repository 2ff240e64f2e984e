//! The text of a token: `floh_<id>_<256 random bits>`, and what of it is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_runtime::Secret;
use sha2::{Digest, Sha256};
use uuid::Uuid;

const PREFIX: &str = "floh_";

/// Makes the text of a new token.
///
/// # Errors
/// Where the system has no randomness to give.
pub(super) fn generate(id: Uuid) -> Result<Secret, getrandom::Error> {
    let mut random = zeroize::Zeroizing::new([0_u8; 32]);
    getrandom::fill(random.as_mut())?;
    Ok(Secret::new(format!("{PREFIX}{}_{}", id.simple(), URL_SAFE_NO_PAD.encode(random.as_ref()))))
}

/// Returns the id that a token is found by. A token of the operator's own making has none in its text;
/// there the id is made from the text.
pub(super) fn id(text: &str) -> Uuid {
    named_id(text).unwrap_or_else(|| own_id(text))
}

fn named_id(text: &str) -> Option<Uuid> {
    let (id, random) = text.strip_prefix(PREFIX)?.split_once('_')?;
    (id.len() == 32 && random.len() == 43).then(|| Uuid::try_parse(id).ok())?
}

/// The id of a token that an operator chose.
pub(super) fn own_id(text: &str) -> Uuid {
    let digest = Sha256::new().chain_update("token id of ").chain_update(text).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Returns what is stored of a token: its SHA-256, in hex.
pub(super) fn hash(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)]));
    Sha256::digest(text.as_bytes()).iter().flat_map(|byte| digits(*byte)).collect()
}
