//! Prepared answers, for flows that are tried without a directory.

use connector_runtime::prelude::*;

use super::{
    Attributes, Authenticated, Created, Deleted, DirectoryInfo, DirectoryKind, Entries, Entry, FailedMember,
    MemberList, MembersChanged, Moved, OneEntry, Reason,
};
use crate::shared::Changed;

const DN: &str = "uid=ada,ou=people,dc=example,dc=com";

fn ada() -> Result<Entry, Failure> {
    let attributes = [
        ("objectClass", "inetOrgPerson"),
        ("uid", "ada"),
        ("cn", "Ada Lovelace"),
        ("sn", "Lovelace"),
        ("mail", "ada@example.com"),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    let attributes = Attributes::write(&attributes)?;
    Ok(Entry { dn: DN.to_owned(), attributes, not_shown: Vec::new() })
}

fn failed<T>(code: Code, error: &str, system_code: u32) -> Outcome<T> {
    Err(Fail::coded(code, error).diagnostic("systemCode", system_code).into())
}

pub(super) fn test() -> Outcome<DirectoryInfo> {
    succeed(DirectoryInfo {
        vendor: Some("OpenLDAP".to_owned()),
        directory: DirectoryKind::Openldap,
        naming_contexts: vec!["dc=example,dc=com".to_owned()],
        who_am_i: "dn:cn=floh,ou=services,dc=example,dc=com".to_owned(),
        tls: true,
        paging: true,
    })
}

pub(super) fn sign_in_refused() -> Outcome<DirectoryInfo> {
    let why = "The directory refused to sign in: it does not accept the name or the password";
    failed(Code::Unauthenticated, why, 49).diagnostic("step", "signIn")
}

pub(super) fn search() -> Outcome<Entries> {
    let (truncated_by, referrals) = (None, Vec::new());
    succeed(Entries { entries: vec![ada()?], count: 1, truncated: false, truncated_by, referrals })
}

pub(super) fn search_empty() -> Outcome<Entries> {
    let (truncated_by, referrals) = (None, Vec::new());
    succeed(Entries { entries: Vec::new(), count: 0, truncated: false, truncated_by, referrals })
}

pub(super) fn unavailable<T>() -> Outcome<T> {
    failed(Code::Unavailable, "The directory refused to search: it is busy or not ready", 51)
}

pub(super) fn get() -> Outcome<OneEntry> {
    succeed(OneEntry { entry: ada()? })
}

pub(super) fn not_found<T>() -> Outcome<T> {
    failed(Code::NotFound, "The directory has no such entry", 32)
}

pub(super) fn create() -> Outcome<Created> {
    succeed(Created { entry: ada()?, created: true, changed: true })
}

pub(super) fn exists() -> Outcome<Created> {
    failed(Code::Exists, "The directory refused to create the entry: there is such an entry already", 68)
}

pub(super) fn changed() -> Outcome<Changed> {
    succeed(Changed { changed: true })
}

pub(super) fn unchanged() -> Outcome<Changed> {
    succeed(Changed { changed: false })
}

pub(super) fn deleted() -> Outcome<Deleted> {
    succeed(Deleted { deleted: 1, changed: true })
}

pub(super) fn not_deleted() -> Outcome<Deleted> {
    succeed(Deleted { deleted: 0, changed: false })
}

pub(super) fn moved() -> Outcome<Moved> {
    succeed(Moved { dn: "uid=ada,ou=alumni,dc=example,dc=com".to_owned(), changed: true })
}

pub(super) fn members_changed() -> Outcome<MembersChanged> {
    let refused = FailedMember {
        member: "uid=nobody,ou=people,dc=example,dc=com".to_owned(),
        code: Code::NotFound.name().to_owned(),
        error: "The directory refused to change the group: there is no such entry".to_owned(),
        system_code: 32,
        system_message: String::new(),
    };
    succeed(MembersChanged { changed: vec![DN.to_owned()], unchanged: Vec::new(), failed: vec![refused] })
}

pub(super) fn members() -> Outcome<MemberList> {
    succeed(MemberList { members: vec![DN.to_owned()], count: 1, truncated: false })
}

pub(super) fn no_members() -> Outcome<MemberList> {
    succeed(MemberList { members: Vec::new(), count: 0, truncated: false })
}

pub(super) fn nothing() -> Outcome {
    succeed(())
}

pub(super) fn weak_password() -> Outcome {
    let why = "The directory refused to set the password: a value breaks a rule of the directory";
    failed(Code::Invalid, why, 19).diagnostic("systemMessage", "Password fails quality checking policy")
}

pub(super) fn authenticated() -> Outcome<Authenticated> {
    succeed(Authenticated { authenticated: true, reason: None, dn: Some(DN.to_owned()) })
}

pub(super) fn not_authenticated() -> Outcome<Authenticated> {
    succeed(Authenticated { authenticated: false, reason: Some(Reason::Invalid), dn: Some(DN.to_owned()) })
}
