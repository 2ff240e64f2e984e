//! The `Authorization` header of a bearer token (RFC 6750).

use http::HeaderValue;

use crate::{EgressError, Secret};

/// Returns the value of an `Authorization` header with a bearer token, marked as sensitive.
///
/// # Errors
/// If the token holds a line break or another control character.
pub fn bearer_header(token: &Secret) -> Result<HeaderValue, EgressError> {
    let text = Secret::new(format!("Bearer {}", token.expose()));
    let mut value = HeaderValue::from_bytes(text.expose().as_bytes())
        .map_err(|_| EgressError::request("the bearer token holds a line break or another control character"))?;
    value.set_sensitive(true);
    Ok(value)
}
