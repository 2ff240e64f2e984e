//! Reads what a service answered (contract section 6): a body with a boolean `success` counts at any HTTP
//! status, keys of protocol 1.x are refused with what to do about it, and anything else is a failure that
//! quotes what came.

use crate::egress::Response;
use crate::outcome::{Fail, Failure};
use crate::protocol;
use crate::redact::Redactor;
use crate::result::{Reply, ReplyOrigin};
use serde_json::{Map, Value};

/// The most bytes of a body that a failure quotes.
const MAX_QUOTED: usize = 4 * 1024;

/// Reads an answer.
///
/// # Errors
/// Where it is no result of protocol 2.0.
pub(super) fn read(response: &Response, redactor: &Redactor) -> Result<Reply, Failure> {
    let Ok(body) = response.json::<Value>() else {
        return Err(no_result(response, redactor, "the body is no JSON").into());
    };
    if let Some(reason) = no_result_because(&body, "body") {
        let redirected = (300..400).contains(&response.status());
        let reason =
            if redirected { "redirects are not followed; set endpointUrl to where the service is" } else { &reason };
        return Err(no_result(response, redactor, reason).into());
    }
    spoken(body, "external service", redactor).map_err(|error| quoted(Fail::new(error), response, redactor).into())
}

/// Reads what came as a result over something else than HTTP, by the same rules; `sender` says from whom.
pub fn read_result(body: Value, sender: &str, redactor: &Redactor) -> Result<Reply, Failure> {
    if let Some(reason) = no_result_because(&body, "result") {
        let text = body.to_string();
        let fail = Fail::new(format!("The {sender} answered no result")).diagnostic("reason", reason);
        return Err(fail.diagnostic("result", cut(&redactor.text(&text), text.len())).into());
    }
    spoken(body, sender, redactor).map_err(|error| Fail::new(error).into())
}

/// Says why a body is no result, where it is none; one with keys of protocol 1.x is refused later, by another text.
fn no_result_because(body: &Value, what: &str) -> Option<String> {
    match body.as_object().map(judge) {
        Some((false, false)) => Some(format!("the {what} has no success that is true or false")),
        Some(_) => None,
        None => Some(format!("the {what} is no object")),
    }
}

/// Reads a result after a look at the version that its sender speaks.
fn spoken(body: Value, sender: &str, redactor: &Redactor) -> Result<Reply, String> {
    if let Some(version) =
        body.get("protocolVersion").and_then(Value::as_str).filter(|own| !protocol::is_supported(own))
    {
        let version: String = redactor.text(version).chars().take(16).collect();
        return Err(upgrade(sender, &version));
    }
    Reply::read(body, ReplyOrigin::Service)
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

fn upgrade(sender: &str, version: &str) -> String {
    format!(
        "The {sender} speaks protocol {version}; this server speaks {}. Upgrade it: a result has \
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
pub fn quote(response: &Response, redactor: &Redactor) -> Value {
    let bytes = response.bytes();
    if bytes.is_empty() {
        return Value::Null;
    }
    if bytes.len() <= MAX_QUOTED
        && let Ok(mut value) = response.json::<Value>()
    {
        redactor.value(&mut value);
        return value;
    }
    let text = response.text();
    cut(&redactor.text(&text), bytes.len()).into()
}

/// The beginning of a text that is redacted already, of so many bytes before.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= MAX_QUOTED {
        return text.to_owned();
    }
    format!("{}... ({bytes} bytes in all)", &text[..text.floor_char_boundary(MAX_QUOTED)])
}
