//! Prepared answers, for flows that are tried without Authifi.

use connector_runtime::prelude::*;

use super::{
    Approved, Called, Checked, CreatedGroup, CreatedUser, Deleted, FailedUser, Groups, Items, MembersChanged, OneGroup,
    OneUser, Permissions, Roles, UpdatedUser, Users,
};
use crate::shared::Changed;

type Resource = Map<String, Value>;

fn resource(value: &Value) -> Resource {
    value.as_object().cloned().unwrap_or_default()
}

fn ada() -> Resource {
    resource(&json!({
        "id": 7, "email": "ada@example.com", "username": "ada", "givenName": "Ada", "familyName": "Lovelace",
        "identityIssuerId": 1, "expiration": null,
    }))
}

fn staff() -> Resource {
    resource(&json!({ "id": 3, "name": "staff", "description": "Everybody", "namespace": null }))
}

fn failed<T>(code: Code, status: u16, error: &str) -> Outcome<T> {
    Err(Fail::coded(code, error).diagnostic("statusCode", status).into())
}

pub(super) fn test() -> Outcome<Checked> {
    succeed(Checked { tenant: "prod".to_owned(), scopes: vec!["users:read".to_owned()] })
}

pub(super) fn unauthenticated() -> Outcome<Checked> {
    let error = "no access token: https://auth.example.com/_api/auth/prod/oidc/token answered 401: invalid_client";
    failed(Code::Unauthenticated, 401, error).diagnostic("step", "token")
}

pub(super) fn denied<T>() -> Outcome<T> {
    let error = "Authifi refused to do it (403): Access denied; the token had these scopes: users:read";
    failed(Code::Denied, 403, error).diagnostic("tokenScopes", ["users:read"])
}

pub(super) fn exists<T>() -> Outcome<T> {
    failed(Code::Exists, 409, "Authifi refused to create it (409): it already exists")
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

pub(super) fn no_user<T>() -> Outcome<T> {
    failed(Code::NotFound, 404, "Authifi has no such user")
}

pub(super) fn user_created() -> Outcome<CreatedUser> {
    succeed(CreatedUser { user: ada(), created: true })
}

pub(super) fn user_updated() -> Outcome<UpdatedUser> {
    succeed(UpdatedUser { user: ada(), changed: true })
}

pub(super) fn user_unchanged() -> Outcome<UpdatedUser> {
    succeed(UpdatedUser { user: ada(), changed: false })
}

pub(super) fn deleted() -> Outcome<Deleted> {
    succeed(Deleted { deleted: true, changed: true })
}

pub(super) fn changed() -> Outcome<Changed> {
    succeed(Changed { changed: true })
}

pub(super) fn unchanged() -> Outcome<Changed> {
    succeed(Changed { changed: false })
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

pub(super) fn no_group<T>() -> Outcome<T> {
    failed(Code::NotFound, 404, "Authifi has no such group")
}

pub(super) fn group_created() -> Outcome<CreatedGroup> {
    succeed(CreatedGroup { group: staff(), created: true })
}

pub(super) fn members_changed() -> Outcome<MembersChanged> {
    let refused = FailedUser {
        user_id: "9".to_owned(),
        code: Code::NotFound.name().to_owned(),
        error: "Authifi refused to change the group (404): Entity not found".to_owned(),
    };
    succeed(MembersChanged { changed: vec!["7".to_owned()], unchanged: vec!["8".to_owned()], failed: vec![refused] })
}

pub(super) fn permissions() -> Outcome<Permissions> {
    let permission = resource(&json!({ "id": 21, "name": "orders:read", "resourceServerId": 4 }));
    succeed(Permissions { permissions: vec![permission], count: 1, truncated: false })
}

pub(super) fn no_permissions() -> Outcome<Permissions> {
    succeed(Permissions { permissions: Vec::new(), count: 0, truncated: false })
}

pub(super) fn roles() -> Outcome<Roles> {
    let role = resource(&json!({ "id": 12, "name": "clerk" }));
    succeed(Roles { access_roles: vec![role], count: 1, truncated: false })
}

pub(super) fn no_roles() -> Outcome<Roles> {
    succeed(Roles { access_roles: Vec::new(), count: 0, truncated: false })
}

pub(super) fn items() -> Outcome<Items> {
    succeed(Items { items: vec![resource(&json!({ "id": 1, "name": "portal" }))], count: 1, truncated: false })
}

pub(super) fn no_items() -> Outcome<Items> {
    succeed(Items { items: Vec::new(), count: 0, truncated: false })
}

pub(super) fn approved() -> Outcome<Approved> {
    succeed(Approved { request: json!({ "id": 5, "status": "approved" }) })
}

pub(super) fn no_request() -> Outcome<Approved> {
    failed(Code::NotFound, 404, "Authifi refused to approve the request (404): Entity not found")
}

pub(super) fn called() -> Outcome<Called> {
    succeed(Called { status: 200, body: json!({ "count": 1 }) })
}
