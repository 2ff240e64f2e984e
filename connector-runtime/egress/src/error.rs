//! Errors between a connector and an upstream.
//!
//! Every text says what happened, why, and how to mend it. No text holds a query string, a user name or a
//! header value, and none shows whether a private port is closed or filtered.

use std::time::Duration;

use super::protocol::Place;
use super::{Rule, names};
use http::StatusCode;

/// Why a request brought no answer. An answer with a status of 400 or more is not an `EgressError`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// The URL has no single reading, or is not http or https.
    #[error("the URL cannot be called: it has {}; {}", rule.what(), mend_url(*rule))]
    Url {
        /// The rule that refuses it.
        rule: Rule,
    },
    /// The destination is refused; no packet was sent.
    #[error("refused to call {target}: {subject} {} [{rule}]; {mend}", rule.what())]
    Policy {
        /// The URL, without its query.
        target: String,
        /// The rule that refuses it.
        rule: Rule,
        /// What the rule is about, with its verb: "the host is", "the host leads to".
        subject: &'static str,
        /// What an operator or user can do.
        mend: String,
    },
    /// A secret would have been sent to an origin that the connection does not name; no packet was sent.
    #[error("refused to send a secret to {target}: {allowed} [scope]; {mend}")]
    Scope {
        /// The URL, without its query.
        target: String,
        /// Where the secrets may go, and which fields say so.
        allowed: String,
        /// What a user or an author can do.
        mend: String,
    },
    /// The request cannot be built.
    #[error("the request cannot be sent: {why}")]
    Request {
        /// What is wrong with it, and how to mend it.
        why: String,
    },
    /// The host's name has no usable address.
    #[error("could not look up {host}: it is {} [{rule}]; check its spelling and the server's DNS", rule.what())]
    Dns {
        /// The host name.
        host: String,
        /// What went wrong.
        rule: Rule,
    },
    /// The connection's own certificate cannot be used; no packet was sent.
    #[error("the client certificate of this connection cannot be used: {field}: {why}")]
    Certificate {
        /// The connection field that has to be changed.
        field: &'static str,
        /// What is wrong with it, and how to mend it.
        why: String,
    },
    /// No connection could be opened.
    #[error("could not connect to {target}: {why}; check the address and that the service is up")]
    Connect {
        /// The URL, without its query.
        target: String,
        /// What went wrong.
        why: String,
    },
    /// The TLS handshake failed.
    #[error("could not speak TLS with {target}: {why}")]
    Tls {
        /// The URL, without its query.
        target: String,
        /// What went wrong, and how to mend it.
        why: String,
        /// Whether the server said what it thinks of the client's certificate, or that it wants one.
        wants_certificate: bool,
    },
    /// The whole request took too long, from the first look-up to the last byte.
    #[error("no complete answer from {target} within {} ms{}; raise the timeout or check the service", after.as_millis(), begun(*status))]
    Timeout {
        /// The URL, without its query.
        target: String,
        /// The time it had.
        after: Duration,
        /// The status of the answer, if its head had come.
        status: Option<u16>,
        /// Whether the request had been handed to a connection.
        left: bool,
    },
    /// The answer is larger than the limit.
    #[error("the answer from {target} is too large: {why}{}; ask for less at a time, for example with paging", begun(*status))]
    TooLarge {
        /// The URL, without its query.
        target: String,
        /// What is too large, and the limit.
        why: String,
        /// The status of the answer, if its head had come.
        status: Option<u16>,
    },
    /// The answer is malformed HTTP, or ended early.
    #[error("the answer from {target} cannot be used: {why}{}; the service or a proxy before it is at fault", begun(*status))]
    Protocol {
        /// The URL, without its query.
        target: String,
        /// What is wrong with it.
        why: String,
        /// The status of the answer, if its head had come.
        status: Option<u16>,
    },
    /// A redirect was not followed.
    #[error("did not follow the redirect from {target}: {why}")]
    Redirect {
        /// The URL that redirected, without its query.
        target: String,
        /// Why, and how to mend it.
        why: String,
    },
    /// What failed never left, but followed on a request that may have arrived: the way that its answer pointed to, or
    /// its repetition. Code and text are those of the cause.
    #[error("{cause}")]
    FollowUp {
        /// What failed.
        cause: Box<Self>,
        /// The status of the request's answer, if there was one.
        status: Option<u16>,
    },
}

impl EgressError {
    /// Returns the kind of failure, in snake_case; stable.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "url",
            Self::Policy { .. } => "policy",
            Self::Scope { .. } => "scope",
            Self::Request { .. } => "request",
            Self::Dns { .. } => "dns",
            Self::Certificate { .. } => "certificate",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::Protocol { .. } => "protocol",
            Self::Redirect { .. } => "redirect",
            Self::FollowUp { cause, .. } => cause.code(),
        }
    }

    /// Returns the error itself, or the cause of a [`EgressError::FollowUp`].
    pub const fn cause(&self) -> &Self {
        match self {
            Self::FollowUp { cause, .. } => cause.cause(),
            error => error,
        }
    }

    /// Returns whether the request may have reached the service, so that it may have taken effect.
    pub const fn may_have_arrived(&self) -> bool {
        match self {
            Self::Timeout { left, .. } => *left,
            Self::TooLarge { .. } | Self::Protocol { .. } | Self::FollowUp { .. } => true,
            _ => false,
        }
    }

    /// Returns the status of an answer whose head came, but not the rest, or not what it pointed to.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Timeout { status, .. }
            | Self::TooLarge { status, .. }
            | Self::Protocol { status, .. }
            | Self::FollowUp { status, .. } => *status,
            _ => None,
        }
    }

    /// Notes the status of the answer that the error is about.
    pub(super) fn with_status(mut self, seen: StatusCode) -> Self {
        if let Self::TooLarge { status, .. } | Self::Protocol { status, .. } = &mut self {
            *status = Some(seen.as_u16());
        }
        self
    }

    /// Makes the error of a step that followed on a request which may have arrived, whose answer had this status.
    pub(super) fn following(self, status: Option<u16>) -> Self {
        if self.may_have_arrived() && (status.is_none() || self.status().is_some()) {
            return self;
        }
        Self::FollowUp { cause: Box::new(self), status }
    }

    /// Returns the rule that refused the destination, if one did.
    pub const fn rule(&self) -> Option<Rule> {
        match self {
            Self::Url { rule } | Self::Policy { rule, .. } | Self::Dns { rule, .. } => Some(*rule),
            Self::FollowUp { cause, .. } => cause.rule(),
            _ => None,
        }
    }

    /// Returns the same error about another URL: the engine knows only the origin of a connection.
    pub(super) fn about(&self, url: String) -> Self {
        let mut error = self.clone();
        match &mut error {
            Self::Policy { target, .. } | Self::Connect { target, .. } | Self::Tls { target, .. } => *target = url,
            _ => {}
        }
        error
    }

    pub(super) const fn url(rule: Rule) -> Self {
        Self::Url { rule }
    }

    pub(super) fn request(why: impl Into<String>) -> Self {
        Self::Request { why: why.into() }
    }

    /// Makes the error of a name, port or literal address that the policy refuses.
    pub(super) fn refused_host(place: Place<'_>, rule: Rule) -> Self {
        let (subject, opens) = match rule {
            Rule::Port => ("its port is", place.authority()),
            _ => ("its host is", place.exactly()),
        };
        if rule == Rule::InternalName && names::is_loopback(place.host()) {
            let mend = format!("{ONLY_PUBLIC}; write its address instead, {LOOPBACK}");
            return Self::Policy { target: place.shown(), rule, subject, mend };
        }
        Self::Policy { target: place.shown(), rule, subject, mend: mend_policy(place, rule, &opens) }
    }

    /// Makes the error of a name with an address that the policy refuses. The address is not shown, because it
    /// would reveal the internal network.
    pub(super) fn refused_answer(place: Place<'_>, rule: Rule) -> Self {
        let mend = if rule == Rule::NotListed {
            let name = place.exactly();
            format!("an operator can add {name} to it, or its addresses where they are this machine's or link-local")
        } else if rule.single_only() && rule != Rule::Metadata {
            format!("{ONLY_PUBLIC}; an operator can open the address itself, not its name, with --egress-allow")
        } else {
            mend_policy(place, rule, &place.exactly())
        };
        Self::Policy { target: place.shown(), rule, subject: "its host leads to", mend }
    }
}

/// Says that the head of an answer had come.
fn begun(status: Option<u16>) -> String {
    status.map(|status| format!("; it had begun with status {status}")).unwrap_or_default()
}

const ONLY_PUBLIC: &str = "only public destinations may be called";
/// How loopback is opened; names of loopback are never opened.
const LOOPBACK: &str = "which an operator can open with --egress-allow 127.0.0.1";

fn mend_policy(place: Place<'_>, rule: Rule, opens: &str) -> String {
    match rule {
        Rule::OperatorDeny => "ask the operator of this server".to_owned(),
        Rule::NotListed => format!("an operator can add {opens} to it"),
        Rule::Metadata | Rule::MetadataName => ONLY_PUBLIC.to_owned(),
        Rule::Port => {
            let other = match place.protocol() {
                None => "call its HTTP port".to_owned(),
                Some(protocol) => format!("{protocol} is spoken on {}", listed(protocol.ports())),
            };
            format!("{other}; an operator can open this one with --egress-allow {opens}")
        }
        _ => format!("{ONLY_PUBLIC}; an operator can open it with --egress-allow {opens}"),
    }
}

/// Lists ports: "389, 636 or 3268".
fn listed(ports: &[u16]) -> String {
    let texts: Vec<String> = ports.iter().map(u16::to_string).collect();
    match texts.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

fn mend_url(rule: Rule) -> &'static str {
    match rule {
        Rule::ControlCharacter | Rule::Space | Rule::Backslash => "percent-encode it",
        Rule::Scheme => "write the whole URL, such as https://api.example.com/path",
        Rule::UserInfo => "pass credentials as a header, for example by basic or bearer",
        Rule::PercentInHost => "write the host plainly; zone ids are not supported",
        Rule::LongName => "check the host's spelling",
        _ => "write it as https://host:port/path?query",
    }
}
