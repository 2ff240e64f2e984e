//! Sealing: `fl1.<key id>.<wrapped data key>.<nonce || ciphertext || tag>`, binary parts in base64url.
//!
//! AES-256-GCM twice, each with a fresh 96-bit nonce: a fresh 256-bit data key seals the value, the master key
//! wraps the data key (`nonce || ciphertext || tag` too). Both are bound by their associated data to the format
//! and the place; the wrapping also to the id of the master key. The value's own is not: rotation wraps the
//! data key again and leaves the value as it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use ring::hmac;
use zeroize::Zeroizing;

use super::key::{KEY_BYTES, Keys, MasterKey};
use super::key_file;

const FORMAT: &str = "fl1";
const NONCE_BYTES: usize = 12;

/// Where a sealed text is stored. It can be opened there and nowhere else, so nothing that changes in normal use (a
/// name, a version) may be part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'p> {
    /// The table.
    pub table: &'p str,
    /// The id of the row.
    pub row: &'p str,
    /// The path of the field in the row.
    pub field: &'p str,
}

/// Why a text was not sealed or opened. No text shows a value or a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The text does not have the form of a sealed one.
    #[error("the text is not a sealed one")]
    Malformed,
    /// It was sealed under a key that is not loaded.
    #[error("the value was sealed under key {0}, which is not loaded; add that key to FLOH_MASTER_KEY or the key file")]
    UnknownKey(String),
    /// It was changed, or sealed for another place.
    #[error("the sealed value was changed, or belongs to another row or field")]
    Tampered,
    /// The system gave no random bytes.
    #[error("the operating system provides no random bytes: {0}")]
    Random(String),
}

/// Seals and opens values under the loaded master keys. Keys may be exchanged while it is in use.
pub struct Vault {
    loaded: RwLock<Arc<Loaded>>,
    /// The file that the keys came from.
    file: Option<PathBuf>,
}

/// The keys that are loaded at one time.
struct Loaded {
    primary: LoadedKey,
    others: Vec<LoadedKey>,
}

struct LoadedKey {
    id: String,
    cipher: Aes256Gcm,
    /// Makes keys for other purposes.
    derivation: hmac::Key,
}

impl Vault {
    /// Creates a vault with the given keys; the primary one seals.
    pub fn with_keys(keys: &Keys) -> Self {
        Self { loaded: RwLock::new(Arc::new(Loaded::new(keys))), file: None }
    }

    /// Creates a vault whose keys came from a file, which may get other ones later.
    pub(super) fn of_file(keys: &Keys, file: PathBuf) -> Self {
        Self { file: Some(file), ..Self::with_keys(keys) }
    }

    /// The file that the keys came from.
    pub(super) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Exchanges the keys.
    pub(super) fn exchange(&self, keys: &Keys) {
        *self.loaded.write() = Arc::new(Loaded::new(keys));
    }

    /// The ids of the loaded keys, the primary one first.
    pub fn key_ids(&self) -> Vec<String> {
        self.loaded().all().map(|key| key.id.clone()).collect()
    }

    /// Returns a key of 32 bytes for another purpose than sealing. It is the same in every process with the same primary key, and says
    /// nothing about that one.
    pub fn derived_key(&self, purpose: &str) -> Zeroizing<Vec<u8>> {
        let tag = hmac::sign(&self.loaded().primary.derivation, format!("floh key for {purpose}").as_bytes());
        Zeroizing::new(tag.as_ref().to_vec())
    }

    /// The id of the key that seals.
    pub fn primary_id(&self) -> String {
        self.loaded().primary.id.clone()
    }

    /// Seals a value for a place.
    ///
    /// # Errors
    /// [`VaultError::Random`].
    pub fn seal(&self, place: &Place<'_>, value: &[u8]) -> Result<String, VaultError> {
        let data_key: Zeroizing<[u8; KEY_BYTES]> = random()?;
        Ok(self.loaded().primary.seal(place, value, &data_key, *random()?, *random()?))
    }

    /// Opens a text that was sealed for this place. If its key is not loaded, the key file may have it by now.
    ///
    /// # Errors
    /// [`VaultError::Malformed`], [`VaultError::UnknownKey`], [`VaultError::Tampered`].
    pub fn open(&self, place: &Place<'_>, text: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        match self.loaded().open(place, text) {
            Err(VaultError::UnknownKey(id)) => match self.read_again(&id) {
                Some(loaded) => loaded.open(place, text),
                None => Err(VaultError::UnknownKey(id)),
            },
            opened => opened,
        }
    }

    /// Wraps the data key of a sealed text again under the primary key; `None` if it is already.
    ///
    /// # Errors
    /// Those of [`Vault::open`] for a text whose key cannot be unwrapped, and [`VaultError::Random`].
    pub fn rewrap(&self, place: &Place<'_>, text: &str) -> Result<Option<String>, VaultError> {
        let loaded = self.loaded();
        let sealed = Sealed::parse(text)?;
        if sealed.key_id == loaded.primary.id {
            return Ok(None);
        }
        let data_key = loaded.key(sealed.key_id)?.unwrap(place, &sealed.wrapped)?;
        let wrapped = loaded.primary.wrap(place, &data_key, *random()?);
        Ok(Some(print(&loaded.primary.id, &wrapped, &sealed.value)))
    }

    fn loaded(&self) -> Arc<Loaded> {
        Arc::clone(&self.loaded.read())
    }

    /// Reads the key file, if it has a key that is not loaded. The loaded keys stay: the recurring check exchanges them.
    fn read_again(&self, id: &str) -> Option<Loaded> {
        let keys = key_file::read(self.file()?).ok()??;
        keys.ids().any(|known| known == id).then(|| Loaded::new(&keys))
    }
}

impl Loaded {
    fn new(keys: &Keys) -> Self {
        Self { primary: LoadedKey::new(&keys.primary), others: keys.others.iter().map(LoadedKey::new).collect() }
    }

    fn all(&self) -> impl Iterator<Item = &LoadedKey> {
        std::iter::once(&self.primary).chain(&self.others)
    }

    fn key(&self, id: &str) -> Result<&LoadedKey, VaultError> {
        self.all().find(|key| key.id == id).ok_or_else(|| VaultError::UnknownKey(id.to_owned()))
    }

    fn open(&self, place: &Place<'_>, text: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let sealed = Sealed::parse(text)?;
        let data_key = self.key(sealed.key_id)?.unwrap(place, &sealed.wrapped)?;
        decrypt(&cipher(&data_key), &sealed.value, &associated(place, "value", ""))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("keys", &self.key_ids()).finish()
    }
}

impl LoadedKey {
    fn new(key: &MasterKey) -> Self {
        let derivation = hmac::Key::new(hmac::HMAC_SHA256, key.bytes());
        Self { id: key.id().to_owned(), cipher: cipher(key.bytes()), derivation }
    }

    /// Seals with given randomness; apart from [`Vault::seal`] only the golden vector calls it.
    fn seal(
        &self,
        place: &Place<'_>,
        value: &[u8],
        data_key: &[u8; KEY_BYTES],
        wrap_nonce: [u8; NONCE_BYTES],
        value_nonce: [u8; NONCE_BYTES],
    ) -> String {
        let wrapped = self.wrap(place, data_key, wrap_nonce);
        let value = encrypt(&cipher(data_key), value_nonce, value, &associated(place, "value", ""));
        print(&self.id, &wrapped, &value)
    }

    fn wrap(&self, place: &Place<'_>, data_key: &[u8; KEY_BYTES], nonce: [u8; NONCE_BYTES]) -> Vec<u8> {
        encrypt(&self.cipher, nonce, data_key, &associated(place, "key", &self.id))
    }

    fn unwrap(&self, place: &Place<'_>, wrapped: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        let data_key = decrypt(&self.cipher, wrapped, &associated(place, "key", &self.id))?;
        data_key.as_slice().try_into().map(Zeroizing::new).map_err(|_| VaultError::Malformed)
    }
}

/// A sealed text, taken apart.
struct Sealed<'t> {
    key_id: &'t str,
    wrapped: Vec<u8>,
    value: Vec<u8>,
}

impl<'t> Sealed<'t> {
    fn parse(text: &'t str) -> Result<Self, VaultError> {
        let parts: Vec<&str> = text.split('.').collect();
        let [FORMAT, key_id, wrapped, value] = parts[..] else {
            return Err(VaultError::Malformed);
        };
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| VaultError::Malformed);
        Ok(Self { key_id, wrapped: decode(wrapped)?, value: decode(value)? })
    }
}

fn print(key_id: &str, wrapped: &[u8], value: &[u8]) -> String {
    format!("{FORMAT}.{key_id}.{}.{}", URL_SAFE_NO_PAD.encode(wrapped), URL_SAFE_NO_PAD.encode(value))
}

fn cipher(key: &[u8; KEY_BYTES]) -> Aes256Gcm {
    Aes256Gcm::new(key.into())
}

fn encrypt(cipher: &Aes256Gcm, nonce: [u8; NONCE_BYTES], value: &[u8], aad: &[u8]) -> Vec<u8> {
    let encrypted =
        cipher.encrypt(&Nonce::from(nonce), Payload { msg: value, aad }).expect("AES-GCM takes values of up to 64 GiB");
    [nonce.as_slice(), &encrypted].concat()
}

fn decrypt(cipher: &Aes256Gcm, sealed: &[u8], aad: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Malformed)?;
    let value = cipher.decrypt(&Nonce::from(*nonce), Payload { msg, aad });
    value.map(Zeroizing::new).map_err(|_| VaultError::Tampered)
}

/// The associated data: each part is preceded by its length, so that no two places give the same data.
fn associated(place: &Place<'_>, purpose: &str, key_id: &str) -> Vec<u8> {
    let mut data = Vec::new();
    for part in [FORMAT, purpose, place.table, place.row, place.field, key_id] {
        data.extend((part.len() as u64).to_be_bytes());
        data.extend(part.as_bytes());
    }
    data
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, VaultError> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| VaultError::Random(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
impl Vault {
    /// Seals with given randomness, for the golden vector.
    pub(super) fn seal_with(
        &self,
        place: &Place<'_>,
        value: &[u8],
        data_key: &[u8; KEY_BYTES],
        wrap_nonce: [u8; NONCE_BYTES],
        value_nonce: [u8; NONCE_BYTES],
    ) -> String {
        self.loaded().primary.seal(place, value, data_key, wrap_nonce, value_nonce)
    }

    /// Unwraps the data key of a sealed text, to prove that no two are alike.
    pub(super) fn data_key(&self, place: &Place<'_>, text: &str) -> Result<[u8; KEY_BYTES], VaultError> {
        let sealed = Sealed::parse(text)?;
        Ok(*self.loaded().key(sealed.key_id)?.unwrap(place, &sealed.wrapped)?)
    }
}
