//! The key of a service account, as Google gives it out: a JSON document with a private key in it.

use connector_runtime::egress::redact::RuntimeSecret;
use connector_runtime::prelude::*;

use super::failure::Step;

/// What is needed of a key.
pub(super) struct ServiceKey {
    /// Who signs.
    pub(super) email: String,
    /// The id of the private key; empty if the document has none.
    pub(super) id: String,
    /// The private key, as PEM.
    pub(super) private_key: RuntimeSecret,
}

impl ServiceKey {
    /// Reads a key. Nothing of the document is in the error: a parser's own text would quote it.
    pub(super) fn parse(document: &Secret) -> Result<Self, Fail> {
        let text = document.expose().trim_start_matches('\u{feff}').trim();
        if text.contains("-----BEGIN") && !text.starts_with('{') {
            return Err(refused("it is a private key alone; give the whole JSON document"));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            refused(&format!("it is not JSON (line {line}, column {column}); give the file as it was downloaded"))
        })?;
        let field = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        match field("type") {
            Some("service_account") => {}
            Some("authorized_user") => return Err(refused("it is a person's; create a key of a service account")),
            // The id and secret of an OAuth client come in a document of their own.
            None if value.get("web").or_else(|| value.get("installed")).is_some() => {
                return Err(refused("it is an OAuth client's; create a key of a service account"));
            }
            _ => return Err(refused("its type is not service_account; create a key of a service account")),
        }
        let required = |name: &str| field(name).ok_or_else(|| refused(&format!("it has no {name}")));
        let private_key = RuntimeSecret::new(Secret::from(required("private_key")?))
            .map_err(|_| refused("its private_key is too long"))?;
        Ok(Self {
            email: required("client_email")?.to_owned(),
            id: field("private_key_id").unwrap_or_default().to_owned(),
            private_key,
        })
    }
}

fn refused(why: &str) -> Fail {
    let text = format!("The key in credentials cannot be used: {why}");
    Step::Key.of(Fail::coded(Code::Invalid, text))
}
