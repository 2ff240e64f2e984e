//! Prepared answers, for flows that are tried without a domain of Google's.

use connector_runtime::prelude::*;

use super::types::{
    Called, Checked, CreatedGroup, CreatedOrgUnit, CreatedUser, Deleted, Groups, IsMember, Member, Members, OneGroup,
    OneUser, OrgUnits, UpdatedGroup, UpdatedUser, Users,
};
use crate::shared::Changed;

fn ada() -> Value {
    json!({
        "kind": "admin#directory#user",
        "id": "110000000000000000001",
        "primaryEmail": "ada@example.com",
        "name": { "givenName": "Ada", "familyName": "Lovelace", "fullName": "Ada Lovelace" },
        "isAdmin": false,
        "suspended": false,
        "orgUnitPath": "/",
    })
}

fn staff() -> Value {
    json!({
        "kind": "admin#directory#group",
        "id": "01abcdef2345678",
        "email": "staff@example.com",
        "name": "Staff",
        "description": "Everybody",
        "directMembersCount": "1",
    })
}

fn member() -> Value {
    json!({
        "kind": "admin#directory#member",
        "id": "110000000000000000001",
        "email": "ada@example.com",
        "role": "MEMBER",
        "type": "USER",
        "status": "ACTIVE",
    })
}

fn sales() -> Value {
    json!({
        "kind": "admin#directory#orgUnit",
        "orgUnitId": "id:03abcdef",
        "name": "Sales",
        "orgUnitPath": "/Sales",
        "parentOrgUnitPath": "/",
    })
}

fn failed<T>(code: Code, error: &str, status: u16, reason: &str) -> Outcome<T> {
    Err(Fail::coded(code, error).diagnostic("statusCode", status).diagnostic("systemCode", reason).into())
}

pub(super) fn test() -> Outcome<Checked> {
    let read = ["users", "groups", "orgUnits"].map(str::to_owned).to_vec();
    succeed(Checked { domain: "example.com".to_owned(), subject: "admin@example.com".to_owned(), read })
}

pub(super) fn delegation_missing() -> Outcome<Checked> {
    let why = "no access token: the service account may not act for this domain with these scopes";
    failed(Code::Unauthenticated, why, 401, "unauthorized_client").diagnostic("step", "delegation")
}

pub(super) fn denied<T>() -> Outcome<T> {
    let why = "Google refused to do this: Not Authorized to access this resource/api";
    failed(Code::Denied, why, 403, "forbidden").diagnostic("step", "permission")
}

pub(super) fn not_found<T>() -> Outcome<T> {
    failed(Code::NotFound, "Google refused to do this: Resource Not Found", 404, "notFound")
}

pub(super) fn exists<T>() -> Outcome<T> {
    failed(Code::Exists, "Google refused to do this: Entity already exists.", 409, "duplicate")
}

pub(super) fn rate_limited<T>() -> Outcome<T> {
    failed(Code::RateLimited, "Google refused to do this: Quota exceeded", 403, "userRateLimitExceeded")
}

pub(super) fn users() -> Outcome<Users> {
    succeed(Users { users: vec![ada()], count: 1, truncated: false })
}

pub(super) fn no_users() -> Outcome<Users> {
    succeed(Users { users: Vec::new(), count: 0, truncated: false })
}

pub(super) fn user() -> Outcome<OneUser> {
    succeed(OneUser { user: ada() })
}

pub(super) fn user_created() -> Outcome<CreatedUser> {
    succeed(CreatedUser { user: ada(), created: true, visible: None })
}

pub(super) fn user_updated() -> Outcome<UpdatedUser> {
    succeed(UpdatedUser { user: ada(), changed: true })
}

pub(super) fn changed() -> Outcome<Changed> {
    succeed(Changed { changed: true })
}

pub(super) fn unchanged() -> Outcome<Changed> {
    succeed(Changed { changed: false })
}

pub(super) fn deleted() -> Outcome<Deleted> {
    succeed(Deleted { deleted: true, changed: true })
}

pub(super) fn not_deleted() -> Outcome<Deleted> {
    succeed(Deleted { deleted: true, changed: false })
}

pub(super) fn nothing() -> Outcome {
    succeed(())
}

pub(super) fn groups() -> Outcome<Groups> {
    succeed(Groups { groups: vec![staff()], count: 1, truncated: false })
}

pub(super) fn no_groups() -> Outcome<Groups> {
    succeed(Groups { groups: Vec::new(), count: 0, truncated: false })
}

pub(super) fn group() -> Outcome<OneGroup> {
    succeed(OneGroup { group: staff() })
}

pub(super) fn group_created() -> Outcome<CreatedGroup> {
    succeed(CreatedGroup { group: staff(), created: true, visible: None })
}

pub(super) fn group_updated() -> Outcome<UpdatedGroup> {
    succeed(UpdatedGroup { group: staff(), changed: true })
}

pub(super) fn members() -> Outcome<Members> {
    succeed(Members { members: vec![member()], count: 1, truncated: false })
}

pub(super) fn no_members() -> Outcome<Members> {
    succeed(Members { members: Vec::new(), count: 0, truncated: false })
}

pub(super) fn member_changed() -> Outcome<Member> {
    succeed(Member { member: member(), changed: true })
}

pub(super) fn member_unchanged() -> Outcome<Member> {
    succeed(Member { member: member(), changed: false })
}

pub(super) fn is_member() -> Outcome<IsMember> {
    succeed(IsMember { member: true })
}

pub(super) fn is_no_member() -> Outcome<IsMember> {
    succeed(IsMember { member: false })
}

pub(super) fn org_units() -> Outcome<OrgUnits> {
    succeed(OrgUnits { org_units: vec![sales()], count: 1, truncated: false })
}

pub(super) fn no_org_units() -> Outcome<OrgUnits> {
    succeed(OrgUnits { org_units: Vec::new(), count: 0, truncated: false })
}

pub(super) fn org_unit_created() -> Outcome<CreatedOrgUnit> {
    succeed(CreatedOrgUnit { org_unit: sales(), created: true, visible: None })
}

pub(super) fn called() -> Outcome<Called> {
    succeed(Called { status: 200, body: ada() })
}
