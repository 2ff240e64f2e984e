//! What a directory's refusal means.

use connector_runtime::egress::MAX_WIRE_BYTES;
use connector_runtime::prelude::*;
use ldap3::{LdapError, LdapResult};

use super::ber::{Broken, MAX_MESSAGE_BYTES};

const MIB: usize = 1024 * 1024;

/// The result codes that decide what a command answers (RFC 4511, appendix A).
pub(super) mod rc {
    pub(crate) const SUCCESS: u32 = 0;
    pub(crate) const TIME_LIMIT: u32 = 3;
    pub(crate) const SIZE_LIMIT: u32 = 4;
    pub(crate) const ADMIN_LIMIT: u32 = 11;
    pub(crate) const NO_SUCH_ATTRIBUTE: u32 = 16;
    pub(crate) const VALUE_EXISTS: u32 = 20;
    pub(crate) const NO_SUCH_OBJECT: u32 = 32;
    pub(crate) const INVALID_CREDENTIALS: u32 = 49;
    pub(crate) const NOT_ON_NON_LEAF: u32 = 66;
    pub(crate) const ALREADY_EXISTS: u32 = 68;
}

/// Returns the code of a result, and what it means in words.
pub(super) const fn meaning(code: u32) -> (Code, &'static str) {
    match code {
        1 => (Code::Conflict, "it reports an operations error"),
        2 => (Code::Invalid, "it reports a protocol error"),
        3 => (Code::Timeout, "its time limit was reached"),
        4 | 11 => (Code::TooLarge, "a limit of the directory was reached"),
        7 => (Code::Unsupported, "it does not know this way to sign in"),
        8 | 13 => (Code::Denied, "it wants an encrypted connection: use ldaps:// or startTls"),
        10 => (Code::Unsupported, "it refers to another directory, and references are never followed"),
        12 => (Code::Unsupported, "it lacks an extension"),
        14 | 48 | 49 => (Code::Unauthenticated, "it does not accept the name or the password"),
        16 => (Code::Conflict, "the entry has no such value"),
        17 => (Code::Invalid, "it knows no such attribute"),
        18 | 21 => (Code::Invalid, "a value does not have the syntax of its attribute"),
        19 => (Code::Invalid, "a value breaks a rule of the directory"),
        20 => (Code::Exists, "the entry has the value already"),
        32 => (Code::NotFound, "there is no such entry"),
        34 => (Code::Invalid, "a DN is malformed"),
        50 => (Code::Denied, "the account of the connection may not do it"),
        51 | 52 => (Code::Unavailable, "it is busy or not ready"),
        53 => (Code::Conflict, "it is not willing to"),
        54 | 71 => (Code::Unsupported, "it cannot do it over several servers"),
        64 => (Code::Invalid, "the entry may not be named so, or not stand there"),
        65 => (Code::Invalid, "the entry would not fit its object classes"),
        66 => (Code::Conflict, "the entry has entries below it"),
        67 => (Code::Invalid, "the attribute names the entry: move it instead"),
        68 => (Code::Exists, "there is such an entry already"),
        69 => (Code::Invalid, "its object classes may not be changed so"),
        122 => (Code::Conflict, "the entry was changed by somebody else meanwhile"),
        _ => (Code::Unavailable, "it reports an error of its own"),
    }
}

/// Makes the failure of an operation that the directory refused. `what` is what was to be done: "create the entry".
pub(super) fn refused(what: &str, result: &LdapResult) -> Fail {
    let (code, why) = meaning(result.rc);
    let said =
        if result.text.is_empty() { String::new() } else { format!(" ({})", result.text.trim_end_matches('\0')) };
    let fail = Fail::coded(code, format!("The directory refused to {what}: {why}{said}"))
        .diagnostic("systemCode", result.rc)
        .diagnostic("systemMessage", result.text.trim_end_matches('\0'));
    let fail = if result.matched.is_empty() { fail } else { fail.diagnostic("matchedDn", &result.matched) };
    if result.refs.is_empty() { fail } else { fail.diagnostic("referrals", &result.refs) }
}

/// Makes the failure of an operation that brought no answer. `writes` says that it may have been done all the same.
pub(super) fn unanswered(what: &str, error: &LdapError, broken: Option<&Broken>, writes: bool) -> Fail {
    let (code, why) = match (broken, error) {
        (Some(Broken::TooLarge), _) => {
            let (message, all) = (MAX_MESSAGE_BYTES / MIB, MAX_WIRE_BYTES / MIB as u64);
            (Code::TooLarge, format!("it sent a message of more than {message} MiB, or more than {all} MiB in all"))
        }
        (Some(Broken::Malformed), _) => {
            (Code::Unavailable, "what it answers is no LDAP; check that a directory listens there".to_owned())
        }
        (Some(Broken::Unexpected), _) => (Code::Unavailable, "it answers what nobody asked".to_owned()),
        (Some(Broken::Ended(said)), _) if !said.is_empty() => {
            (Code::Unavailable, format!("it ended the connection ({said})"))
        }
        (_, LdapError::Timeout { .. }) => (Code::Timeout, "it did not answer in time".to_owned()),
        (_, LdapError::FilterParsing) => {
            let why = "the filter is malformed; write it as in RFC 4515, such as (&(objectClass=person)(uid={login}))";
            return Fail::coded(Code::Invalid, format!("Cannot {what}: {why}"));
        }
        _ => (Code::Unavailable, "the connection broke".to_owned()),
    };
    let fail =
        Fail::coded(if writes { Code::OutcomeUnknown } else { code }, format!("The directory did not {what}: {why}"));
    if writes { fail.diagnostic("outcome", "unknown").diagnostic("cause", code) } else { fail }
}
