//! The two connection fields that hold a client certificate (mutual TLS) of a connector.
//!
//! The runtime knows them by their names, so that connectors of every execution model, imports and scripts have them
//! without code of their own: whoever declares both gets a client that shows the certificate to the connection's own
//! origins.

use super::model::{FieldKind, Fields};
use super::validate::{FieldValues, Invalid};

/// The connection field of the certificate: PEM, with the authorities between. It is a text and no secret.
pub const CLIENT_CERTIFICATE: &str = "clientCertificate";
/// The connection field of the certificate's key: PEM. It is a secret.
pub const CLIENT_KEY: &str = "clientKey";

/// Returns whether a connection declares both fields as what they have to be: a plain text and a secret. Fields of these
/// names that are something else are the author's own.
pub fn has_client_certificate(fields: &Fields) -> bool {
    let is = |name: &str, secret: bool| {
        fields.get(name).is_some_and(|field| field.kind == FieldKind::String && field.secret == secret)
    };
    is(CLIENT_KEY, true) && is(CLIENT_CERTIFICATE, false)
}

/// Returns the one of the two fields that is not set while the other one is: neither is of use alone.
pub fn missing_of_client_certificate(fields: &Fields, is_set: impl Fn(&str) -> bool) -> Option<&'static str> {
    if !has_client_certificate(fields) {
        return None;
    }
    match (is_set(CLIENT_CERTIFICATE), is_set(CLIENT_KEY)) {
        (true, false) => Some(CLIENT_KEY),
        (false, true) => Some(CLIENT_CERTIFICATE),
        _ => None,
    }
}

impl FieldValues<'_> {
    /// Adds the key that a certificate lacks, or the certificate that a key lacks.
    pub(super) fn check_client_certificate(&self, invalid: &mut Invalid) {
        let is_set = |name: &str| self.get(name).is_some_and(|value| value.as_str() != Some(""));
        if let Some(name) = missing_of_client_certificate(self.fields(), is_set)
            && !invalid.missing.iter().any(|known| known == name)
        {
            invalid.missing.push(name.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::{ConfigSchema, Fuel};

    fn fields(certificate: &Value, key: &Value) -> Fields {
        let schema =
            json!({ "connectionConfig": { CLIENT_CERTIFICATE: certificate, CLIENT_KEY: key }, "commands": {} });
        ConfigSchema::parse(&schema).unwrap().connection
    }

    fn both() -> Fields {
        fields(&json!({ "type": "string" }), &json!({ "type": "string", "secret": true }))
    }

    #[test]
    fn only_a_text_and_a_secret_are_a_certificate_and_its_key() {
        let (text, secret) = (json!({ "type": "string" }), json!({ "type": "string", "secret": true }));
        assert!(has_client_certificate(&both()));
        for (certificate, key) in [(&text, &text), (&secret, &secret), (&secret, &text)] {
            assert!(!has_client_certificate(&fields(certificate, key)), "{certificate} {key}");
        }
        assert!(!has_client_certificate(&fields(&text, &json!({ "type": "number" }))));
        assert!(!has_client_certificate(&Fields::new()));
    }

    #[test]
    fn one_without_the_other_is_missing_at_every_check_of_a_connection() {
        let fields = both();
        for (given, missing) in [
            (json!({}), None),
            (json!({ CLIENT_CERTIFICATE: "c", CLIENT_KEY: "k" }), None),
            (json!({ CLIENT_CERTIFICATE: "c" }), Some(CLIENT_KEY)),
            (json!({ CLIENT_CERTIFICATE: "c", CLIENT_KEY: "" }), Some(CLIENT_KEY)),
            (json!({ CLIENT_KEY: "k", CLIENT_CERTIFICATE: null }), Some(CLIENT_CERTIFICATE)),
        ] {
            let values: Map<String, Value> = serde_json::from_value(given.clone()).unwrap();
            let values = FieldValues::new(&fields, &values);
            let (mut sent, mut stored) = (Invalid::default(), Invalid::default());
            values.check_connection(&mut sent);
            values.check_stored(&mut stored, &mut Fuel::default());
            let missing: Vec<&str> = missing.into_iter().collect();
            assert_eq!(
                (sent.missing, stored.missing),
                (
                    missing.iter().map(|&name| name.to_owned()).collect(),
                    missing.iter().map(|&name| name.to_owned()).collect(),
                ),
                "{given}"
            );
        }
    }
}
