//! Groups and their members.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::GoogleWorkspace;
use super::api::{Answered, Api, Ask};
use super::compare::holds;
use super::failure::invalid;
use super::types::{CreatedGroup, Groups, IsMember, Member, Members, OneGroup, Role, UpdatedGroup};
use crate::shared::{Changed, OnExists};

/// The most groups or members that Google puts on a page.
const PAGE: u32 = 200;

/// What a list of groups asks for.
pub(super) struct GroupQuery {
    pub(super) domain: Option<String>,
    pub(super) user_key: Option<String>,
    pub(super) query: Option<String>,
    pub(super) limit: u32,
}

/// A group to create.
pub(super) struct NewGroup {
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) on_exists: OnExists,
    pub(super) wait_until_visible: bool,
}

impl GoogleWorkspace {
    pub(super) async fn read_groups(&self, cx: &Context, asked: GroupQuery) -> Result<Groups, Fail> {
        let api = self.api(cx)?;
        let ask = Ask::get(&["groups"], "list groups");
        // Google takes one of the three.
        let ask = match (&asked.domain, &asked.user_key) {
            (Some(_), Some(_)) => return Err(invalid("userKey", "give domain or userKey")),
            (None, Some(user)) => ask.query("userKey", user),
            (Some(domain), None) => ask.query("domain", domain),
            (None, None) => ask.query("customer", api.customer()),
        };
        let listed = api.list(ask.maybe("query", asked.query.as_deref()), "groups", asked.limit, PAGE).await?;
        Ok(Groups { count: listed.count(), groups: listed.items, truncated: listed.truncated })
    }

    pub(super) async fn read_group(&self, cx: &Context, key: &str) -> Result<OneGroup, Fail> {
        Ok(OneGroup { group: self.api(cx)?.ask(Ask::get(&["groups", key], "read the group")).await? })
    }

    pub(super) async fn add_group(&self, cx: &Context, new: NewGroup) -> Result<CreatedGroup, Fail> {
        let api = self.api(cx)?;
        let mut body = Map::from_iter([("email".to_owned(), json!(new.email))]);
        body.extend(texts([("name", new.name), ("description", new.description)]));
        let answered = api.send(Ask::new("POST", &["groups"], "create the group").body(Value::Object(body))).await?;
        if answered.status == 409 {
            let group = self.existing(&api, "groups", &new.email, "email", new.on_exists, answered).await?;
            return Ok(CreatedGroup { group, created: false, visible: None });
        }
        let group = answered.ok()?;
        let visible = match new.wait_until_visible {
            true => Some(api.is_visible(&["groups", &new.email]).await?),
            false => None,
        };
        Ok(CreatedGroup { group, created: true, visible })
    }

    pub(super) async fn patch_group(
        &self,
        cx: &Context,
        key: &str,
        set: [(&str, Option<String>); 3],
    ) -> Result<UpdatedGroup, Fail> {
        let api = self.api(cx)?;
        let set = texts(set);
        if set.is_empty() {
            return Err(invalid("name", "give one of email, name and description"));
        }
        let read = || Ask::get(&["groups", key], "read the group");
        let current = api.ask(read()).await?;
        if holds(&current, &set) {
            return Ok(UpdatedGroup { group: current, changed: false });
        }
        let ask = Ask::new("PATCH", &["groups", key], "change the group").body(Value::Object(set.clone()));
        let answered = api.send(ask).await?;
        if answered.status == 409 {
            // Google says so of changes that it has made, too.
            let after = api.send(read()).await?;
            if after.is_success() && holds(&after.body, &set) {
                return Ok(UpdatedGroup { group: after.body, changed: true });
            }
        }
        Ok(UpdatedGroup { group: answered.ok()?, changed: true })
    }

    pub(super) async fn read_members(
        &self,
        cx: &Context,
        group: &str,
        roles: &[Role],
        derived: bool,
        limit: u32,
    ) -> Result<Members, Fail> {
        let api = self.api(cx)?;
        let mut ask = Ask::get(&["groups", group, "members"], "list members");
        if !roles.is_empty() {
            let names: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
            ask = ask.query("roles", names.join(","));
        }
        if derived {
            ask = ask.query("includeDerivedMembership", "true");
        }
        let listed = api.list(ask, "members", limit, PAGE).await?;
        Ok(Members { count: listed.count(), members: listed.items, truncated: listed.truncated })
    }

    pub(super) async fn put_member(&self, cx: &Context, group: &str, member: &str, role: Role) -> Result<Member, Fail> {
        let api = self.api(cx)?;
        // Google takes an address or an id, each in its own field.
        let name = if member.contains('@') { "email" } else { "id" };
        let body = json!({ name: member, "role": role.as_str() });
        let ask = Ask::new("POST", &["groups", group, "members"], "add the member").body(body);
        let answered = api.send(ask).await?;
        if answered.status != 409 {
            return Ok(Member { member: answered.ok()?, changed: true });
        }
        let found = api.send(Ask::get(&["groups", group, "members", member], "read the member")).await?;
        if found.is_missing() {
            // It is one, and its group has not heard of it everywhere.
            return Ok(Member { member: Value::Null, changed: false });
        }
        self.with_role(&api, group, member, role, found.ok()?).await
    }

    pub(super) async fn set_role(&self, cx: &Context, group: &str, member: &str, role: Role) -> Result<Member, Fail> {
        let api = self.api(cx)?;
        let found = api.ask(Ask::get(&["groups", group, "members", member], "read the member")).await?;
        self.with_role(&api, group, member, role, found).await
    }

    async fn with_role(
        &self,
        api: &Api<'_>,
        group: &str,
        member: &str,
        role: Role,
        found: Value,
    ) -> Result<Member, Fail> {
        let set = Map::from_iter([("role".to_owned(), json!(role.as_str()))]);
        if holds(&found, &set) {
            return Ok(Member { member: found, changed: false });
        }
        let path = ["groups", group, "members", member];
        let ask = Ask::new("PATCH", &path, "change the role").body(Value::Object(set.clone()));
        let answered = api.send(ask).await?;
        if answered.status == 409 {
            let after = api.send(Ask::get(&path, "read the member")).await?;
            if after.is_success() && holds(&after.body, &set) {
                return Ok(Member { member: after.body, changed: true });
            }
        }
        Ok(Member { member: answered.ok()?, changed: true })
    }

    pub(super) async fn drop_member(&self, cx: &Context, group: &str, member: &str) -> Result<Changed, Fail> {
        let api = self.api(cx)?;
        let answered = api.send(Ask::new("DELETE", &["groups", group, "members", member], "remove the member")).await?;
        if answered.is_missing() {
            require_group(&api, group).await?;
            return Ok(Changed { changed: false });
        }
        answered.ok()?;
        Ok(Changed { changed: true })
    }

    pub(super) async fn look_for_member(&self, cx: &Context, group: &str, member: &str) -> Result<IsMember, Fail> {
        let api = self.api(cx)?;
        let answered = api.send(Ask::get(&["groups", group, "hasMember", member], "look for the member")).await?;
        let direct = match answered.status {
            // Google looks only for people of its own domains this way; others can be direct members alone.
            400 => api.send(Ask::get(&["groups", group, "members", member], "read the member")).await?,
            _ => answered.clone(),
        };
        if direct.is_missing() {
            require_group(&api, group).await?;
            return Ok(IsMember { member: false });
        }
        if answered.status == 400 {
            return if direct.is_success() { Ok(IsMember { member: true }) } else { Err(answered.refused()) };
        }
        is_member(answered)
    }
}

fn is_member(answered: Answered) -> Result<IsMember, Fail> {
    match answered.ok()?["isMember"] {
        Value::Bool(member) => Ok(IsMember { member }),
        _ => Err(Fail::coded(Code::Unavailable, "Google's answer to look for the member has no isMember")),
    }
}

/// Fails if there is no such group: a missing member is not a missing group.
async fn require_group(api: &Api<'_>, group: &str) -> Result<(), Fail> {
    api.ask(Ask::get(&["groups", group], "read the group")).await.map(drop)
}

fn texts<const N: usize>(pairs: [(&str, Option<String>); N]) -> Map<String, Value> {
    pairs.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text?)))).collect()
}
