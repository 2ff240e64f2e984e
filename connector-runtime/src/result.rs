//! The normalised outcome, in two shapes: [`ConnectorResult`] holds the payload as a value, for code that
//! reads it; [`Reply`] holds it as JSON text, so that an answer is serialised only once.

use std::fmt;

use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::descriptor::Outputs;
use crate::egress::EgressError;
use crate::outcome::{Cause, Fail, Failure, Outcome, Success, Thrown};
use crate::schema::json_type;

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "shorter calls")]
mod tests;

/// The result of a command, with its payload as JSON.
///
/// A handler may return one for full control; its fields are passed on as they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectorResult {
    /// Whether the command succeeded.
    pub success: bool,
    /// The domain result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// What is merged into the run's variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variables: Option<Map<String, Value>>,
    /// Context of a failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Value>,
    /// What happened, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The result of a command, with its payload as JSON text.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Reply {
    /// Whether the command succeeded.
    pub success: bool,
    /// The domain result, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<PayloadText>,
    /// What is merged into the run's variables.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Box<Map<String, Value>>>,
    /// Context of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnostics: Option<Box<Value>>,
    /// What happened, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Reply {
    /// Makes a success without payload.
    pub fn done() -> Self {
        Self { success: true, ..Self::default() }
    }

    /// Makes a failure with a text.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }

    /// Returns the result with its payload parsed.
    pub fn into_result(self) -> ConnectorResult {
        ConnectorResult {
            success: self.success,
            payload: self.payload.and_then(|text| serde_json::from_str(text.get()).ok()),
            variables: self.variables.map(|variables| *variables),
            diagnostics: self.diagnostics.map(|diagnostics| *diagnostics),
            error: self.error,
        }
    }

    /// Writes the reply as JSON text.
    pub fn into_json(self) -> String {
        match self {
            Self { success: true, payload: Some(payload), variables: None, diagnostics: None, error: None } => {
                payload.into_answer()
            }
            other => other.written(),
        }
    }

    /// Writes the reply as JSON text without consuming it.
    pub fn to_json(&self) -> String {
        match self {
            Self { success: true, payload: Some(payload), variables: None, diagnostics: None, error: None } => {
                payload.clone().into_answer()
            }
            other => other.written(),
        }
    }

    /// Writes any reply, as [`Serialize`] does, but takes the payload as the JSON text that it is: there it is parsed
    /// again. Maps of texts and values can always be written as JSON.
    fn written(&self) -> String {
        let Self { success, payload, variables, diagnostics, error } = self;
        let mut text = String::with_capacity(payload.as_ref().map_or(0, |payload| payload.get().len()) + USUAL);
        text.push_str(if *success { r#"{"success":true"# } else { r#"{"success":false"# });
        let mut add =
            |name: &str, value: &str| [",\"", name, "\":", value].into_iter().for_each(|part| text.push_str(part));
        if let Some(payload) = payload {
            add("payload", payload.get());
        }
        if let Some(variables) = variables {
            add("variables", &serde_json::to_string(variables).unwrap_or_default());
        }
        if let Some(diagnostics) = diagnostics {
            add("diagnostics", &serde_json::to_string(diagnostics).unwrap_or_default());
        }
        if let Some(error) = error {
            add("error", &serde_json::to_string(error).unwrap_or_default());
        }
        text.push('}');
        text
    }

    /// Makes the reply of a failure. Thrown errors pass through `explain` first. Where a request left that was not
    /// answered to its end, the outcome is unknown, unless the command only reads.
    pub(crate) fn from_failure(
        failure: Failure,
        only_reads: bool,
        explain: impl FnOnce(&Thrown<'_>) -> Option<Fail>,
    ) -> Self {
        match failure.into_cause() {
            Cause::Fail(fail) | Cause::Unavailable(fail) => fail.into(),
            Cause::Invalid(invalid) => Self::failed(invalid.to_string()),
            Cause::Thrown(error, variables) => {
                let thrown = Thrown::new(&*error);
                let mut fail = explain(&thrown).unwrap_or_else(|| Fail::new(error.to_string()));
                fail.variables.extend(variables);
                let unsettled = thrown.find::<EgressError>().filter(|error| !only_reads && error.may_have_arrived());
                if let Some(error) = unsettled {
                    fail.diagnostics.entry("outcome").or_insert_with(|| "unknown".into());
                    if let Some(status) = error.status() {
                        fail.diagnostics.entry("statusCode").or_insert_with(|| status.into());
                    }
                }
                fail.into()
            }
        }
    }

    /// Reads a result that came as JSON; what is not a result becomes a failure that says so.
    pub fn from_value(value: Value, origin: ReplyOrigin) -> Self {
        Self::read(value, origin).unwrap_or_else(Self::failed)
    }

    /// Reads a result that came as JSON.
    ///
    /// # Errors
    /// Says, for people, why the value is not a result.
    pub fn read(value: Value, origin: ReplyOrigin) -> Result<Self, String> {
        read(value, origin)
    }
}

/// A payload as JSON text.
///
/// The text is kept behind the beginning of an answer that holds nothing else, so that the most usual answer
/// is written only once: a closing brace completes it ([`Reply::into_json`]).
#[derive(Clone)]
pub struct PayloadText(String);

/// The bytes that most payloads take.
const USUAL: usize = 256;
/// The beginning of an answer with a payload and nothing else.
const HEAD: &str = r#"{"success":true,"payload":"#;

impl PayloadText {
    /// Writes a value as JSON.
    ///
    /// # Errors
    /// If the value cannot be written as JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        let mut text = Vec::with_capacity(USUAL);
        text.extend_from_slice(HEAD.as_bytes());
        serde_json::to_writer(&mut text, value)?;
        String::from_utf8(text).map(Self).map_err(serde_json::Error::custom)
    }

    /// Takes a text that was read as JSON already.
    pub fn of_text(text: &RawValue) -> Self {
        let mut whole = String::with_capacity(HEAD.len() + text.get().len() + 1);
        whole.push_str(HEAD);
        whole.push_str(text.get());
        Self(whole)
    }

    /// Returns the text.
    pub fn get(&self) -> &str {
        &self.0[HEAD.len()..]
    }

    /// Returns the answer that holds this payload and nothing else.
    fn into_answer(self) -> String {
        self.0 + "}"
    }
}

impl fmt::Debug for PayloadText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl Serialize for PayloadText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(self.get()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl From<Fail> for Reply {
    fn from(fail: Fail) -> Self {
        Self {
            success: false,
            payload: None,
            variables: filled(fail.variables),
            diagnostics: filled(fail.diagnostics).map(|map| Box::new(Value::Object(*map))),
            error: Some(fail.error),
        }
    }
}

impl TryFrom<ConnectorResult> for Reply {
    type Error = serde_json::Error;

    fn try_from(result: ConnectorResult) -> Result<Self, serde_json::Error> {
        Ok(Self {
            success: result.success,
            payload: result.payload.as_ref().map(PayloadText::of).transpose()?,
            variables: result.variables.map(Box::new),
            diagnostics: result.diagnostics.map(Box::new),
            error: result.error,
        })
    }
}

fn filled(map: Map<String, Value>) -> Option<Box<Map<String, Value>>> {
    if map.is_empty() { None } else { Some(Box::new(map)) }
}

/// What produced a result as JSON; each origin may use a different shorthand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyOrigin {
    /// A script or a mock: scalars, and objects without `success`, are accepted.
    Script,
    /// An external service or an agent: `success` is required.
    Service,
}

/// Returns the text that refuses the fields of protocol 1.x.
fn legacy(keys: &[&str]) -> String {
    format!(
        "The result uses {} of protocol 1.x. Since 2.0 a result has payload (on success), diagnostics (on failure) and variables: rename data to payload or diagnostics, and outputVariables to variables; docs/contract.md shows both forms under \"From protocol 1.x\"",
        keys.join(" and ")
    )
}

fn read(value: Value, origin: ReplyOrigin) -> Result<Reply, String> {
    let mut map = match value {
        Value::Object(map) => map,
        Value::Array(_) if origin == ReplyOrigin::Script => {
            return Err("The command returned an array; return { success, payload } instead".to_owned());
        }
        _ if origin == ReplyOrigin::Script => return Ok(Reply::done()),
        other => return Err(format!("The service answered {} where a result object was expected", json_type(&other))),
    };
    let old: Vec<&str> = ["data", "outputVariables"].into_iter().filter(|key| map.contains_key(*key)).collect();
    if !old.is_empty() {
        return Err(legacy(&old));
    }
    let success = match map.get("success") {
        Some(Value::Bool(success)) => Some(*success),
        Some(other) => return Err(format!("The result's success must be true or false, got {}", json_type(other))),
        None => None,
    };
    let error = match map.remove("error") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text),
        Some(other) => return Err(format!("The result's error must be a string, got {}", json_type(&other))),
    };
    let variables = match map.remove("variables") {
        None | Some(Value::Null) => None,
        Some(Value::Object(variables)) => Some(variables),
        Some(other) => return Err(format!("The result's variables must be an object, got {}", json_type(&other))),
    };
    let payload = map.remove("payload");
    let diagnostics = map.remove("diagnostics");
    let success = match success {
        Some(success) => success,
        None if origin == ReplyOrigin::Service => {
            return Err("The result has no success; it must be true or false".to_owned());
        }
        None if error.is_some() => false,
        None if payload.is_some() || variables.is_some() => {
            return Reply::try_from(ConnectorResult {
                success: true,
                payload,
                variables,
                ..ConnectorResult::default()
            })
            .map_err(|error| error.to_string());
        }
        None => {
            let keys: Vec<&str> = map.keys().map(String::as_str).take(8).collect();
            return Err(format!(
                "The command returned an object without success, payload, variables or error (it has: {})",
                keys.join(", ")
            ));
        }
    };
    Reply::try_from(ConnectorResult { success, payload, variables, diagnostics, error })
        .map_err(|error| error.to_string())
}

/// A type that may be a payload.
///
/// `#[payload]` implements it for a struct, together with serde and the list of outputs, so that the
/// outputs of a command cannot drift from its handler.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the payload of a command",
    label = "not a payload",
    note = "put #[payload] on the struct (an #[object] without a Secret is a payload too), or return Outcome<Value> and name the outputs: #[command(outputs(\"a\", \"b\"))]"
)]
pub trait Payload: Serialize + Send {
    /// What the payload holds.
    const OUTPUTS: Outputs;

    /// Writes the payload as JSON text; `None` if there is no payload.
    ///
    /// # Errors
    /// If the value cannot be written as JSON.
    fn to_json(&self) -> Result<Option<PayloadText>, serde_json::Error> {
        PayloadText::of(self).map(Some)
    }
}

impl Payload for () {
    const OUTPUTS: Outputs = Outputs { names: &[], schema: None, typed: true };

    fn to_json(&self) -> Result<Option<PayloadText>, serde_json::Error> {
        Ok(None)
    }
}

impl Payload for Value {
    const OUTPUTS: Outputs = Outputs { names: &[], schema: None, typed: false };
}

impl Payload for Map<String, Value> {
    const OUTPUTS: Outputs = Outputs { names: &[], schema: None, typed: false };
}

/// What a handler may return: [`Outcome`], nothing, or a [`ConnectorResult`].
#[diagnostic::on_unimplemented(
    message = "a command cannot return `{Self}`",
    label = "not an outcome",
    note = "return Outcome, Outcome<T> with #[payload] on T, ConnectorResult, or nothing"
)]
pub trait Returns: Send {
    /// What the payload holds.
    const OUTPUTS: Outputs;

    /// Normalises the value.
    ///
    /// # Errors
    /// If the handler failed or threw.
    fn into_reply(self) -> Result<Reply, Failure>;
}

impl<T: Payload> Returns for Outcome<T> {
    const OUTPUTS: Outputs = T::OUTPUTS;

    fn into_reply(self) -> Result<Reply, Failure> {
        let Success { payload, variables } = self?;
        let payload = payload.to_json().map_err(|error| unserialisable(&error))?;
        Ok(Reply { success: true, payload, variables: filled(variables), diagnostics: None, error: None })
    }
}

impl Returns for () {
    const OUTPUTS: Outputs = Outputs { names: &[], schema: None, typed: true };

    fn into_reply(self) -> Result<Reply, Failure> {
        Ok(Reply::done())
    }
}

impl Returns for ConnectorResult {
    const OUTPUTS: Outputs = Outputs { names: &[], schema: None, typed: false };

    fn into_reply(self) -> Result<Reply, Failure> {
        Reply::try_from(self).map_err(|error| unserialisable(&error))
    }
}

fn unserialisable(error: &serde_json::Error) -> Failure {
    Fail::new(format!("The payload cannot be written as JSON: {error}")).into()
}
