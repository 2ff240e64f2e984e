//! Signing in to the web pages: a token or a login code opens a session.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_runtime::Secret;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::authenticator::{AuthError, Authenticator, Identity};
use super::login_code::LOGIN_CODE_LIFE;
use super::session::SESSION_LIFE;
use super::token::{self, TokenHash};
use crate::store::{self, SessionRow, StoreError, TokenKind};

/// The maximum number of sessions of a token; a further one ends the oldest.
pub const MAX_SESSIONS_OF_TOKEN: u32 = 100;
/// The maximum number of characters that are kept of the name of a browser.
pub const MAX_USER_AGENT: usize = 256;
const SECRET_BYTES: usize = 32;

/// Why nobody was signed in. No text shows what was presented.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The token is not accepted.
    #[error("{0}; check that the whole token was pasted, or make another one with `floh token create`")]
    Token(AuthError),
    /// The token is an agent's.
    #[error(
        "this is the token of an agent: it opens the connection of one agent and no pages. Sign in with a token of kind api"
    )]
    AgentToken,
    /// The code is not valid.
    #[error(
        "this link does not sign in any more: it works once, within {} minutes of the start that printed it. Sign in with a token",
        LOGIN_CODE_LIFE.as_secs() / 60
    )]
    Code,
    /// There were too many wrong ones.
    #[error("too many wrong tokens were presented; try again in {} seconds", retry_after.as_secs().max(1))]
    TooMany {
        /// The time after which a wrong one is answered in full again.
        retry_after: Duration,
    },
    /// The system returned no random bytes.
    #[error("the operating system provides no random bytes: {0}")]
    Random(String),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who signs in, as far as the door knows.
#[derive(Debug, Clone, Default)]
pub struct Visitor {
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// The address that the request came from.
    pub peer: Option<SocketAddr>,
    /// The door, as metrics and the log name it.
    pub door: &'static str,
}

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct OpenedSession {
    /// Its secret, for the cookie. It is stored nowhere.
    pub secret: Secret,
    /// Whose it is.
    pub identity: Arc<Identity>,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

impl Authenticator {
    /// Opens a session with the text of a token. A wrong one costs its caller a second.
    ///
    /// # Errors
    /// [`SignInError`] says why nobody is signed in.
    pub async fn sign_in(&self, text: &str, visitor: &Visitor) -> Result<OpenedSession, SignInError> {
        let identity = match self.authenticate(text).await {
            Ok(identity) => identity,
            Err(AuthError::Store(error)) => return Err(error.into()),
            Err(error) => {
                self.note_refusal(&error, text, visitor.door, visitor.peer);
                self.punish().await?;
                return Err(SignInError::Token(error));
            }
        };
        if identity.kind == TokenKind::Agent {
            self.note_refusal(&AuthError::AgentToken, text, visitor.door, visitor.peer);
            return Err(SignInError::AgentToken);
        }
        self.open_session(identity, visitor, store::now()).await
    }

    /// Makes the code of a link that signs in with a token, once and within [`LOGIN_CODE_LIFE`]. It replaces an earlier one.
    ///
    /// # Errors
    /// If the text is not that of a token, or the system returns no random bytes.
    pub fn login_code(&self, token: &Secret) -> Result<Secret, SignInError> {
        let token_id = token::id_of(token.expose()).ok_or(SignInError::Token(AuthError::Malformed))?;
        self.codes.make(token_id).map_err(|error| SignInError::Random(error.to_string()))
    }

    /// Opens a session with a login code. A wrong one costs its caller a second, as a wrong token does.
    ///
    /// # Errors
    /// [`SignInError`] says why nobody is signed in.
    pub async fn redeem(&self, code: &str, visitor: &Visitor) -> Result<OpenedSession, SignInError> {
        let Some(taken) = self.codes.take(code) else {
            self.note_refusal(&AuthError::Code, "", visitor.door, visitor.peer);
            self.punish().await?;
            return Err(SignInError::Code);
        };
        let now = store::now();
        let opened = match self.identity_of_token(taken.token_id, now).await {
            Ok(identity) => self.open_session(identity, visitor, now).await,
            Err(AuthError::Store(error)) => Err(error.into()),
            Err(error) => Err(SignInError::Token(error)),
        };
        if matches!(opened, Err(SignInError::Store(_) | SignInError::Random(_))) {
            self.codes.give_back(taken);
        }
        opened
    }

    async fn punish(&self) -> Result<(), SignInError> {
        self.wrong_logins.punish().await.map_err(|retry_after| SignInError::TooMany { retry_after })
    }

    pub(super) async fn open_session(
        &self,
        identity: Arc<Identity>,
        visitor: &Visitor,
        now: Timestamp,
    ) -> Result<OpenedSession, SignInError> {
        let secret = mint().map_err(|error| SignInError::Random(error.to_string()))?;
        let latest = now + SESSION_LIFE;
        let expires_at = identity.expires_at.map_or(latest, |end| end.min(latest));
        let row = SessionRow {
            id_hash: TokenHash::of(secret.expose()).to_hex(),
            token_id: identity.token_id,
            created_at: now,
            last_seen_at: now,
            expires_at,
            user_agent: visitor.user_agent.as_deref().map(shown),
        };
        let stored = self.store.sessions().create(&row, MAX_SESSIONS_OF_TOKEN).await;
        let dropped = stored.map_err(|error| match error {
            StoreError::NotFound { .. } => SignInError::Token(AuthError::Unknown),
            error => error.into(),
        })?;
        for hash in dropped {
            self.sessions.drop_session(&hash);
        }
        let (token, peer) = (identity.name.as_str(), visitor.peer.map(tracing::field::display));
        tracing::info!(event = "signed_in", token, token_id = %identity.token_id, door = visitor.door, peer, "a session was opened");
        Ok(OpenedSession { secret, identity, expires_at })
    }
}

/// Creates the secret of a new session.
fn mint() -> Result<Secret, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
    getrandom::fill(bytes.as_mut_slice())?;
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    Ok(Secret::new(text.as_str()))
}

/// Returns the name of a browser as it is kept: without control characters, and not too long.
fn shown(user_agent: &str) -> String {
    user_agent.chars().filter(|character| !character.is_control()).take(MAX_USER_AGENT).collect()
}
