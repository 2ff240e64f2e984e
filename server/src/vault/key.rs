//! Master keys: read from text, refused if weak, and named by an id that reveals nothing.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_runtime::Secret;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// Of 32 random bytes about 30 differ; 16 or fewer different ones occur once in 10^9 keys, and always if a half is
/// repeated.
const FEWEST_DIFFERENT_BYTES: usize = 17;

/// Why a text is not accepted as a master key. The text itself is never shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is neither base64 nor hex.
    #[error("the key is neither base64 nor hex; {MEND}")]
    NotEncoded,
    /// It has another length.
    #[error("the key has {0} bytes instead of 32; {MEND}")]
    Length(usize),
    /// It is not a random key.
    #[error("the key is weak ({0}); {MEND}")]
    Weak(&'static str),
    /// There is none.
    #[error("no key is given; {MEND}")]
    None,
    /// The system gave no random bytes.
    #[error("the operating system provides no random bytes: {0}")]
    Random(String),
}

const MEND: &str = "make one with: openssl rand -base64 32";

/// A key-encryption key: 32 random bytes.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
    id: String,
}

impl MasterKey {
    /// Reads base64, base64url (padded or not) or hex.
    ///
    /// # Errors
    /// Another encoding or length, or a key that is not random.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        let decoded = if text.len() == 2 * KEY_BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            const_hex::decode(text).map_err(|_| KeyError::NotEncoded)?
        } else {
            let url_safe: Zeroizing<String> =
                Zeroizing::new(text.trim_end_matches('=').replace('+', "-").replace('/', "_"));
            URL_SAFE_NO_PAD.decode(url_safe.as_bytes()).map_err(|_| KeyError::NotEncoded)?
        };
        let decoded = Zeroizing::new(decoded);
        let bytes: [u8; KEY_BYTES] = decoded.as_slice().try_into().map_err(|_| KeyError::Length(decoded.len()))?;
        Self::from_bytes(Zeroizing::new(bytes))
    }

    /// Creates a new key.
    ///
    /// # Errors
    /// [`KeyError::Random`].
    pub fn generate() -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|error| KeyError::Random(error.to_string()))?;
        Self::from_bytes(bytes)
    }

    /// The key's name inside sealed texts: the first 8 bytes of its SHA-256, in hex.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// Writes the key as base64url, for the key file.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.bytes.as_slice()))
    }

    fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Result<Self, KeyError> {
        if let Some(weakness) = weakness(&bytes) {
            return Err(KeyError::Weak(weakness));
        }
        let digest = Sha256::digest(bytes.as_slice());
        let id = const_hex::encode(&digest[..8]);
        Ok(Self { bytes, id })
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MasterKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The loaded keys: the primary one seals, all of them open.
#[derive(Debug, Clone)]
pub struct Keys {
    pub(super) primary: MasterKey,
    pub(super) others: Vec<MasterKey>,
}

impl Keys {
    /// Reads keys that are separated by commas or line ends; the first is the primary one. Lines that begin
    /// with `#` are ignored.
    ///
    /// # Errors
    /// Those of [`MasterKey::parse`], and [`KeyError::None`].
    pub fn parse(text: &Secret) -> Result<Self, KeyError> {
        let lines = text.expose().lines().filter(|line| !line.trim_start().starts_with('#'));
        let mut keys =
            lines.flat_map(|line| line.split(',')).filter(|part| !part.trim().is_empty()).map(MasterKey::parse);
        let primary = keys.next().ok_or(KeyError::None)??;
        Ok(Self { primary, others: keys.collect::<Result<_, _>>()? })
    }
}

impl Keys {
    /// The ids, the primary one's first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(MasterKey::id)
    }

    /// The id of the key that seals.
    pub fn primary_id(&self) -> &str {
        self.primary.id()
    }

    /// The keys with another one as the primary one.
    pub fn led_by(&self, primary: MasterKey) -> Self {
        Self { primary, others: self.all().cloned().collect() }
    }

    /// The keys without one; `None` if it is the primary one or not among them.
    pub fn without(&self, id: &str) -> Option<Self> {
        let others: Vec<_> = self.others.iter().filter(|key| key.id() != id).cloned().collect();
        (others.len() < self.others.len() && self.primary_id() != id)
            .then(|| Self { primary: self.primary.clone(), others })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &MasterKey> {
        std::iter::once(&self.primary).chain(&self.others)
    }
}

impl From<MasterKey> for Keys {
    fn from(primary: MasterKey) -> Self {
        Self { primary, others: Vec::new() }
    }
}

fn weakness(bytes: &[u8; KEY_BYTES]) -> Option<&'static str> {
    let different: HashSet<&u8> = bytes.iter().collect();
    if different.len() == 1 {
        return Some("all its bytes are equal");
    }
    let step = bytes[1].wrapping_sub(bytes[0]);
    if bytes.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        return Some("its bytes count up");
    }
    if different.len() < FEWEST_DIFFERENT_BYTES {
        return Some("it repeats itself");
    }
    if bytes.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        return Some("it is text, not random bytes");
    }
    None
}
