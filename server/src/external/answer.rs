//! Reads what a service answered (contract section 6): a body with a boolean `success` counts at any HTTP
//! status, keys of protocol 1.x are refused with what to do about it, and anything else is a failure that
//! quotes what came.

use connector_runtime::egress::Response;
use connector_runtime::outcome::{Fail, Failure};
use connector_runtime::protocol;
use connector_runtime::redact::Redactor;
use connector_runtime::result::{Reply, Sender};
use serde_json::{Map, Value};

/// The most bytes of a body that a failure quotes.
const MOST_QUOTED: usize = 4 * 1024;

/// Reads an answer.
///
/// # Errors
/// Where it is no result of protocol 2.0.
pub(super) fn read(response: &Response, redactor: &Redactor) -> Result<Reply, Failure> {
    let Ok(body) = response.json::<Value>() else {
        return Err(no_result(response, redactor, "the body is no JSON").into());
    };
    let (legacy, result) = body.as_object().map_or((false, false), judge);
    if !legacy && !result {
        let reason = if (300..400).contains(&response.status()) {
            "redirects are not followed; set endpointUrl to where the service is"
        } else if body.is_object() {
            "the body has no success that is true or false"
        } else {
            "the body is no object"
        };
        return Err(no_result(response, redactor, reason).into());
    }
    if let Some(version) = body.get("protocolVersion").and_then(Value::as_str).filter(|own| !protocol::is_spoken(own)) {
        let version: String = redactor.text(version).chars().take(16).collect();
        return Err(quoted(Fail::new(upgrade(&version)), response, redactor).into());
    }
    Reply::read(body, Sender::Service).map_err(|error| quoted(Fail::new(error), response, redactor).into())
}

/// Tells whether a service may answer otherwise in a moment, so that a command that may be sent twice is.
pub(super) fn is_passing(response: &Response) -> bool {
    matches!(response.status(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
        && !response.json::<Value>().is_ok_and(|body| body.as_object().is_some_and(|map| judge(map).1))
}

/// Tells whether an object has keys of protocol 1.x, and whether it is a result.
fn judge(body: &Map<String, Value>) -> (bool, bool) {
    let legacy = ["data", "outputVariables"].iter().any(|key| body.contains_key(*key));
    (legacy, body.get("success").is_some_and(Value::is_boolean))
}

fn upgrade(version: &str) -> String {
    format!(
        "The external service speaks protocol {version}; this server speaks {}. Upgrade the service: a result has \
         success, payload (on success), diagnostics (on failure), variables and error",
        protocol::VERSION
    )
}

fn no_result(response: &Response, redactor: &Redactor, reason: &str) -> Fail {
    let fail = Fail::new(format!("External service answered {}", response.status())).diagnostic("reason", reason);
    quoted(fail, response, redactor)
}

fn quoted(fail: Fail, response: &Response, redactor: &Redactor) -> Fail {
    fail.diagnostic("statusCode", response.status()).diagnostic("responseBody", quote(response, redactor))
}

/// Returns the body as JSON where it is short, else as the beginning of its text. Secrets go before it is cut: of
/// one that lies across the cut half would stay.
pub(crate) fn quote(response: &Response, redactor: &Redactor) -> Value {
    let bytes = response.bytes();
    if bytes.is_empty() {
        return Value::Null;
    }
    if bytes.len() <= MOST_QUOTED
        && let Ok(mut value) = response.json::<Value>()
    {
        redactor.value(&mut value);
        return value;
    }
    let text = response.text();
    let text = redactor.text(&text);
    if text.len() <= MOST_QUOTED {
        return Value::from(text.into_owned());
    }
    let end = text.floor_char_boundary(MOST_QUOTED);
    format!("{}... ({} bytes in all)", &text[..end], bytes.len()).into()
}
