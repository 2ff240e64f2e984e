//! Who is in a group. Members are added and removed by PATCH, a hundred at a time, and never by sending back all that
//! were read: what others add in between would be lost.

use std::collections::HashSet;

use connector_runtime::prelude::*;

use super::changes::patch_of;
use super::failure::{Problem, Result};
use super::filter::{Filter, text};
use super::kind::Kind;
use super::pages::ListQuery;
use super::profile::MembersShown;
use super::resource::{is_made, members};
use super::session::Session;
use super::single::Found;
use super::update::check_version;

/// The most members that one request adds or removes; AWS takes no more.
const CHUNK: usize = 100;
/// How often what others undid at the same time is done again.
const MAX_ROUNDS: usize = 3;

/// What is done with some users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Add,
    Remove,
}

/// What became of the members.
#[derive(Debug, Default)]
pub(super) struct Moved {
    pub(super) changed: Vec<String>,
    pub(super) unchanged: Vec<String>,
    /// Whether the group was read back and shows it.
    pub(super) verified: bool,
}

/// What became of a group whose members were set.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) added: Vec<String>,
    pub(super) removed: Vec<String>,
    pub(super) version: Option<String>,
}

/// Which users are in a group.
#[derive(Debug)]
struct Inside {
    inside: HashSet<String>,
    /// Whether the service shows members at all: one without any may leave the attribute out (RFC 7643, section 2.5).
    shown: bool,
}

fn once(ids: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.into_iter().filter(|id| seen.insert(id.clone())).collect()
}

impl Membership {
    fn word(self) -> &'static str {
        match self {
            Self::Add => "add members to the group",
            Self::Remove => "remove members from the group",
        }
    }

    /// Writes one request for some members.
    fn patch(self, ids: &[String]) -> Value {
        match self {
            Self::Add => {
                let value: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
                patch_of(&[json!({ "op": "add", "path": "members", "value": value })])
            }
            // Services differ in what a list of values in a removal means; all read a filter.
            Self::Remove => {
                let one = |id: &String| json!({ "op": "remove", "path": format!("members[value eq {}]", text(id)) });
                patch_of(&ids.iter().map(one).collect::<Vec<_>>())
            }
        }
    }
}

impl Session<'_> {
    /// Adds users to a group or removes them from it.
    pub(super) async fn change_members(&self, group: &str, ids: Vec<String>, way: Membership) -> Result<Moved> {
        let ids = once(ids);
        let capabilities = self.capabilities().await?;
        if !capabilities.patch {
            return Err(without_patch());
        }
        let before = self.in_group(group, &ids).await?;
        let wants = |inside: bool| inside != (way == Membership::Add);
        let (changed, unchanged): (Vec<String>, Vec<String>) =
            ids.iter().cloned().partition(|id| wants(before.inside.contains(id)));
        // A group that shows no members has none, or hides them: then who has to leave is removed all the same.
        let is_blind = !before.shown && way == Membership::Remove;
        let mut left = if is_blind { ids.clone() } else { changed.clone() };
        let mut moved = Moved { changed, unchanged, verified: before.shown };
        for round in 1.. {
            if left.is_empty() {
                break;
            }
            self.send_members(group, &left, way).await?;
            let after = self.in_group(group, &ids).await?;
            moved.verified = after.shown;
            if !after.shown {
                break;
            }
            // What others undid at the same time: some services lose one of two changes.
            left = ids.iter().filter(|id| wants(after.inside.contains(*id))).cloned().collect();
            if !left.is_empty() && round == MAX_ROUNDS {
                let why = format!(
                    "The service accepted the change and does not show it for {} of {} members; others may change the group \
                     at the same time, or the service passes over who it does not know",
                    left.len(),
                    ids.len()
                );
                return Err(Problem::new(Code::Conflict, why).with("notKept", left));
            }
        }
        Ok(moved)
    }

    /// Makes the members of a group those that are given.
    pub(super) async fn set_members(&self, group: &str, ids: Vec<String>, if_match: Option<&str>) -> Result<Replaced> {
        let ids = once(ids);
        let capabilities = self.capabilities().await?;
        if self.profile.members_shown == MembersShown::ByFilter {
            let why = "The service does not show who is in a group, so it cannot be known who has to leave; use addMembers \
                       and removeMembers";
            return Err(Problem::new(Code::Unsupported, why));
        }
        let before = self.group(group).await?;
        check_version(if_match, &before.version)?;
        let inside = once(members(&before.resource).unwrap_or_default());
        let (was, wanted): (HashSet<&String>, HashSet<&String>) = (inside.iter().collect(), ids.iter().collect());
        let added: Vec<String> = ids.iter().filter(|id| !was.contains(id)).cloned().collect();
        let removed: Vec<String> = inside.iter().filter(|id| !wanted.contains(id)).cloned().collect();
        if added.is_empty() && removed.is_empty() {
            return Ok(Replaced { added, removed, version: Some(before.version) });
        }
        let guard = if_match.filter(|tag| capabilities.etag && !is_made(tag));
        match guard {
            Some(tag) => {
                let list: Vec<Value> = ids.iter().map(|id| json!({ "value": id })).collect();
                let path = Kind::groups().at(group);
                let response = if capabilities.patch && self.profile.replaces_members {
                    let patch = patch_of(&[json!({ "op": "replace", "path": "members", "value": list })]);
                    self.send_body("PATCH", &path, &patch, Some(tag)).await?
                } else {
                    let mut whole = before.resource.clone();
                    if let Some(map) = whole.as_object_mut() {
                        map.retain(|name, _| !["meta", "members"].iter().any(|own| name.eq_ignore_ascii_case(own)));
                        map.insert("members".to_owned(), list.into());
                    }
                    self.send_body("PUT", &path, &whole, Some(tag)).await?
                };
                self.accepted(response, "set the members of the group")?;
            }
            None if !capabilities.patch => return Err(without_patch()),
            None => {
                self.send_members(group, &removed, Membership::Remove).await?;
                self.send_members(group, &added, Membership::Add).await?;
            }
        }
        let after = self.group(group).await?;
        let now = members(&after.resource).unwrap_or_default();
        let now: HashSet<&String> = now.iter().collect();
        if now != wanted && guard.is_none() {
            let missing: Vec<&String> = ids.iter().filter(|id| !now.contains(id)).collect();
            let more: Vec<&String> = now.iter().filter(|id| !wanted.contains(*id)).copied().collect();
            let why =
                "The members were set, and the group shows others now; somebody else may change it at the same time";
            return Err(Problem::new(Code::Conflict, why).with("missing", missing).with("unexpected", more));
        }
        Ok(Replaced { added, removed, version: Some(after.version) })
    }

    async fn group(&self, id: &str) -> Result<Found> {
        self.read(&Kind::groups(), id, &[]).await
    }

    /// Finds out which of some users are in a group.
    async fn in_group(&self, group: &str, ids: &[String]) -> Result<Inside> {
        if self.profile.members_shown == MembersShown::InGroup {
            let shown = members(&self.group(group).await?.resource);
            return Ok(Inside { shown: shown.is_some(), inside: shown.into_iter().flatten().collect() });
        }
        let mut inside = HashSet::new();
        for id in ids {
            let query = ListQuery {
                path: Kind::groups().path,
                filter: Filter::Text(format!("id eq {} and members eq {}", text(group), text(id))),
                attributes: None,
                excluded: None,
                sort_by: None,
                descending: false,
                limit: 1,
                what: "groups of a member".to_owned(),
            };
            match self.list(&query).await {
                Ok(found) if found.resources.is_empty() => {}
                Ok(_) => drop(inside.insert(id.clone())),
                // The service does not know the user.
                Err(problem) if problem.is(Code::NotFound) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(Inside { shown: true, inside })
    }

    /// Sends the change of some members, a hundred at a time.
    async fn send_members(&self, group: &str, ids: &[String], way: Membership) -> Result<()> {
        let path = Kind::groups().at(group);
        let mut done: Vec<String> = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            let told = |problem: Problem| {
                let left = ids.len() - done.len() - chunk.len();
                problem.with("changed", &done).with("attempted", chunk).with("notSent", left)
            };
            let response = self.send_body("PATCH", &path, &way.patch(chunk), None).await.map_err(told)?;
            match self.accepted(response, way.word()) {
                Ok(_) => {}
                // Those who are to leave are not there any more.
                Err(problem) if way == Membership::Remove && problem.system_code() == "noTarget" => {
                    self.remove_each(&path, chunk).await?;
                }
                Err(problem) => return Err(told(problem)),
            }
            done.extend_from_slice(chunk);
        }
        Ok(())
    }

    /// Removes one by one: some services refuse to remove who is not a member.
    async fn remove_each(&self, path: &[String], ids: &[String]) -> Result<()> {
        for id in ids {
            let patch = Membership::Remove.patch(std::slice::from_ref(id));
            let response = self.send_body("PATCH", path, &patch, None).await?;
            match self.accepted(response, Membership::Remove.word()) {
                Err(problem) if problem.system_code() != "noTarget" => return Err(problem),
                _ => {}
            }
        }
        Ok(())
    }
}

fn without_patch() -> Problem {
    let why = "The service has no PATCH; replacing all members could undo what others change at the same time. setMembers \
               with ifMatch does it where the service has versions";
    Problem::new(Code::Unsupported, why)
}
