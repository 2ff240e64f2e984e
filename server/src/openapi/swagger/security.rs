//! Security schemes.

use serde_json::{Map, Value, json};

/// Rewrites a security scheme. An unknown one stays, and is reported by whoever reads it.
pub(super) fn scheme(scheme: Value) -> Value {
    let Value::Object(mut scheme) = scheme else { return scheme };
    match scheme.get("type").and_then(Value::as_str) {
        Some("basic") => {
            scheme.insert("type".to_owned(), "http".into());
            scheme.insert("scheme".to_owned(), "basic".into());
        }
        Some("oauth2") => {
            let flow = match scheme.shift_remove("flow").as_ref().and_then(Value::as_str) {
                Some("application") => "clientCredentials",
                Some("accessCode") => "authorizationCode",
                Some("password") => "password",
                _ => "implicit",
            };
            let mut parts = Map::new();
            for key in ["authorizationUrl", "tokenUrl", "scopes"] {
                if let Some(value) = scheme.shift_remove(key) {
                    parts.insert(key.to_owned(), value);
                }
            }
            scheme.insert("flows".to_owned(), json!({ flow: parts }));
        }
        _ => {}
    }
    Value::Object(scheme)
}
