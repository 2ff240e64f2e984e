//! A secret that comes up while calls run.

use std::fmt;
use std::sync::Arc;

use connector_schema::MAX_SECRET_BYTES;
use tokio::time::Instant;

use super::Redactor;
use crate::Secret;

/// A secret that comes up while calls run, such as an access token. Cheap to clone: its searcher is made once,
/// however many calls use it.
#[derive(Clone)]
pub struct RuntimeSecret(Arc<(Secret, Arc<Redactor>)>);

/// A secret has too many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it has {bytes} bytes, and a secret has at most {MAX_SECRET_BYTES}")]
pub struct SecretTooLong {
    /// How many bytes it has.
    pub bytes: usize,
}

impl RuntimeSecret {
    /// Wraps a secret.
    ///
    /// # Errors
    /// If it has more than [`MAX_SECRET_BYTES`]: whoever issues a secret chooses its length.
    pub fn new(secret: Secret) -> Result<Self, SecretTooLong> {
        let bytes = secret.expose().len();
        if bytes > MAX_SECRET_BYTES {
            return Err(SecretTooLong { bytes });
        }
        let redactor = Arc::new(Redactor::of([secret.clone()]));
        Ok(Self(Arc::new((secret, redactor))))
    }

    /// Builds its searcher by a deadline, off the async threads if that takes long.
    pub async fn build(&self, deadline: Instant) {
        self.0.1.build(deadline).await;
    }

    /// Returns the secret.
    pub fn secret(&self) -> &Secret {
        &self.0.0
    }

    pub(crate) fn redactor(&self) -> &Arc<Redactor> {
        &self.0.1
    }
}

impl fmt::Debug for RuntimeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuntimeSecret")
    }
}
