//! Prepared answers, for flows that are tried without a mail server.

use connector_runtime::prelude::*;

use super::{Rejected, Sent, ServerInfo};

const MESSAGE_ID: &str = "<0190d0c8-7f00-7000-8000-000000000001@example.com>";

fn nobody() -> Rejected {
    Rejected {
        address: "nobody@example.com".to_owned(),
        code: Code::Invalid.name().to_owned(),
        system_code: 550,
        system_message: "5.1.1 no such user".to_owned(),
    }
}

pub(super) fn test() -> Outcome<ServerInfo> {
    succeed(ServerInfo { server: "smtp.example.com".to_owned(), tls: true, signed_in: true, utf8: true })
}

pub(super) fn sign_in_refused() -> Outcome<ServerInfo> {
    let fail = Fail::coded(Code::Unauthenticated, "The mail server refused to sign in: 535 5.7.8 not accepted");
    Err(fail.diagnostic("step", "signIn").diagnostic("systemCode", 535).into())
}

pub(super) fn sent() -> Outcome<Sent> {
    succeed(Sent {
        message_id: MESSAGE_ID.to_owned(),
        accepted: vec!["ada@example.com".to_owned()],
        rejected: Vec::new(),
        response: "2.0.0 Ok: queued as 4B1".to_owned(),
    })
}

pub(super) fn partly_sent() -> Outcome<Sent> {
    succeed(Sent {
        message_id: MESSAGE_ID.to_owned(),
        accepted: vec!["ada@example.com".to_owned()],
        rejected: vec![nobody()],
        response: "2.0.0 Ok: queued as 4B1".to_owned(),
    })
}

pub(super) fn all_rejected() -> Outcome<Sent> {
    let fail = Fail::coded(Code::Invalid, "The mail server refused all recipients; nothing was sent");
    Err(fail.diagnostic("step", "recipients").diagnostic("rejected", [nobody()]).into())
}
