//! The text of a token: `floh_<id>_<secret>`.
//!
//! The id is a UUID in 32 hex digits, the secret is 256 random bits in 43 characters of base64url. The secret may
//! contain an underscore but the id may not, so splitting from the left is unambiguous. A double click selects most of
//! it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_runtime::Secret;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;
use zeroize::Zeroizing;

const PREFIX: &str = "floh_";
const ID_CHARACTERS: usize = 32;
const SECRET_BYTES: usize = 32;

/// SHA-256 of a token's text.
#[derive(Clone, Copy)]
pub(super) struct TokenHash([u8; 32]);

impl TokenHash {
    pub(super) fn of(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// Reads the hash that the database stores.
    pub(super) fn from_hex(hex: &str) -> Option<Self> {
        // Exactly 64 digits, without a prefix.
        let bytes = const_hex::decode_to_array(hex).ok().filter(|_| hex.len() == 64)?;
        Some(Self(bytes))
    }

    pub(super) fn to_hex(self) -> String {
        const_hex::encode(self.0)
    }

    /// Compares in constant time.
    pub(super) fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// Creates the text of a new token.
pub(super) fn mint(id: Uuid) -> Result<Secret, getrandom::Error> {
    let mut secret = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(secret.as_mut_slice())?;
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()));
    Ok(Secret::new(format!("{PREFIX}{}_{}", id.simple(), secret.as_str())))
}

/// Reads the id from a token's text, if the text has the form of a token.
pub(super) fn id_of(text: &str) -> Option<Uuid> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let mut decoded = Zeroizing::new([0; SECRET_BYTES]);
    let bytes = URL_SAFE_NO_PAD.decode_slice(secret, decoded.as_mut_slice()).ok()?;
    (id.len() == ID_CHARACTERS && bytes == SECRET_BYTES).then(|| Uuid::try_parse(id).ok())?
}
