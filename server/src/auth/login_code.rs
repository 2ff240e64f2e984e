//! The code of the link that the first start prints: it signs in once, without the admin token being pasted.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_runtime::Secret;
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::token::TokenHash;

/// How long the code is valid.
pub const LOGIN_CODE_LIFE: Duration = Duration::from_secs(15 * 60);
const CODE_BYTES: usize = 16;

/// The code that is valid, if there is one. Only its hash is kept, and only in memory.
#[derive(Debug, Default)]
pub(super) struct LoginCodes(Mutex<Option<LoginCode>>);

#[derive(Debug, Clone)]
pub(super) struct LoginCode {
    hash: TokenHash,
    until: Instant,
    /// The token that it signs in with.
    pub(super) token_id: Uuid,
}

impl LoginCodes {
    /// Makes a code for a token. It replaces an earlier one.
    pub(super) fn make(&self, token_id: Uuid) -> Result<Secret, getrandom::Error> {
        let mut bytes = Zeroizing::new([0; CODE_BYTES]);
        getrandom::fill(bytes.as_mut_slice())?;
        let code = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        let until = Instant::now() + LOGIN_CODE_LIFE;
        *self.0.lock() = Some(LoginCode { hash: TokenHash::of(&code), until, token_id });
        Ok(Secret::new(code.as_str()))
    }

    /// Takes the code if `text` is it; from then on it is not valid.
    pub(super) fn take(&self, text: &str) -> Option<LoginCode> {
        let mut code = self.0.lock();
        code.take_if(|code| code.until <= Instant::now());
        code.take_if(|code| code.hash.matches(&TokenHash::of(text)))
    }

    /// Gives a code back that was taken and did not sign in.
    pub(super) fn give_back(&self, code: LoginCode) {
        self.0.lock().get_or_insert(code);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_code_is_taken_once_within_its_time() {
        let codes = LoginCodes::default();
        let token_id = Uuid::from_u128(7);
        let code = codes.make(token_id).unwrap();
        assert_eq!(code.expose().len(), 22);
        assert!(codes.take("").is_none() && codes.take(&code.expose()[1..]).is_none());
        let taken = codes.take(code.expose()).unwrap();
        assert_eq!(taken.token_id, token_id);
        assert!(codes.take(code.expose()).is_none(), "it is for one use");
        codes.give_back(taken);
        tokio::time::advance(LOGIN_CODE_LIFE).await;
        assert!(codes.take(code.expose()).is_none(), "its time is over");
    }

    #[test]
    fn nothing_shows_a_code() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let codes = LoginCodes::default();
        let code = codes.make(Uuid::nil()).unwrap();
        assert!(!format!("{codes:?} {code:?}").contains(code.expose()));
    }
}
