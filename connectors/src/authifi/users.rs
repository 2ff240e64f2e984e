//! Users: found, created, changed, ended.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::api::{Api, Does, id_text, id_value, unreadable};
use super::lists::{Query, holds, order};
use super::{Authifi, CreatedUser, Deleted, OneUser, UpdatedUser, Users};
use crate::shared::{OnExists, invalid};

/// The fields that `search` looks into.
const SEARCHED: &[&str] = &["email", "username", "name", "givenName", "familyName"];

/// A user that is to be created.
pub(super) struct NewUser {
    pub(super) fields: Map<String, Value>,
    pub(super) on_exists: OnExists,
}

type User = Map<String, Value>;

impl Authifi {
    pub(super) async fn read_users(
        &self,
        cx: &Context,
        by: Option<Map<String, Value>>,
        search: Option<&str>,
        order_by: Option<&str>,
        limit: usize,
    ) -> Result<Users, Failure> {
        let found = search.filter(|text| !text.is_empty()).map(|text| holds(SEARCHED, text));
        let by = match (by.filter(|by| !by.is_empty()), found) {
            (Some(by), Some(found)) => json!({ "and": [by, found] }),
            (Some(by), None) => by.into(),
            (None, found) => found.unwrap_or_else(|| json!({})),
        };
        let by = by.as_object().cloned().unwrap_or_default();
        let query = Query { what: "users", path: &["users"], by, order: order(order_by), limit };
        let found = self.api(cx)?.list(query).await?;
        Ok(Users { count: found.count(), truncated: found.truncated, users: found.items })
    }

    pub(super) async fn read_user(
        &self,
        cx: &Context,
        id: Option<&Value>,
        email: Option<&str>,
        issuer: Option<&Value>,
    ) -> Result<OneUser, Failure> {
        let api = self.api(cx)?;
        let user = match (id, email) {
            (Some(id), None) => api.user(&id_text("id", id)?).await?,
            (None, Some(email)) if !email.is_empty() => api.user_by_email(email, issuer).await?,
            _ => return Err(invalid("Give id or email, one of them").into()),
        };
        let user = user.ok_or_else(|| Fail::coded(Code::NotFound, "Authifi has no such user"))?;
        Ok(OneUser { user })
    }

    pub(super) async fn make_user(&self, cx: &Context, new: NewUser) -> Result<CreatedUser, Failure> {
        let api = self.api(cx)?;
        let what = "create the user";
        let response = api.send(api.request("POST", &["users"])?.json(&new.fields), Does::Change).await?;
        if response.is_success() {
            let user = response.json().map_err(|_| unreadable(what))?;
            return Ok(CreatedUser { user, created: true });
        }
        let fail = api.refused(what, &response).await;
        let exists = fail.diagnostics.get("code") == Some(&json!(Code::Exists));
        let email = new.fields.get("email").and_then(Value::as_str).unwrap_or_default();
        if new.on_exists == OnExists::Return && exists {
            // Something else may be taken, such as the username.
            if let Some(user) = api.user_by_email(email, new.fields.get("identityIssuerId")).await? {
                return Ok(CreatedUser { user, created: false });
            }
        }
        Err(fail.into())
    }

    pub(super) async fn change_user(&self, cx: &Context, id: &Value, set: User) -> Result<UpdatedUser, Failure> {
        if set.is_empty() {
            return Err(invalid("Give what to set").into());
        }
        if let Some(name) =
            ["id", "identityIssuer", "identityIssuerId"].into_iter().find(|name| set.contains_key(*name))
        {
            return Err(invalid(format!("{name} of a user never changes; create another user")).into());
        }
        let api = self.api(cx)?;
        let id = id_text("id", id)?;
        let none = || Fail::coded(Code::NotFound, "Authifi has no such user");
        let before = api.user(&id).await?.ok_or_else(none)?;
        if set.iter().all(|(name, value)| before.get(name).unwrap_or(&Value::Null) == value) {
            return Ok(UpdatedUser { user: before, changed: false });
        }
        api.done("change the user", api.request("PATCH", &["users", &id])?.json(&set), Does::Change).await?;
        let user = api.user(&id).await?.ok_or_else(none)?;
        Ok(UpdatedUser { user, changed: true })
    }

    pub(super) async fn remove_user(&self, cx: &Context, id: &Value) -> Result<Deleted, Failure> {
        self.api(cx)?.delete("delete the user", &["users", &id_text("id", id)?]).await
    }
}

impl Api<'_> {
    /// Reads a user; `None` if there is none of this id.
    async fn user(&self, id: &str) -> Result<Option<User>, Failure> {
        self.read("read the user", &["users", id]).await
    }

    /// Reads something; `None` if it does not exist.
    pub(super) async fn read(&self, what: &str, path: &[&str]) -> Result<Option<User>, Failure> {
        let response = self.send(self.request("GET", path)?, Does::Read).await?;
        match response.status() {
            404 => Ok(None),
            _ if response.is_success() => Ok(Some(response.json().map_err(|_| unreadable(what))?)),
            _ => Err(self.refused(what, &response).await.into()),
        }
    }

    /// Deletes something; what does not exist is deleted already.
    pub(super) async fn delete(&self, what: &str, path: &[&str]) -> Result<Deleted, Failure> {
        let response = self.send(self.request("DELETE", path)?, Does::Change).await?;
        match response.status() {
            404 => Ok(Deleted { deleted: true, changed: false }),
            _ if response.is_success() => Ok(Deleted { deleted: true, changed: true }),
            _ => Err(self.refused(what, &response).await.into()),
        }
    }

    /// Finds a user by an address, which is unique within an issuer.
    async fn user_by_email(&self, email: &str, issuer: Option<&Value>) -> Result<Option<User>, Failure> {
        let mut by = Map::from_iter([("email".to_owned(), json!(email))]);
        if let Some(issuer) = issuer {
            by.insert("identityIssuerId".to_owned(), id_value(&id_text("identityIssuerId", issuer)?));
        }
        let query = Query { what: "users", path: &["users"], by, order: order(None), limit: 2 };
        let found = self.list(query).await?.items;
        if let [first, second, ..] = found.as_slice() {
            let ids = json!([first.get("id"), second.get("id")]);
            let fail =
                Fail::coded(Code::Conflict, "Several users have this email, of several issuers; give issuerId or id");
            return Err(fail.diagnostic("ids", ids).into());
        }
        Ok(found.into_iter().next())
    }
}
