//! From the params of a command to its payload.

use connector_runtime::prelude::*;

use super::bulk::BulkOperation;
use super::changes::{Changes, patch_of};
use super::failure::{Problem, Result};
use super::inputs::{Listing, OneQuery, PatchOperation, check_resource};
use super::kind::Kind;
use super::members::Membership;
use super::payloads::*;
use super::resource::{id, is_made, member, truth, without_meta};
use super::session::Session;
use super::single::{Found, Made, Name, Wanted};
use super::update::{Updated, check_version};
use crate::shared::OnExistsOrUpdate;

/// The most members that a group is created with; AWS takes no more at a time.
const FIRST_MEMBERS: usize = 100;

pub(super) async fn list(session: &Session<'_>, listing: Listing) -> Outcome<ResourceList> {
    let listed = session.list(&listing.query()?).await?;
    let mut resources = listed.resources;
    if listing.hides_members {
        // A service may pass over which attributes are not wanted.
        for map in resources.iter_mut().filter_map(Value::as_object_mut) {
            map.retain(|name, _| !name.eq_ignore_ascii_case("members"));
        }
    }
    succeed(ResourceList {
        count: resources.len(),
        resources,
        total: listed.total,
        truncated: listed.truncated.is_some(),
        reason: listed.truncated.map(str::to_owned),
    })
}

pub(super) async fn get(session: &Session<'_>, kind: &Kind, name: &Name, query: OneQuery) -> Outcome<OneResource> {
    let mut found = session.find(kind, name, &query.0).await?;
    let shows_members = kind.is_group && query.0.is_empty() && member(&found.resource, "members").is_none();
    if let Some(id) = id(&found.resource).filter(|_| shows_members && matches!(name, Name::Attribute(..))) {
        // Some services leave members out of lists.
        found = session.read(kind, &id, &[]).await?;
    }
    let Found { resource, version } = found;
    succeed(OneResource {
        id: id(&resource),
        active: member(&resource, "active").and_then(truth),
        etag: version,
        location: session.connector.location(&resource),
        resource,
    })
}

pub(super) async fn create(
    session: &Session<'_>,
    mut wanted: Wanted,
    members: Vec<String>,
) -> Outcome<CreatedResource> {
    let first: Vec<Value> = members.iter().take(FIRST_MEMBERS).map(|id| json!({ "value": id })).collect();
    if !first.is_empty() {
        wanted.body.insert("members".to_owned(), first.into());
    }
    let mut made = session.create(&wanted).await?;
    let more = match made.created {
        true => members.into_iter().skip(FIRST_MEMBERS).collect(),
        false if wanted.on_exists == OnExistsOrUpdate::Update => members,
        false => Vec::new(),
    };
    if let Some(group) = id(&made.found.resource).filter(|_| !more.is_empty()) {
        let told = |problem: Problem| problem.with("groupId", &group).with("created", made.created);
        let moved = session.change_members(&group, more, Membership::Add).await.map_err(told)?;
        made.changed |= !moved.changed.is_empty();
        made.found = session.read(&wanted.kind, &group, &[]).await?;
    }
    succeed(created(session, made))
}

pub(super) async fn create_any(
    session: &Session<'_>,
    kind: Kind,
    resource: Map<String, Value>,
) -> Outcome<CreatedResource> {
    check_resource(&resource)?;
    let (changes, on_exists) = (Changes::default(), OnExistsOrUpdate::Fail);
    let made = session.create(&Wanted { kind, body: resource, key: None, changes, on_exists }).await?;
    succeed(created(session, made))
}

fn created(session: &Session<'_>, Made { found, created, changed }: Made) -> CreatedResource {
    let Found { resource, version } = found;
    let location = session.connector.location(&resource);
    CreatedResource { id: id(&resource), etag: version, location, created, changed, resource }
}

pub(super) async fn update(
    session: &Session<'_>,
    kind: &Kind,
    id: &str,
    changes: &Changes,
    if_match: Option<&str>,
) -> Outcome<ChangedResource> {
    succeed(changed(session.update(kind, id, changes, if_match).await?))
}

fn changed(Updated { found, changed, not_kept }: Updated) -> ChangedResource {
    let (resource, etag) = found.map_or((Value::Null, None), |found| (found.resource, Some(found.version)));
    ChangedResource { resource, etag, changed, not_kept }
}

pub(super) async fn set_active(session: &Session<'_>, id: &str, active: bool) -> Outcome<Activation> {
    let updated = session.update(&Kind::users(), id, &Changes::one("active", active), None).await?;
    let Some(found) = updated.found else {
        let gone = Activation { active: false, changed: updated.changed, verified: true, gone: true };
        return if active { fail_gone() } else { succeed(gone) };
    };
    match member(&found.resource, "active").and_then(truth) {
        Some(now) if now != active => {
            let why = format!(
                "The service accepted the change, and the user is {} still",
                if now { "active" } else { "inactive" }
            );
            Err(Problem::new(Code::Conflict, why).into())
        }
        Some(_) => succeed(Activation { active, changed: updated.changed, verified: true, gone: false }),
        // It was sent, as nothing showed that it was so already.
        None => succeed(Activation { active, changed: true, verified: false, gone: false }),
    }
}

fn fail_gone() -> Outcome<Activation> {
    Err(Problem::new(Code::NotFound, "The user was deleted while it was activated").into())
}

pub(super) async fn delete(session: &Session<'_>, kind: &Kind, id: &str) -> Outcome<Deletion> {
    let deleted = session.remove(kind, id).await?;
    succeed(Deletion { deleted, deactivated_only: deleted && kind.is_user && session.profile.delete_deactivates })
}

pub(super) async fn members(
    session: &Session<'_>,
    group: &str,
    ids: Vec<String>,
    way: Membership,
) -> Outcome<MembersChange> {
    let moved = session.change_members(group, checked(ids)?, way).await?;
    succeed(MembersChange {
        any_changed: !moved.changed.is_empty(),
        changed: moved.changed,
        unchanged: moved.unchanged,
        verified: moved.verified,
    })
}

pub(super) async fn set_members(
    session: &Session<'_>,
    group: &str,
    ids: Vec<String>,
    if_match: Option<&str>,
) -> Outcome<MembersReplaced> {
    let replaced = session.set_members(group, checked(ids)?, if_match).await?;
    succeed(MembersReplaced {
        changed: !(replaced.added.is_empty() && replaced.removed.is_empty()),
        added: replaced.added,
        removed: replaced.removed,
        etag: replaced.version,
    })
}

/// Refuses what is the id of nobody.
fn checked(ids: Vec<String>) -> Result<Vec<String>> {
    match ids.iter().position(|id| id.trim().is_empty()) {
        Some(at) => Err(Problem::new(Code::Invalid, format!("userIds: the id at place {at} is empty"))),
        None => Ok(ids),
    }
}

pub(super) async fn bulk(
    session: &Session<'_>,
    operations: Vec<BulkOperation>,
    fail_on_errors: Option<u32>,
) -> Outcome<BulkResults> {
    let results = session.bulk(operations, fail_on_errors).await?;
    let done = results.iter().filter(|result| result.ok).count();
    let open = results.iter().filter(|result| result.status.is_none()).count();
    succeed(BulkResults { done, open, failed: results.len() - done - open, results })
}

/// Sends operations as they were given, and tells by what is read whether they changed anything.
pub(super) async fn patch(
    session: &Session<'_>,
    kind: &Kind,
    id: &str,
    operations: &[PatchOperation],
    if_match: Option<&str>,
) -> Outcome<ChangedResource> {
    let operations: Vec<Value> = operations.iter().map(PatchOperation::write).collect::<Result<_>>()?;
    let before = session.read(kind, id, &[]).await?;
    check_version(if_match, &before.version)?;
    if operations.is_empty() {
        return succeed(changed(Updated { found: Some(before), changed: false, not_kept: Vec::new() }));
    }
    let header = if_match.filter(|tag| !is_made(tag));
    let response = session.send_body("PATCH", &kind.at(id), &patch_of(&operations), header).await?;
    session.accepted(response, &format!("change the {}", kind.one))?;
    let after = session.read(kind, id, &[]).await.map_err(|problem| problem.with("changed", true))?;
    let is_changed = without_meta(&before.resource) != without_meta(&after.resource);
    succeed(changed(Updated { found: Some(after), changed: is_changed, not_kept: Vec::new() }))
}
