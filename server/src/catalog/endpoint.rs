//! Validates the URL at which an external type or connector is served.

use url::Url;

/// Reads an endpoint.
///
/// # Errors
/// The reason why it is invalid, without its value, which may contain credentials by mistake.
pub(super) fn read_endpoint(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if !matches!(url.scheme(), "http" | "https") => {
            Err(format!("expected http:// or https://, got {}:", url.scheme()))
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            Err("credentials do not belong into a URL; make them connection fields".to_owned())
        }
        Ok(url) => Ok(url),
        Err(error) => Err(format!("not a URL: {error}")),
    }
}
