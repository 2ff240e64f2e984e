//! Where a connection's secrets may go, and which texts are its secrets.
//!
//! A connector whose URL is built from parameters would otherwise carry the stored credential to whoever
//! the parameters name.

use std::fmt;
use std::sync::Arc;

use url::{Origin, Url};

use super::draft::SHORTEST_SOUGHT;
use super::{EgressError, IntoUrl};
use crate::Secret;

/// The origins that may have secrets (all, if none was named), and the secrets that are looked for.
#[derive(Clone, Default)]
pub(super) struct Scope {
    origins: Option<Arc<[Origin]>>,
    secrets: Option<Arc<[Secret]>>,
}

impl Scope {
    pub(super) fn with_origins<U: IntoUrl>(&self, origins: impl IntoIterator<Item = U>) -> Result<Self, EgressError> {
        let origins = origins.into_iter().map(|url| Ok(url.into_url()?.origin()));
        Ok(Self { origins: Some(origins.collect::<Result<_, EgressError>>()?), ..self.clone() })
    }

    pub(super) fn with_secrets(&self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let long_enough = secrets.into_iter().filter(|secret| secret.expose().len() >= SHORTEST_SOUGHT);
        Self { secrets: Some(self.secrets().iter().cloned().chain(long_enough).collect()), ..self.clone() }
    }

    /// Tells whether secrets may go to a URL.
    pub(super) fn admits(&self, url: &Url) -> bool {
        self.origins.as_ref().is_none_or(|origins| origins.contains(&url.origin()))
    }

    /// Returns the secrets that are looked for.
    pub(super) fn secrets(&self) -> &[Secret] {
        self.secrets.as_deref().unwrap_or_default()
    }

    /// Names the origins, for people.
    pub(super) fn origins_text(&self) -> String {
        let origins = self.origins.iter().flat_map(|origins| origins.iter());
        let texts: Vec<_> = origins.map(Origin::ascii_serialization).collect();
        if texts.is_empty() { "no destination".to_owned() } else { texts.join(", ") }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("origins", &self.origins).field("secrets", &self.secrets().len()).finish()
    }
}
