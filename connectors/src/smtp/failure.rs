//! What a mail server's refusal means.

use std::io;

use connector_runtime::prelude::*;
use lettre::transport::smtp::Error;

/// The part of a call that failed, in `diagnostics.step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Dial,
    Greeting,
    Tls,
    SignIn,
    Sender,
    Recipients,
    Content,
}

impl Step {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::Greeting => "greeting",
            Self::Tls => "tls",
            Self::SignIn => "signIn",
            Self::Sender => "sender",
            Self::Recipients => "recipients",
            Self::Content => "content",
        }
    }

    pub(super) fn of(self, fail: Fail) -> Failure {
        fail.diagnostic("step", self.name()).into()
    }
}

/// Returns the code of a reply that refuses (RFC 5321, section 4.2.3; RFC 4954, section 6).
pub(super) const fn code_of(reply: u16) -> Code {
    match reply {
        400..=499 => Code::Unavailable,
        530 | 534 | 535 | 538 => Code::Unauthenticated,
        500..=504 => Code::Unsupported,
        552 => Code::TooLarge,
        _ => Code::Invalid,
    }
}

/// A reply of the server: its number and its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) text: String,
}

impl Reply {
    /// Returns the reply that an error of the library is about; `None` if there was none.
    pub(super) fn of(error: &Error) -> Option<Self> {
        let code = u16::from(error.status()?);
        let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        Some(Self { code, text: text.replace(char::is_control, " ") })
    }

    /// Makes a failure of it. `what` is what was to be done: "sign in".
    pub(super) fn refused(&self, what: &str) -> Fail {
        let Self { code, text } = self;
        Fail::coded(code_of(*code), format!("The mail server refused to {what}: {code} {text}"))
            .diagnostic("systemCode", code)
            .diagnostic("systemMessage", text)
    }
}

/// Makes a failure of an error of the library.
pub(super) fn failed(what: &str, error: &Error) -> Fail {
    if let Some(reply) = Reply::of(error) {
        return reply.refused(what);
    }
    if error.is_client() {
        let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        return Fail::coded(Code::Unsupported, format!("The mail server cannot {what}: {why}"));
    }
    let said = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    if let Some(said) = said.filter(|said| said.kind() == io::ErrorKind::Other) {
        return Fail::coded(Code::TooLarge, format!("The mail server did not {what}: {said}"));
    }
    let why = if error.is_response() { "what it answers is no SMTP, or too long" } else { "the connection broke" };
    Fail::coded(Code::Unavailable, format!("The mail server did not {what}: {why}"))
}

/// Makes the failure of a step that took too long.
pub(super) fn late(what: &str) -> Fail {
    Fail::coded(Code::Timeout, format!("The mail server did not {what}: it did not answer in time"))
}
