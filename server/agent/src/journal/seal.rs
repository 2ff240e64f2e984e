//! Results at rest: AES-256-GCM under a key that is derived from the agent's token, so that the file alone reveals
//! nothing. A holder of the token could have requested the results anyway.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce};
use connector_runtime::Secret;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 12;
/// How much longer a sealed result is: by nonce and tag.
pub(super) const SEAL_BYTES: usize = NONCE_BYTES + 16;
/// The purpose of the key; another purpose would give another key.
const PURPOSE: &[u8] = b"floh agent journal 1";
/// The id under which the proof of the key is sealed; no command has it.
const PROOF: &str = "\0proof";

pub(super) struct Sealer(Aes256Gcm);

impl Sealer {
    pub(super) fn new(token: &Secret) -> Self {
        // HMAC takes keys of any length.
        let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(token.expose().as_bytes());
        let mut mac = mac.expect("HMAC takes keys of any length");
        mac.update(PURPOSE);
        let key = Zeroizing::new(<[u8; 32]>::from(mac.finalize().into_bytes()));
        Self(Aes256Gcm::new((&*key).into()))
    }

    /// Seals a result for its command. `None` if the system returns no random bytes.
    pub(super) fn seal(&self, id: &str, text: &str) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload { msg: text.as_bytes(), aad: id.as_bytes() };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some([nonce.as_slice(), &sealed].concat())
    }

    /// Opens a text that was sealed for this command with this token.
    pub(super) fn open(&self, id: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, msg) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let text = self.0.decrypt(&Nonce::from(*nonce), Payload { msg, aad: id.as_bytes() }).ok()?;
        String::from_utf8(text).ok()
    }

    /// Returns a sealed text that shows later whether the token is still the same.
    pub(super) fn proof(&self) -> Option<Vec<u8>> {
        self.seal(PROOF, "")
    }

    pub(super) fn is_proof(&self, sealed: &[u8]) -> bool {
        self.open(PROOF, sealed).is_some()
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}
