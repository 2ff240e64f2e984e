//! What the commands answer without a service.

use connector_runtime::prelude::*;

use super::commands::*;
use super::*;

const ID: &str = "2819c223-7f76-453a-919d-413861904646";
const GROUP_ID: &str = "e9e30dba-f08f-4109-8486-d5c6a331660a";
const TAG: &str = "W/\"3694e05e9dff591\"";

fn a_user() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": ID,
        "userName": "ada@example.com",
        "name": { "givenName": "Ada", "familyName": "Lovelace" },
        "emails": [{ "value": "ada@example.com", "type": "work", "primary": true }],
        "active": true,
        "meta": { "resourceType": "User", "location": location("Users", ID), "version": TAG },
    })
}

fn a_group() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": GROUP_ID,
        "displayName": "Engineering",
        "members": [{ "value": ID }],
        "meta": { "resourceType": "Group", "location": location("Groups", GROUP_ID), "version": TAG },
    })
}

fn location(kind: &str, id: &str) -> String {
    format!("https://example.com/scim/v2/{kind}/{id}")
}

fn list_of(resources: Vec<Value>) -> Outcome<ResourceList> {
    let count = resources.len();
    succeed(ResourceList { resources, count, total: Some(count as u64), truncated: false, reason: None })
}

fn one(resource: Value, kind: &str) -> Outcome<OneResource> {
    let id = resource.get("id").and_then(Value::as_str).map(str::to_owned);
    let location = id.as_deref().map(|id| location(kind, id));
    let active = resource.get("active").and_then(Value::as_bool);
    succeed(OneResource { resource, id, active, etag: TAG.to_owned(), location })
}

fn made(resource: Value, kind: &str, created: bool) -> Outcome<CreatedResource> {
    let id = resource.get("id").and_then(Value::as_str).map(str::to_owned);
    let location = id.as_deref().map(|id| location(kind, id));
    succeed(CreatedResource { resource, id, etag: TAG.to_owned(), location, created, changed: created })
}

fn changed<T>(resource: Value, how: impl FnOnce(ChangedResource) -> T) -> T {
    how(ChangedResource { resource, etag: Some(TAG.to_owned()), changed: true, not_kept: Vec::new() })
}

fn refused<T>(code: Code, status: u16, system_code: Option<&str>, error: &str) -> Outcome<T> {
    let fail = Fail::coded(code, error).diagnostic("statusCode", status).diagnostic("systemMessage", error);
    Err(system_code.into_iter().fold(fail, |fail, name| fail.diagnostic("systemCode", name)).into())
}

pub(super) fn capable() -> Outcome<ServiceCapabilities> {
    succeed(ServiceCapabilities {
        announced: true,
        patch: true,
        bulk: true,
        max_operations: Some(1000),
        filter: true,
        max_results: Some(200),
        sort: true,
        etag: true,
        cursor: false,
        resource_types: vec!["User".to_owned(), "Group".to_owned()],
        users: Some(2),
    })
}

pub(super) fn not_signed_in<T>() -> Outcome<T> {
    let failed = refused(Code::Unauthenticated, 401, None, "The service does not accept the token");
    failed.diagnostic("step", "signIn")
}

pub(super) fn denied<T>() -> Outcome<T> {
    refused(Code::Denied, 403, None, "The account of the connection may not do this")
}

pub(super) fn not_found<T>() -> Outcome<T> {
    refused(Code::NotFound, 404, None, "There is no such resource")
}

pub(super) fn exists<T>() -> Outcome<T> {
    refused(Code::Exists, 409, Some("uniqueness"), "The userName is taken")
}

pub(super) fn conflict<T>() -> Outcome<T> {
    refused(Code::Conflict, 412, None, "The resource was changed since that version was read")
}

pub(super) fn bad_filter<T>() -> Outcome<T> {
    refused(Code::Invalid, 400, Some("invalidFilter"), "invalid syntax at column 10").diagnostic("column", 10)
}

pub(super) fn users() -> Outcome<ResourceList> {
    list_of(vec![a_user()])
}

pub(super) fn groups() -> Outcome<ResourceList> {
    let mut group = a_group();
    if let Some(map) = group.as_object_mut() {
        map.shift_remove("members");
    }
    list_of(vec![group])
}

pub(super) fn nothing() -> Outcome<ResourceList> {
    list_of(Vec::new())
}

pub(super) fn user() -> Outcome<OneResource> {
    one(a_user(), "Users")
}

pub(super) fn group() -> Outcome<OneResource> {
    one(a_group(), "Groups")
}

pub(super) fn new_user(params: &CreateUserParams) -> Outcome<CreatedResource> {
    let mut user = a_user();
    user["userName"] = params.user_name.as_str().into();
    user["active"] = params.active.into();
    made(user, "Users", true)
}

pub(super) fn known_user() -> Outcome<CreatedResource> {
    made(a_user(), "Users", false)
}

pub(super) fn new_group(params: &CreateGroupParams) -> Outcome<CreatedResource> {
    let mut group = a_group();
    group["displayName"] = params.display_name.as_str().into();
    made(group, "Groups", true)
}

pub(super) fn known_group() -> Outcome<CreatedResource> {
    made(a_group(), "Groups", false)
}

pub(super) fn changed_user() -> Outcome<ChangedResource> {
    changed(a_user(), succeed)
}

pub(super) fn changed_group() -> Outcome<ChangedResource> {
    changed(a_group(), succeed)
}

pub(super) fn unchanged_user() -> Outcome<ChangedResource> {
    changed(a_user(), |same| succeed(ChangedResource { changed: false, ..same }))
}

pub(super) fn activated(params: &SetActiveParams) -> Outcome<Activation> {
    succeed(Activation { active: params.active, changed: true, verified: true, gone: false })
}

pub(super) fn activated_already(params: &SetActiveParams) -> Outcome<Activation> {
    succeed(Activation { active: params.active, changed: false, verified: true, gone: false })
}

pub(super) fn deleted() -> Outcome<Deletion> {
    succeed(Deletion { deleted: true, deactivated_only: false })
}

pub(super) fn deleted_already() -> Outcome<Deletion> {
    succeed(Deletion { deleted: false, deactivated_only: false })
}

pub(super) fn members_added(params: &AddMembersParams) -> Outcome<MembersChange> {
    members_changed(&params.user_ids)
}

pub(super) fn members_removed(params: &RemoveMembersParams) -> Outcome<MembersChange> {
    members_changed(&params.user_ids)
}

fn members_changed(ids: &[String]) -> Outcome<MembersChange> {
    let any_changed = !ids.is_empty();
    succeed(MembersChange { any_changed, changed: ids.to_vec(), unchanged: Vec::new(), verified: true })
}

pub(super) fn members_set(params: &SetMembersParams) -> Outcome<MembersReplaced> {
    let added = params.user_ids.clone();
    succeed(MembersReplaced { changed: true, added, removed: Vec::new(), etag: Some(TAG.to_owned()) })
}

pub(super) fn all_done(params: &BulkParams) -> Outcome<BulkResults> {
    let result = |(index, operation): (usize, &BulkOperation)| BulkResult {
        index,
        bulk_id: operation.bulk_id.clone(),
        ok: true,
        status: Some(if operation.method == BulkMethod::Post { 201 } else { 200 }),
        id: Some(format!("mock-{index}")),
        location: Some(location("Users", &format!("mock-{index}"))),
        version: None,
        code: None,
        system_code: None,
        message: None,
    };
    let results: Vec<BulkResult> = params.operations.iter().enumerate().map(result).collect();
    succeed(BulkResults { done: results.len(), results, failed: 0, open: 0 })
}

pub(super) fn one_refused(params: &BulkParams) -> Outcome<BulkResults> {
    let mut all = all_done(params)?;
    if let Some(first) = all.payload.results.first_mut() {
        first.ok = false;
        first.status = Some(409);
        (first.id, first.location) = (None, None);
        first.code = Some(Code::Exists.name().to_owned());
        first.system_code = Some("uniqueness".to_owned());
        first.message = Some("The userName is taken".to_owned());
        (all.payload.done, all.payload.failed) = (all.payload.done - 1, 1);
    }
    Ok(all)
}

fn a_role() -> Value {
    json!({ "id": "role-1", "displayName": "Approver" })
}

pub(super) fn roles() -> Outcome<ResourceList> {
    list_of(vec![a_role()])
}

pub(super) fn role() -> Outcome<OneResource> {
    one(a_role(), "Roles")
}

pub(super) fn new_role() -> Outcome<CreatedResource> {
    made(a_role(), "Roles", true)
}

pub(super) fn changed_role() -> Outcome<ChangedResource> {
    changed(a_role(), succeed)
}
