//! The key in a path: an id or a name, decoded.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::Problem;
use crate::error::Error;

/// The `{id}` of a path. A malformed key is answered with 404.
#[derive(Debug)]
pub struct PathKey(pub String);

/// The `{id}` of a path, and the one key below it.
#[derive(Debug)]
pub struct PathKeys(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for PathKeys {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path((key, below))) = Path::<(String, String)>::from_request_parts(parts, state).await else {
            return Err(Error::not_found("the path holds bytes that are no UTF-8 text").into());
        };
        if key.chars().chain(below.chars()).any(char::is_control) {
            return Err(Error::not_found("the path holds control characters, which no name has").into());
        }
        Ok(Self(key, below))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Ok(Path(key)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(Error::not_found("the path holds bytes that are no UTF-8 text").into());
        };
        if key.chars().any(char::is_control) {
            return Err(Error::not_found("the path holds control characters, which no name has").into());
        }
        Ok(Self(key))
    }
}
