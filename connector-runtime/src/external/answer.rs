//! Reads the answer of a service (docs/contract.md#protocol-20): a body with a boolean `success` is a result at any
//! HTTP status, keys of protocol 1.x are refused with a hint to upgrade, and anything else is a failure that
//! quotes the body.

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
/// If it is not a result of protocol 2.0.
pub(super) fn read(response: &Response, redactor: &Redactor) -> Result<Reply, Failure> {
    let Ok(body) = response.json::<Value>() else {
        return Err(no_result(response, redactor, "the body is not valid JSON").into());
    };
    if let Some(reason) = no_result_because(&body, "body") {
        let redirected = (300..400).contains(&response.status());
        let reason =
            if redirected { "redirects are not followed; set endpointUrl to where the service is" } else { &reason };
        return Err(no_result(response, redactor, reason).into());
    }
    read_checked(body, "external service", redactor)
        .map_err(|error| quoted(Fail::new(error), response, redactor).into())
}

/// Reads a result that came over another protocol than HTTP, by the same rules; `sender` says from whom.
pub fn read_result(body: Value, sender: &str, redactor: &Redactor) -> Result<Reply, Failure> {
    if let Some(reason) = no_result_because(&body, "result") {
        let text = body.to_string();
        let fail = Fail::new(format!("The {sender} answered no result")).diagnostic("reason", reason);
        return Err(fail.diagnostic("result", cut(&redactor.text(&text), text.len())).into());
    }
    read_checked(body, sender, redactor).map_err(|error| Fail::new(error).into())
}

/// Returns why a body is not a result; a body with keys of protocol 1.x is refused later, with another text.
fn no_result_because(body: &Value, what: &str) -> Option<String> {
    match body.as_object().map(classify) {
        Some((false, false)) => Some(format!("the {what} has no success that is true or false")),
        Some(_) => None,
        None => Some(format!("the {what} is not an object")),
    }
}

/// Reads a result after checking the version of the protocol that its sender speaks.
fn read_checked(body: Value, sender: &str, redactor: &Redactor) -> Result<Reply, String> {
    if let Some(version) =
        body.get("protocolVersion").and_then(Value::as_str).filter(|own| !protocol::is_supported(own))
    {
        let version: String = redactor.text(version).chars().take(16).collect();
        return Err(upgrade(sender, &version));
    }
    Reply::read(body, ReplyOrigin::Service)
}

/// Returns whether the service may give another answer in a moment, and gave no result.
pub(super) fn is_temporary(response: &Response) -> bool {
    response.is_temporary_failure()
        && !response.json::<Value>().is_ok_and(|body| body.as_object().is_some_and(|map| classify(map).1))
}

/// Returns whether an object has keys of protocol 1.x, and whether it is a result.
fn classify(body: &Map<String, Value>) -> (bool, bool) {
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

/// Returns a short body as JSON, else the beginning of its text. Secrets are masked before the text is cut, because
/// the cut could leave half of one.
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

/// Returns the beginning of a redacted text, and how many bytes it had.
fn cut(text: &str, bytes: usize) -> String {
    if text.len() <= MAX_QUOTED {
        return text.to_owned();
    }
    format!("{}... ({bytes} bytes in all)", &text[..text.floor_char_boundary(MAX_QUOTED)])
}
