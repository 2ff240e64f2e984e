//! Where a connection's secrets may go, and which texts are its secrets.
//!
//! A connector whose URL is built from parameters would otherwise carry the stored credential to whoever
//! the parameters name.

use std::fmt;
use std::sync::Arc;

use url::{Origin, Url};

use super::outgoing::MIN_SEARCHED_LENGTH;
use super::{EgressError, IntoUrl};
use crate::Secret;
use crate::redact::{Redactor, RuntimeSecret};

/// The origins that may have secrets (all, if none was named), and the secrets that are looked for.
#[derive(Clone, Default)]
pub(super) struct Scope {
    origins: Option<Arc<[Place]>>,
    watched: Option<Arc<Watched>>,
    /// Those that came up while a call ran.
    late: Vec<RuntimeSecret>,
}

/// The secrets that are looked for, and what finds them in every form that they travel in.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) secrets: Vec<Secret>,
    pub(super) finder: Redactor,
}

/// A place that may have secrets.
#[derive(Debug)]
pub(super) struct Place {
    /// The connection field that names it, if it is one that does.
    pub(super) field: Option<String>,
    /// Its origin; none while the field is empty or holds no URL that may be called.
    pub(super) origin: Option<Origin>,
}

impl Scope {
    pub(super) fn with_origins<U: IntoUrl>(&self, origins: impl IntoIterator<Item = U>) -> Result<Self, EgressError> {
        let place = |url: U| Ok(Place { field: None, origin: Some(url.into_url()?.origin()) });
        let places: Result<Vec<_>, EgressError> = origins.into_iter().map(place).collect();
        Ok(self.with_places(places?))
    }

    pub(super) fn with_places(&self, places: Vec<Place>) -> Self {
        Self { origins: Some(places.into()), ..self.clone() }
    }

    pub(super) fn without_origins(&self) -> Self {
        Self { origins: None, ..self.clone() }
    }

    pub(super) fn with_secrets(&self, secrets: impl IntoIterator<Item = Secret>) -> Self {
        let long_enough = secrets.into_iter().filter(|secret| secret.expose().len() >= MIN_SEARCHED_LENGTH);
        let known = self.watched.iter().flat_map(|watched| watched.secrets.iter().cloned());
        let secrets: Vec<Secret> = known.chain(long_enough).collect();
        let finder = Redactor::new(secrets.iter().map(|secret| secret.expose().to_owned()));
        Self { watched: Some(Arc::new(Watched { secrets, finder })), ..self.clone() }
    }

    pub(super) fn with_late(&self, secret: RuntimeSecret) -> Self {
        let mut scope = self.clone();
        if secret.secret().expose().len() >= MIN_SEARCHED_LENGTH {
            scope.late.push(secret);
        }
        scope
    }

    /// Tells whether secrets may go to a URL.
    pub(super) fn admits(&self, url: &Url) -> bool {
        let Some(places) = &self.origins else { return true };
        let origin = url.origin();
        places.iter().any(|place| place.origin.as_ref() == Some(&origin))
    }

    /// Returns the secrets that are looked for, group by group, with what finds them.
    pub(super) fn watched(&self) -> impl Iterator<Item = (&[Secret], &Redactor)> {
        let known = self.watched.iter().map(|watched| (watched.secrets.as_slice(), &watched.finder));
        known.chain(self.late.iter().map(|late| (std::slice::from_ref(late.secret()), late.finder())))
    }

    /// Words the error of a request to a place that is not admitted.
    pub(super) fn refuse(&self, target: String) -> EgressError {
        let places = self.origins.as_deref().unwrap_or_default();
        let open: Vec<String> = places.iter().filter_map(Place::shown).collect();
        let fields = places.iter().filter_map(|place| place.field.as_deref()).collect::<Vec<_>>().join(" or ");
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
        let mend = if fields.is_empty() {
            "check how the URL is built, or send the request without the secret".to_owned()
        } else {
            format!(
                "check how the URL is built, or set {fields} to where the secrets belong; an author who needs \
                 another place declares it: #[connector(egress = ..)]"
            )
        };
        EgressError::Scope { target, allowed, mend }
    }
}

impl Place {
    /// Prints the place for people, if it is one.
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
        f.debug_struct("Scope")
            .field("origins", &self.origins)
            .field("secrets", &self.watched.as_ref().map_or(0, |watched| watched.secrets.len()))
            .finish()
    }
}
