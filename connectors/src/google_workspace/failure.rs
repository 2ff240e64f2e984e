//! What Google's refusals mean.

use connector_runtime::egress::oauth::{AuthorizedError, TokenError};
use connector_runtime::egress::{EgressError, PagingError};
use connector_runtime::prelude::*;

/// The longest text of Google that a failure repeats, in characters.
const MAX_SAID: usize = 1000;
/// Reasons of a 403 that ask the caller to come back: the quota of a minute, and too many calls at once.
const BUSY_REASONS: [&str; 3] = ["userRateLimitExceeded", "quotaExceeded", "rateLimitExceeded"];

/// The part of a call that failed, in `diagnostics.step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The JSON document.
    Key,
    /// Reaching the token URL or the API.
    Dial,
    /// Google does not know the key.
    SignIn,
    /// The key may not act for people of the domain.
    Delegation,
    /// Who is acted for.
    Subject,
    /// The token lacks a scope.
    Scope,
    /// The API is not switched on in the key's project.
    Api,
    /// The subject may not do it.
    Permission,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Dial => "dial",
            Self::SignIn => "signIn",
            Self::Delegation => "delegation",
            Self::Subject => "subject",
            Self::Scope => "scope",
            Self::Api => "api",
            Self::Permission => "permission",
        }
    }

    pub(super) fn of(self, fail: Fail) -> Fail {
        fail.diagnostic("step", self.name())
    }
}

/// What Google says in the body of an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Its word for it, such as `notFound`; empty if it has none.
    pub(super) reason: String,
    /// Its text; empty if it has none.
    pub(super) message: String,
}

impl Said {
    pub(super) fn of(body: &Value) -> Self {
        let error = &body["error"];
        let text = |value: &Value| value.as_str().map(|text| text.chars().take(MAX_SAID).collect::<String>());
        let details = error["details"].as_array().into_iter().flatten();
        let reasons = [&error["errors"][0]["reason"], &error["status"]].into_iter().filter_map(text);
        let detailed = details.filter_map(|detail| text(&detail["reason"]));
        Self {
            // What is in the details is the finest word, and stands there for scopes and for an API that is off only.
            reason: detailed.chain(reasons).next().unwrap_or_default(),
            message: text(&error["message"]).unwrap_or_default(),
        }
    }
}

/// Returns whether an answer asks the caller to come back. What was refused for this had no effect.
pub(super) fn is_rate_limited(response: &Response) -> bool {
    match response.status() {
        429 => true,
        403 => response.json().is_ok_and(|body: Value| says_busy(&body)),
        _ => false,
    }
}

fn says_busy(body: &Value) -> bool {
    let errors = body["error"]["errors"].as_array().into_iter().flatten();
    let mut reasons = errors.filter_map(|error| error["reason"].as_str());
    reasons.any(|reason| BUSY_REASONS.contains(&reason)) || body["error"]["status"] == "RESOURCE_EXHAUSTED"
}

/// Makes the failure of an answer that is none of success. `doing` is what was tried: "read the user".
pub(super) fn refused(status: u16, body: &Value, doing: &str) -> Fail {
    let said = Said::of(body);
    let is_busy = status == 403 && says_busy(body);
    let code = match (status, said.reason.as_str()) {
        (403, _) if is_busy => Code::RateLimited,
        (403, "dailyLimitExceeded") => Code::RateLimited,
        (412, _) => Code::NotFound,
        (status, _) => Code::of_status(status),
    };
    let text = match said.message.as_str() {
        "" => format!("Google refused to {doing}: status {status}"),
        message => format!("Google refused to {doing}: {message}"),
    };
    let fail = Fail::coded(code, text).diagnostic("statusCode", status);
    let fail = if status == 412 { fail.diagnostic("deleted", is_deleted(&said)) } else { fail };
    let step = match said.reason.as_str() {
        _ if is_busy => None,
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT" | "insufficientPermissions" if status == 403 => Some(Step::Scope),
        "SERVICE_DISABLED" | "accessNotConfigured" if status == 403 => Some(Step::Api),
        _ if status == 403 => Some(Step::Permission),
        _ if status == 401 => Some(Step::SignIn),
        _ => None,
    };
    let fail = step.into_iter().fold(fail, |fail, step| step.of(fail));
    with_said(fail, said)
}

/// Returns whether a refusal says that what it is about was deleted.
pub(super) fn is_deleted(said: &Said) -> bool {
    said.message.to_ascii_lowercase().contains("deleted")
}

fn with_said(fail: Fail, said: Said) -> Fail {
    let pairs = [("systemCode", said.reason), ("systemMessage", said.message)];
    pairs.into_iter().filter(|(_, text)| !text.is_empty()).fold(fail, |fail, (name, text)| fail.diagnostic(name, text))
}

/// Makes the failure of a request that brought no answer.
pub(super) fn unanswered(error: &AuthorizedError, only_reads: bool) -> Fail {
    match error {
        AuthorizedError::Token(token) => no_token(token),
        AuthorizedError::Egress(egress) if !egress.may_have_arrived() => {
            Step::Dial.of(Fail::unauthorized(error, only_reads))
        }
        error => Fail::unauthorized(error, only_reads),
    }
}

/// Says what kept Google from giving a token: it has four words for it, and its texts tell the rest.
fn no_token(error: &TokenError) -> Fail {
    let fail = Fail::unauthorized(&AuthorizedError::Token(error.clone()), true);
    let TokenError::Refused { why, code, .. } = error else {
        let step = if matches!(error, TokenError::Egress(_)) { Step::Dial } else { Step::Key };
        return step.of(fail);
    };
    let fail = code.iter().fold(fail, |fail, code| fail.diagnostic("systemCode", code));
    let text = why.to_ascii_lowercase();
    let (step, mend) = match code.as_deref() {
        Some("unauthorized_client") => (
            Step::Delegation,
            "the service account may not act for this domain with these scopes: add its client id and the scopes at \
             Admin console, Security, API controls, Domain-wide delegation",
        ),
        Some("invalid_scope") => (Step::Scope, "a scope of the connection does not exist or may not be used"),
        Some("invalid_grant") if text.contains("email or user id") || text.contains("sub") => {
            (Step::Subject, "the subject is no user of the domain")
        }
        Some("invalid_grant") if text.contains("iat") || text.contains("timeframe") => {
            (Step::SignIn, "the clock of this machine is wrong")
        }
        Some("invalid_grant" | "invalid_client") => (Step::SignIn, "the key was deleted, or its account is disabled"),
        _ => (Step::SignIn, "the token URL gave none"),
    };
    let fail = step.of(fail).diagnostic("systemMessage", why.chars().take(MAX_SAID).collect::<String>());
    Fail { error: format!("{}; {mend}", fail.error), ..fail }
}

/// Makes the failure of a page that brought no answer, or no next page.
pub(super) fn unreadable_page(error: PagingError) -> Fail {
    match error {
        PagingError::Egress(error) => unanswered(&AuthorizedError::Egress(error), true),
        PagingError::Token(error) => unanswered(&AuthorizedError::Token(error), true),
        PagingError::Http(error) => refused(error.status(), &error.response().json().unwrap_or_default(), "list"),
        PagingError::TooLong { .. } => Fail::coded(Code::TooLarge, error.to_string()),
        error => Fail::coded(Code::Unavailable, error.to_string()),
    }
}

/// Says of an error that no command has dealt with what kind it is.
pub(super) fn explain(error: &Thrown<'_>) -> Option<Fail> {
    let egress = error.find::<EgressError>()?;
    Some(Fail::unanswered(egress, false))
}

/// Makes the failure of a param.
pub(super) fn invalid(param: &str, why: impl std::fmt::Display) -> Fail {
    Fail::coded(Code::Invalid, format!("Invalid field(s): {param}: {why}")).diagnostic("field", param)
}
