//! Groups, who is in them, and which roles they give.

use std::collections::HashSet;

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::api::{Api, Does, id_text, id_value, unreadable};
use super::lists::{Query, order};
use super::{Authifi, CreatedGroup, FailedUser, Groups, MembersChanged, OneGroup, Roles, Users};
use crate::shared::{Changed, OnExists, invalid};

/// The most users that one call adds or removes.
const MAX_USERS: usize = 1_000;
/// The most roles of a group that are looked at.
const MAX_ROLES: usize = 10_000;

/// What happens to users of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
}

fn no_group() -> Fail {
    Fail::coded(Code::NotFound, "Authifi has no such group")
}

impl Authifi {
    pub(super) async fn read_groups(
        &self,
        cx: &Context,
        by: Option<Map<String, Value>>,
        limit: usize,
    ) -> Result<Groups, Failure> {
        let query = Query { what: "groups", path: &["groups"], by: by.unwrap_or_default(), order: order(None), limit };
        let found = self.api(cx)?.list(query).await?;
        Ok(Groups { count: found.count(), truncated: found.truncated, groups: found.items })
    }

    pub(super) async fn read_group(
        &self,
        cx: &Context,
        id: Option<&Value>,
        name: Option<&str>,
    ) -> Result<OneGroup, Failure> {
        let api = self.api(cx)?;
        let group = match (id, name) {
            (Some(id), None) => api.read("read the group", &["groups", &id_text("id", id)?]).await?,
            (None, Some(name)) if !name.is_empty() => api.group_by_name(name, None).await?,
            _ => return Err(invalid("Give id or name, one of them").into()),
        };
        Ok(OneGroup { group: group.ok_or_else(no_group)? })
    }

    pub(super) async fn make_group(
        &self,
        cx: &Context,
        fields: Map<String, Value>,
        on_exists: OnExists,
    ) -> Result<CreatedGroup, Failure> {
        let api = self.api(cx)?;
        let response = api.send(api.request("POST", &["groups"])?.json(&fields), Does::Change).await?;
        if response.is_success() {
            let group = response.json().map_err(|_| unreadable("create the group"))?;
            return Ok(CreatedGroup { group, created: true });
        }
        let fail = api.refused("create the group", &response).await;
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        if on_exists == OnExists::Return && fail.diagnostics.get("code") == Some(&json!(Code::Exists)) {
            let namespace = fields.get("namespace").and_then(Value::as_str);
            if let Some(group) = api.group_by_name(name, namespace).await? {
                return Ok(CreatedGroup { group, created: false });
            }
        }
        Err(fail.into())
    }

    pub(super) async fn read_group_users(&self, cx: &Context, group: &Value, limit: usize) -> Result<Users, Failure> {
        let group = id_text("groupId", group)?;
        let path = ["groups", group.as_str(), "users"];
        let query = Query { what: "users of the group", path: &path, by: Map::new(), order: order(None), limit };
        let found = self.api(cx)?.list(query).await?;
        Ok(Users { count: found.count(), truncated: found.truncated, users: found.items })
    }

    pub(super) async fn change_group_users(
        &self,
        cx: &Context,
        group: &Value,
        users: &[Value],
        change: Change,
    ) -> Result<MembersChanged, Failure> {
        let group = id_text("groupId", group)?;
        let mut seen = HashSet::new();
        let mut ids = Vec::new();
        for (at, user) in users.iter().enumerate() {
            let id = id_text(&format!("userIds/{at}"), user)?;
            if seen.insert(id.clone()) {
                ids.push(id);
            }
        }
        if ids.is_empty() || ids.len() > MAX_USERS {
            return Err(invalid(format!("userIds has to hold 1 to {MAX_USERS} ids")).into());
        }
        let api = self.api(cx)?;
        if api.read("read the group", &["groups", &group]).await?.is_none() {
            return Err(no_group().into());
        }
        let members = api.members_among(&group, &ids).await?;
        let mut done = MembersChanged::default();
        for id in ids {
            if members.contains(&id) == (change == Change::Add) {
                done.unchanged.push(id);
                continue;
            }
            let method = if change == Change::Add { "PUT" } else { "DELETE" };
            let request = api.request(method, &["groups", &group, "users", "rel", &id])?;
            let told = |fail: Fail| fail.diagnostic("changed", &done.changed);
            let response = api.send(request, Does::Change).await.map_err(told)?;
            match response.status() {
                _ if response.is_success() => done.changed.push(id),
                409 if change == Change::Add => done.unchanged.push(id),
                404 if change == Change::Remove => done.unchanged.push(id),
                // What stops one stops all.
                401 | 403 | 429 | 500.. => return Err(told(api.refused("change the group", &response).await).into()),
                _ => {
                    let fail = api.refused("change the group", &response).await;
                    let code = fail.diagnostics.get("code").and_then(Value::as_str).unwrap_or_default().to_owned();
                    done.failed.push(FailedUser { user_id: id, code, error: fail.error });
                }
            }
        }
        Ok(done)
    }

    pub(super) async fn read_roles(&self, cx: &Context, group: &Value, limit: usize) -> Result<Roles, Failure> {
        let found = self.api(cx)?.roles(&id_text("groupId", group)?, limit).await?;
        Ok(Roles { count: found.count(), truncated: found.truncated, access_roles: found.items })
    }

    pub(super) async fn change_role(
        &self,
        cx: &Context,
        group: &Value,
        role: &Value,
        change: Change,
    ) -> Result<Changed, Failure> {
        let (group, role) = (id_text("groupId", group)?, id_text("accessRoleId", role)?);
        let api = self.api(cx)?;
        let roles = api.roles(&group, MAX_ROLES).await?.items;
        let has = roles.iter().any(|own| own.get("id").is_some_and(|id| id_text("id", id).is_ok_and(|id| id == role)));
        if has == (change == Change::Add) {
            return Ok(Changed { changed: false });
        }
        let (method, what) = match change {
            Change::Add => ("PUT", "grant the role"),
            Change::Remove => ("DELETE", "revoke the role"),
        };
        api.done(what, api.request(method, &["groups", &group, "access-roles", "rel", &role])?, Does::Change).await?;
        Ok(Changed { changed: true })
    }
}

impl Api<'_> {
    async fn group_by_name(&self, name: &str, namespace: Option<&str>) -> Result<Option<Map<String, Value>>, Failure> {
        let mut by = Map::from_iter([("name".to_owned(), json!(name))]);
        if let Some(namespace) = namespace {
            by.insert("namespace".to_owned(), json!(namespace));
        }
        let query = Query { what: "groups", path: &["groups"], by, order: order(None), limit: 2 };
        let found = self.list(query).await?.items;
        if let [first, second, ..] = found.as_slice() {
            let ids = json!([first.get("id"), second.get("id")]);
            return Err(Fail::coded(Code::Conflict, "Several groups have this name; give the id")
                .diagnostic("ids", ids)
                .into());
        }
        Ok(found.into_iter().next())
    }

    /// Returns which of some users are in a group.
    async fn members_among(&self, group: &str, ids: &[String]) -> Result<HashSet<String>, Failure> {
        let mut members = HashSet::new();
        // A filter travels in the URL, which has its limits.
        for ids in ids.chunks(100) {
            let wanted: Vec<Value> = ids.iter().map(|id| id_value(id)).collect();
            let by = json!({ "id": { "inq": wanted } }).as_object().cloned().unwrap_or_default();
            let path = ["groups", group, "users"];
            let query = Query { what: "users of the group", path: &path, by, order: order(None), limit: ids.len() };
            for user in self.list(query).await?.items {
                if let Some(id) = user.get("id") {
                    members.insert(id_text("id", id)?);
                }
            }
        }
        Ok(members)
    }

    async fn roles(&self, group: &str, limit: usize) -> Result<super::lists::Found, Failure> {
        let path = ["groups", group, "access-roles"];
        self.list(Query { what: "roles of the group", path: &path, by: Map::new(), order: order(None), limit }).await
    }
}
