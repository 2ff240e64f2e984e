//! Why a statement brought no result, and how a flow is told: SQLSTATEs become codes, and the server's own words stay.

use std::io;

use connector_runtime::prelude::*;
use postgres_protocol::message::backend::ErrorResponseBody;
use tokio_postgres::error::DbError;
use tokio_postgres::fallible_iterator::FallibleIterator as _;

/// The most bytes of each text of the server that a failure carries.
const MAX_TEXT_BYTES: usize = 4096;

/// Why there is no result, and whether what was sent may have taken effect all the same.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) cause: Cause,
    pub(super) is_unknown: bool,
}

/// What went wrong.
#[derive(Debug)]
pub(super) enum Cause {
    /// The server said no.
    Server(Box<ServerError>),
    /// The connection ended; a new one may do better.
    Lost(String),
    /// What came over the connection cannot be taken; it would be the same again.
    Unusable(Code, String),
    /// No answer came in time.
    Late,
    /// It was found here: a value that does not fit, a limit, something that is not supported.
    Here(Box<Fail>),
}

/// An error of the server: its SQLSTATE and its texts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ServerError {
    pub(super) is_fatal: bool,
    pub(super) state: String,
    message: String,
    details: Vec<(&'static str, String)>,
}

impl Trouble {
    pub(super) fn here(fail: Fail) -> Self {
        Cause::Here(Box::new(fail)).into()
    }

    pub(super) fn lost(why: impl Into<String>) -> Self {
        Cause::Lost(why.into()).into()
    }

    pub(super) fn unusable(code: Code, why: impl Into<String>) -> Self {
        Cause::Unusable(code, why.into()).into()
    }

    /// Describes a message that does not have the parts that it must have.
    pub(super) fn malformed(error: &io::Error) -> Self {
        Self::unusable(Code::Unavailable, format!("a message is malformed: {error}"))
    }

    /// Returns whether the connection is of no more use.
    pub(super) fn ends_connection(&self) -> bool {
        match &self.cause {
            Cause::Server(error) => error.is_fatal,
            Cause::Lost(_) | Cause::Unusable(..) | Cause::Late => true,
            Cause::Here(_) => false,
        }
    }

    /// Returns whether a new connection may do better: this one was lost, and not for what was sent.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self.cause, Cause::Lost(_)) || matches!(&self.cause, Cause::Server(error) if error.is_fatal)
    }

    /// Notes that what was sent may have taken effect, unless the server has said that it did not.
    pub(super) fn after_effect(mut self) -> Self {
        self.is_unknown = self.ends_connection();
        self
    }

    /// Makes the failure that a flow sees.
    pub(super) fn into_fail(self) -> Fail {
        let is_unknown = self.is_unknown;
        let mut fail = match self.cause {
            Cause::Here(fail) => *fail,
            Cause::Late => Fail::coded(
                Code::Timeout,
                "The database did not answer in time; the statement was cancelled. Give it more time with timeoutMs",
            ),
            Cause::Lost(why) => {
                Fail::coded(Code::Unavailable, format!("The connection to the database was lost: {why}"))
            }
            Cause::Unusable(code, why) => {
                Fail::coded(code, format!("The answer of the database cannot be taken: {why}"))
            }
            Cause::Server(error) => error.into_fail(),
        };
        if is_unknown {
            fail.error.push_str("; it may have taken effect all the same: look before you repeat it");
            fail = fail.diagnostic("code", Code::OutcomeUnknown).diagnostic("outcome", "unknown");
        }
        fail
    }
}

impl From<Cause> for Trouble {
    fn from(cause: Cause) -> Self {
        Self { cause, is_unknown: false }
    }
}

impl From<ServerError> for Trouble {
    fn from(error: ServerError) -> Self {
        Cause::Server(Box::new(error)).into()
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::lost("the server closed it"),
            io::ErrorKind::Unsupported => Self::unusable(Code::Unsupported, error.to_string()),
            io::ErrorKind::FileTooLarge => Self::unusable(Code::TooLarge, error.to_string()),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::unusable(Code::Unavailable, error.to_string())
            }
            // What egress counts: more than a call may read.
            io::ErrorKind::Other => Self::unusable(Code::TooLarge, error.to_string()),
            _ => Self::lost(error.to_string()),
        }
    }
}

impl From<Fail> for Trouble {
    fn from(fail: Fail) -> Self {
        Self::here(fail)
    }
}

impl ServerError {
    /// Reads an error message; texts that are not UTF-8 are shown as well as they can be.
    pub(super) fn read(body: &ErrorResponseBody) -> io::Result<Self> {
        let mut error = Self::default();
        let mut fields = body.fields();
        while let Some(field) = fields.next()? {
            let text = shortened(&String::from_utf8_lossy(field.value_bytes()));
            match field.type_() {
                b'V' => error.is_fatal = text == "FATAL" || text == "PANIC",
                b'C' => error.state = text,
                b'M' => error.message = text,
                tag => error.details.extend(detail_name(tag).map(|name| (name, text))),
            }
        }
        Ok(error)
    }

    fn into_fail(self) -> Fail {
        let code = code_of(&self.state);
        let mut text = format!("The database refused it: {}", self.message);
        if let Some(mend) = mend(&self.state) {
            text = format!("{text}; {mend}");
        }
        let fail =
            Fail::coded(code, text).diagnostic("systemCode", self.state).diagnostic("systemMessage", self.message);
        self.details.into_iter().fold(fail, |fail, (name, text)| fail.diagnostic(name, text))
    }
}

impl From<&DbError> for ServerError {
    fn from(error: &DbError) -> Self {
        let texts = [("systemDetail", error.detail()), ("systemHint", error.hint())];
        Self {
            is_fatal: true,
            state: shortened(error.code().code()),
            message: shortened(error.message()),
            details: texts.into_iter().filter_map(|(name, text)| Some((name, shortened(text?)))).collect(),
        }
    }
}

/// Returns under which name a field of an error is told (PostgreSQL manual, 55.8).
const fn detail_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        b'D' => "systemDetail",
        b'H' => "systemHint",
        b'P' => "position",
        b'W' => "systemContext",
        b's' => "schema",
        b't' => "table",
        b'c' => "column",
        b'd' => "dataType",
        b'n' => "constraint",
        _ => return None,
    })
}

/// Cuts a text that is too long for a failure, and says so.
fn shortened(text: &str) -> String {
    let mut end = MAX_TEXT_BYTES;
    if text.len() <= end {
        return text.to_owned();
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}

/// Returns the code of a SQLSTATE (PostgreSQL manual, appendix A): of the state itself, else of its class.
pub(super) fn code_of(state: &str) -> Code {
    match state {
        "23505" | "42P04" | "42P06" | "42P07" | "42701" | "42710" | "42723" => Code::Exists,
        "3D000" | "3F000" | "42P01" | "42704" | "42883" | "P0002" | "57P04" => Code::NotFound,
        "28000" | "28P01" => Code::Unauthenticated,
        "42501" | "25006" => Code::Denied,
        "53300" => Code::RateLimited,
        "57014" | "25P04" => Code::Timeout,
        "40003" | "08007" => Code::OutcomeUnknown,
        "23001" | "23503" | "23P01" | "55P03" | "55000" | "55006" | "21000" => Code::Conflict,
        _ => match state.get(..2).unwrap_or_default() {
            "08" | "53" | "57" | "58" | "F0" | "XX" => Code::Unavailable,
            "0A" => Code::Unsupported,
            "25" | "40" | "2D" | "3B" => Code::Conflict,
            "28" => Code::Unauthenticated,
            "54" => Code::TooLarge,
            _ => Code::Invalid,
        },
    }
}

/// Says what a person can do where the server's text does not.
fn mend(state: &str) -> Option<&'static str> {
    Some(match state {
        "25006" => "query only reads: use execute for a statement that writes",
        "28P01" | "28000" => "check user and password of the connection",
        "40001" | "40P01" => "nothing was changed: repeat the call",
        "42P01" => {
            "check the spelling; the schema is a param of its own, and names are taken as they are, also in case"
        }
        "42601" => "one statement is sent at a time; for several use transaction",
        "53300" => "raise max_connections at the server, or let others close theirs",
        "57014" => "give it more time with timeoutMs",
        _ => return None,
    })
}
