//! The origins that may have a connection's secrets, and the texts that are its secrets.
//!
//! Without it, a connector whose URL is built from params would send the stored credential to any host that
//! the params name.

use std::fmt;
use std::sync::Arc;

use url::{Origin, Url};

use super::{EgressError, IntoUrl};
use crate::redact::{Redactor, RuntimeSecret};

/// The origins that may have secrets (all, if none is named), and the secrets that are searched for.
#[derive(Clone, Default)]
pub(super) struct Scope {
    origins: Option<Arc<[AllowedOrigin]>>,
    watched: Option<Arc<Redactor>>,
    /// The secrets that came up while a call ran.
    runtime: Vec<RuntimeSecret>,
}

/// An origin that may have secrets.
#[derive(Debug)]
pub(super) struct AllowedOrigin {
    /// The connection field that names it, if a field does.
    pub(super) field: Option<String>,
    /// The origin; `None` while the field is empty or holds no URL that may be called.
    pub(super) origin: Option<Origin>,
}

impl Scope {
    pub(super) fn with_origins<U: IntoUrl>(&self, origins: impl IntoIterator<Item = U>) -> Result<Self, EgressError> {
        let place = |url: U| Ok(AllowedOrigin { field: None, origin: Some(url.into_url()?.origin()) });
        let origins: Result<Vec<_>, EgressError> = origins.into_iter().map(place).collect();
        Ok(self.with_allowed(origins?))
    }

    pub(super) fn with_allowed(&self, origins: Vec<AllowedOrigin>) -> Self {
        Self { origins: Some(origins.into()), ..self.clone() }
    }

    pub(super) fn without_origins(&self) -> Self {
        Self { origins: None, ..self.clone() }
    }

    /// Adds what recognises some secrets.
    pub(super) fn with_redactor(&self, redactor: Arc<Redactor>) -> Self {
        let watched = match &self.watched {
            Some(known) => Redactor::joined(known, &redactor),
            None => redactor,
        };
        Self { watched: Some(watched), ..self.clone() }
    }

    pub(super) fn with_runtime_secret(&self, secret: RuntimeSecret) -> Self {
        let mut scope = self.clone();
        scope.runtime.push(secret);
        scope
    }

    /// Returns whether secrets may be sent to a URL.
    pub(super) fn admits(&self, url: &Url) -> bool {
        let Some(origins) = &self.origins else { return true };
        let origin = url.origin();
        origins.iter().any(|place| place.origin.as_ref() == Some(&origin))
    }

    /// Returns what recognises the secrets.
    pub(super) fn watched(&self) -> impl Iterator<Item = &Redactor> {
        self.watched.as_deref().into_iter().chain(self.runtime.iter().map(|secret| &**secret.redactor()))
    }

    /// Makes the error of a request to an origin that is not admitted.
    pub(super) fn refuse(&self, target: String) -> EgressError {
        let origins = self.origins.as_deref().unwrap_or_default();
        let open: Vec<String> = origins.iter().filter_map(AllowedOrigin::shown).collect();
        let fields = origins.iter().filter_map(|place| place.field.as_deref()).collect::<Vec<_>>().join(" or ");
        let allowed = match (open.is_empty(), fields.is_empty()) {
            (false, _) => format!("the secrets of this connection may only be sent to {}", open.join(" or ")),
            (true, false) => {
                format!(
                    "the secrets of this connection may only be sent to the origin of field {fields}, which is not \
                     set or holds no http URL"
                )
            }
            (true, true) => "the secrets of this connection may not be sent anywhere".to_owned(),
        };
        let mend = match (origins.is_empty(), fields.is_empty()) {
            (true, _) => {
                "the type names no place for them: its author declares one with a connection field that holds a URL, and, \
                 if there are several, with `egress` in the config schema or #[connector(egress = ..)]"
                    .to_owned()
            }
            (false, true) => "check how the URL is built, or send the request without the secret".to_owned(),
            (false, false) => format!(
                "check how the URL is built, or set {fields} to where the secrets belong; an author who needs another \
                 place declares it: `egress` in the config schema or #[connector(egress = ..)]"
            ),
        };
        EgressError::Scope { target, allowed, mend }
    }
}

impl AllowedOrigin {
    /// Prints the origin for people, if there is one.
    fn shown(&self) -> Option<String> {
        let origin = self.origin.as_ref()?.ascii_serialization();
        Some(match &self.field {
            Some(field) => format!("{origin} (field {field})"),
            None => origin,
        })
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").field("origins", &self.origins).field("watched", &self.watched).finish()
    }
}
