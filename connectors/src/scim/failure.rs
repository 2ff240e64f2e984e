//! What a service said instead of an answer, and the code that a flow decides by.

use connector_runtime::egress::BodyError;
use connector_runtime::prelude::*;

/// The most characters that are kept of a text of a service.
const MAX_TEXT: usize = 2000;

/// A failure of this connector: boxed, because most calls have none and all functions return it.
#[derive(Debug)]
pub(super) struct Problem(pub(super) Box<Fail>);

pub(super) type Result<T, E = Problem> = std::result::Result<T, E>;

impl Problem {
    pub(super) fn new(code: Code, error: impl Into<String>) -> Self {
        Self(Box::new(Fail::coded(code, error)))
    }

    pub(super) fn with(mut self, name: &str, value: impl serde::Serialize) -> Self {
        let value = serde_json_value(value);
        self.0.diagnostics.insert(name.to_owned(), value);
        self
    }

    /// Returns the name of its code.
    pub(super) fn code(&self) -> &str {
        self.0.diagnostics.get("code").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn is(&self, code: Code) -> bool {
        self.code() == code.name()
    }

    /// Returns what the service calls it.
    pub(super) fn system_code(&self) -> &str {
        self.0.diagnostics.get("systemCode").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn status(&self) -> Option<u64> {
        self.0.diagnostics.get("statusCode").and_then(Value::as_u64)
    }

    /// Changes the code; the rest stays.
    pub(super) fn coded(self, code: Code) -> Self {
        self.with("code", code)
    }
}

fn serde_json_value(value: impl serde::Serialize) -> Value {
    json!(value)
}

impl From<Fail> for Problem {
    fn from(fail: Fail) -> Self {
        Self(Box::new(fail))
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        (*problem.0).into()
    }
}

/// Of an answer with a status of success whose body is not what was asked for.
impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Self::new(
            Code::Unavailable,
            format!("{error}; check that baseUrl leads to the SCIM service, such as https://example.com/scim/v2"),
        )
    }
}

/// What a service said of an error, whichever of the usual forms it has.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Said {
    /// Its own code, such as `uniqueness`.
    pub(super) code: Option<String>,
    pub(super) text: Option<String>,
}

/// Reads an error of RFC 7644 (section 3.12), of SCIM 1.1, or of what stands before a service.
pub(super) fn said(body: &Value) -> Said {
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(cut(text.trim())),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let old = body.get("Errors").map(|errors| errors.get(0).unwrap_or(errors));
    let old = |name: &str| old.and_then(|old| old.get(name));
    let error = body.get("error");
    Said {
        code: text(body.get("scimType"))
            .or_else(|| text(old("type")))
            .or_else(|| text(old("code")))
            .or_else(|| text(error)),
        text: text(body.get("detail"))
            .or_else(|| text(old("description")))
            .or_else(|| text(body.get("error_description")))
            .or_else(|| text(body.get("message")))
            .or_else(|| text(error.and_then(|error| error.get("message")))),
    }
}

/// Returns the code of a status and of a scimType (RFC 7644, table 9).
pub(super) fn code_of(status: u16, system_code: Option<&str>) -> Code {
    match system_code {
        Some("uniqueness") => Code::Exists,
        Some("tooMany") => Code::TooLarge,
        Some("sensitive") => Code::Denied,
        _ => Code::of_status(status),
    }
}

/// Makes the failure of an answer with a status that is none of success. `what` says what was tried, such as
/// `list the users`.
pub(super) fn refused(response: &Response, what: &str, is_busy: bool) -> Problem {
    let status = response.status();
    let body: Option<Value> = response.json().ok();
    let said = body.as_ref().map(said).unwrap_or_default();
    let code = if is_busy { Code::RateLimited } else { code_of(status, said.code.as_deref()) };
    let named = said.code.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
    let text = said.text.as_deref().map(|text| format!(": {text}")).unwrap_or_default();
    let mend = match code {
        Code::Unauthenticated => "; check the connection's credentials",
        Code::Denied => "; the account of the connection may not do this",
        Code::RateLimited => "; try again later, or ask for less at a time",
        _ => "",
    };
    let mut problem = Problem::new(code, format!("Could not {what}: the service answered {status}{named}{text}{mend}"))
        .with("statusCode", status);
    if let Some(code) = &said.code {
        problem = problem.with("systemCode", code);
    }
    match (&said.text, response.text()) {
        (Some(text), _) => problem = problem.with("systemMessage", text),
        // What is not an error of SCIM comes from a proxy or from the wrong address; its beginning shows which.
        (None, text) if !text.trim().is_empty() => problem = problem.with("responseBody", cut(text.trim())),
        _ => {}
    }
    match response.retry_after() {
        Some(wait) => problem.with("retryAfterSeconds", wait.as_secs()),
        None => problem,
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Adds to a refused filter what was sent, and the place of the mistake where the service says it.
pub(super) fn about_filter(problem: Problem, filter: Option<&str>) -> Problem {
    let Some(filter) = filter.filter(|_| problem.status() == Some(400)) else { return problem };
    let column = problem.0.diagnostics.get("systemMessage").and_then(Value::as_str).and_then(column);
    let problem = problem.with("filter", filter);
    let Some(column) = column else { return problem };
    // Columns count from 1.
    let near: String = filter.chars().skip(column.saturating_sub(1)).take(30).collect();
    let mut problem = problem.with("column", column).with("near", &near);
    problem.0.error.push_str(&format!("; the filter is `{filter}`, and column {column} begins with `{near}`"));
    problem
}

/// Reads the column that a text names: `invalid syntax at column 10`.
fn column(text: &str) -> Option<usize> {
    let (_, after) = ["column ", "position "].iter().find_map(|word| text.split_once(word))?;
    let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
