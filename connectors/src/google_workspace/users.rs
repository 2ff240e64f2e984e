//! Users.

use connector_runtime::context::Context;
use connector_runtime::egress::redact::RuntimeSecret;
use connector_runtime::prelude::*;
use uuid::Uuid;

use super::GoogleWorkspace;
use super::api::{Answered, Api, Ask};
use super::compare::holds;
use super::failure::invalid;
use super::types::{CreatedUser, Deleted, OneUser, Projection, UpdatedUser, UserOrder, Users};
use crate::shared::{Changed, OnExists};

/// The most users that Google puts on a page.
const PAGE: u32 = 500;

/// What a list of users asks for.
pub(super) struct UserQuery {
    pub(super) query: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) org_unit_path: Option<String>,
    pub(super) suspended: Option<bool>,
    pub(super) deleted: bool,
    pub(super) fields: Vec<String>,
    pub(super) projection: Projection,
    pub(super) custom_field_mask: Option<String>,
    pub(super) order_by: Option<UserOrder>,
    pub(super) limit: u32,
}

/// A user to create.
pub(super) struct NewUser {
    pub(super) primary_email: String,
    pub(super) given_name: String,
    pub(super) family_name: String,
    pub(super) password: Option<Secret>,
    pub(super) org_unit_path: Option<String>,
    pub(super) must_change_password: bool,
    pub(super) more: Map<String, Value>,
    pub(super) on_exists: OnExists,
    pub(super) wait_until_visible: bool,
}

/// What a change gives beside its fields.
pub(super) struct UserChange {
    pub(super) set: Map<String, Value>,
    pub(super) password: Option<Secret>,
    pub(super) if_match: Option<String>,
}

impl GoogleWorkspace {
    pub(super) async fn read_users(&self, cx: &Context, asked: UserQuery) -> Result<Users, Fail> {
        let api = self.api(cx)?;
        let mut ask = Ask::get(&["users"], "list users")
            .query("customer", api.customer())
            .maybe("domain", asked.domain.as_deref())
            .maybe("query", search(&asked)?.as_deref())
            .maybe("orderBy", asked.order_by.map(|order| order.as_str()));
        if asked.deleted {
            ask = ask.query("showDeleted", "true");
        }
        ask = projected(ask, asked.projection, asked.custom_field_mask.as_deref())?;
        if let Some(fields) = fields(&asked.fields)? {
            ask = ask.query("fields", format!("nextPageToken,users({fields})"));
        }
        let listed = api.list(ask, "users", asked.limit, PAGE).await?;
        let (count, truncated) = (listed.count(), listed.truncated);
        Ok(Users { users: listed.items.into_iter().map(shown).collect(), count, truncated })
    }

    pub(super) async fn read_user(&self, cx: &Context, key: &str, wanted: &[String]) -> Result<OneUser, Fail> {
        let api = self.api(cx)?;
        let ask = Ask::get(&["users", key], "read the user").maybe("fields", fields(wanted)?.as_deref());
        Ok(OneUser { user: shown(api.ask(ask).await?) })
    }

    pub(super) async fn add_user(&self, cx: &Context, new: NewUser) -> Result<CreatedUser, Fail> {
        let api = self.api(cx)?;
        refuse_passwords("more", &new.more)?;
        let password = match new.password {
            Some(password) => password,
            None => generated(cx)?,
        };
        let mut body = new.more;
        let mut put = |name: &str, value: Value| {
            if body.insert(name.to_owned(), value).is_some() {
                return Err(invalid("more", format!("{name} is a param of its own")));
            }
            Ok(())
        };
        put("primaryEmail", json!(new.primary_email))?;
        put("name", json!({ "givenName": new.given_name, "familyName": new.family_name }))?;
        put("password", json!(password.expose()))?;
        put("changePasswordAtNextLogin", json!(new.must_change_password))?;
        if let Some(path) = &new.org_unit_path {
            put("orgUnitPath", json!(path))?;
        }
        let ask = Ask::new("POST", &["users"], "create the user").body(Value::Object(body));
        let answered = api.send(ask).await?;
        if answered.status == 409 {
            let user =
                self.existing(&api, "users", &new.primary_email, "primaryEmail", new.on_exists, answered).await?;
            return Ok(CreatedUser { user: shown(user), created: false, visible: None });
        }
        let user = answered.ok()?;
        let visible = match new.wait_until_visible {
            true => Some(api.is_visible(&["users", &new.primary_email]).await?),
            false => None,
        };
        Ok(CreatedUser { user: shown(user), created: true, visible })
    }

    /// Deals with what exists already: it is returned, or the failure says so.
    pub(super) async fn existing(
        &self,
        api: &Api<'_>,
        kind: &str,
        address: &str,
        field: &str,
        on_exists: OnExists,
        answered: Answered,
    ) -> Result<Value, Fail> {
        let refused = answered.refused().diagnostic("code", Code::Exists);
        if on_exists == OnExists::Fail {
            return Err(refused);
        }
        let found = api.send(Ask::get(&[kind, address], "read what exists")).await?;
        if !found.is_success() {
            // Somebody else has the address: a contact, another kind, or something that was deleted and is still kept.
            return Err(refused);
        }
        let found = found.ok()?;
        match found[field].as_str() {
            Some(own) if own.eq_ignore_ascii_case(address) => Ok(found),
            // An alias leads to its owner, who is not whom the caller means.
            own => Err(refused.diagnostic("aliasOf", own)),
        }
    }

    pub(super) async fn patch_user(&self, cx: &Context, key: &str, change: UserChange) -> Result<UpdatedUser, Fail> {
        let api = self.api(cx)?;
        let UserChange { set, password, if_match } = change;
        refuse_passwords("set", &set)?;
        if set.is_empty() && password.is_none() {
            return Err(invalid("set", "it is empty, and there is no password"));
        }
        let current = api.ask(full(&["users", key])).await?;
        // Nobody can see whether it is the password already.
        let is_so = password.is_none() && holds(&current, &set);
        if is_so && if_match.is_none() {
            return Ok(UpdatedUser { user: shown(current), changed: false });
        }
        let mut body = set.clone();
        if let Some(password) = &password {
            body.insert("password".to_owned(), json!(password.expose()));
        }
        let ask = Ask::new("PATCH", &["users", key], "change the user").body(Value::Object(body));
        let answered = api.send(ask.if_match(if_match.as_deref())).await?;
        if answered.status == 412 && if_match.is_some() && !answered.is_missing() {
            return Err(answered.refused().diagnostic("code", Code::Conflict));
        }
        if answered.status == 409 && password.is_none() {
            // Google says so of changes that it has made, too.
            let after = api.send(full(&["users", key])).await?;
            if after.is_success() && holds(&after.body, &set) {
                return Ok(UpdatedUser { user: shown(after.body), changed: !is_so });
            }
        }
        Ok(UpdatedUser { user: shown(answered.ok()?), changed: !is_so })
    }

    /// Sets fields of a user, if they are not so already.
    pub(super) async fn set_user(&self, cx: &Context, key: &str, set: Value) -> Result<Changed, Fail> {
        let Value::Object(set) = set else { return Err(invalid("set", "it is not an object")) };
        let change = UserChange { set, password: None, if_match: None };
        Ok(Changed { changed: self.patch_user(cx, key, change).await?.changed })
    }

    pub(super) async fn remove_user(&self, cx: &Context, key: &str) -> Result<Deleted, Fail> {
        self.remove(cx, &["users", key], "delete the user").await
    }

    /// Deletes something; what is gone was deleted before.
    pub(super) async fn remove(&self, cx: &Context, path: &[&str], doing: &'static str) -> Result<Deleted, Fail> {
        let answered = self.api(cx)?.send(Ask::new("DELETE", path, doing)).await?;
        if answered.is_missing() {
            return Ok(Deleted { deleted: true, changed: false });
        }
        answered.ok()?;
        Ok(Deleted { deleted: true, changed: true })
    }

    pub(super) async fn bring_back(&self, cx: &Context, id: &str, org_unit_path: &str) -> Result<Changed, Fail> {
        let api = self.api(cx)?;
        let body = json!({ "orgUnitPath": org_unit_path });
        let ask = Ask::new("POST", &["users", id, "undelete"], "bring back the user").body(body);
        let answered = api.send(ask.repeats()).await?;
        if matches!(answered.status, 400 | 404 | 409 | 412) {
            let user = api.send(Ask::get(&["users", id], "read the user")).await?;
            if user.is_success() {
                return Ok(Changed { changed: false });
            }
        }
        answered.ok()?;
        Ok(Changed { changed: true })
    }

    pub(super) async fn set_admin(&self, cx: &Context, key: &str, admin: bool) -> Result<Changed, Fail> {
        let api = self.api(cx)?;
        let wanted = Map::from_iter([("isAdmin".to_owned(), json!(admin))]);
        if holds(&api.ask(Ask::get(&["users", key], "read the user")).await?, &wanted) {
            return Ok(Changed { changed: false });
        }
        let ask = Ask::new("POST", &["users", key, "makeAdmin"], "change who is an administrator");
        let answered = api.send(ask.body(json!({ "status": admin })).repeats()).await?;
        if answered.status == 409 {
            let after = api.send(Ask::get(&["users", key], "read the user")).await?;
            if after.is_success() && holds(&after.body, &wanted) {
                return Ok(Changed { changed: true });
            }
        }
        answered.ok()?;
        Ok(Changed { changed: true })
    }

    pub(super) async fn end_sessions(&self, cx: &Context, key: &str) -> Result<(), Fail> {
        let ask = Ask::new("POST", &["users", key, "signOut"], "sign out the user");
        self.api(cx)?.ask(ask.repeats()).await.map(drop)
    }

    pub(super) async fn put_alias(&self, cx: &Context, key: &str, alias: &str) -> Result<Changed, Fail> {
        let api = self.api(cx)?;
        let ask = Ask::new("POST", &["users", key, "aliases"], "add the alias").body(json!({ "alias": alias }));
        let answered = api.send(ask).await?;
        if answered.status == 409 {
            if has_alias(&api, key, alias).await? {
                return Ok(Changed { changed: false });
            }
            return Err(answered.refused().diagnostic("code", Code::Exists));
        }
        answered.ok()?;
        Ok(Changed { changed: true })
    }

    pub(super) async fn drop_alias(&self, cx: &Context, key: &str, alias: &str) -> Result<Changed, Fail> {
        let api = self.api(cx)?;
        let answered = api.send(Ask::new("DELETE", &["users", key, "aliases", alias], "remove the alias")).await?;
        // It is the alias that is missing, or the user: the second is a failure.
        if answered.is_missing() && !has_alias(&api, key, alias).await? {
            return Ok(Changed { changed: false });
        }
        answered.ok()?;
        Ok(Changed { changed: true })
    }
}

async fn has_alias(api: &Api<'_>, key: &str, alias: &str) -> Result<bool, Fail> {
    let body = api.ask(Ask::get(&["users", key, "aliases"], "read the aliases")).await?;
    let aliases = body["aliases"].as_array().into_iter().flatten();
    let mut texts = aliases.filter_map(|own| own["alias"].as_str());
    Ok(texts.any(|own| own.eq_ignore_ascii_case(alias)))
}

fn full<'p>(path: &[&'p str]) -> Ask<'p> {
    Ask::get(path, "read the user").query("projection", "full")
}

fn projected<'p>(ask: Ask<'p>, projection: Projection, mask: Option<&str>) -> Result<Ask<'p>, Fail> {
    match (projection, mask) {
        (Projection::Custom, None) => Err(invalid("customFieldMask", "projection custom needs it")),
        (Projection::Custom, Some(mask)) => Ok(ask.query("projection", "custom").query("customFieldMask", mask)),
        (_, Some(_)) => Err(invalid("customFieldMask", "it is for projection custom")),
        (Projection::Basic, None) => Ok(ask),
        (Projection::Full, None) => Ok(ask.query("projection", "full")),
    }
}

/// Joins what a call asks for into Google's search text.
fn search(asked: &UserQuery) -> Result<Option<String>, Fail> {
    let mut parts: Vec<String> = asked.query.iter().filter(|query| !query.trim().is_empty()).cloned().collect();
    if let Some(path) = &asked.org_unit_path {
        parts.push(format!("orgUnitPath={}", quoted("orgUnitPath", path)?));
    }
    if let Some(suspended) = asked.suspended {
        parts.push(format!("isSuspended={suspended}"));
    }
    Ok((!parts.is_empty()).then(|| parts.join(" ")))
}

/// Quotes a value for a search, so that nothing in it is read as a part of the search.
pub(super) fn quoted(param: &str, value: &str) -> Result<String, Fail> {
    if value.chars().any(char::is_control) {
        return Err(invalid(param, "it has a control character"));
    }
    Ok(format!("'{}'", value.replace('\\', "\\\\").replace('\'', "\\'")))
}

/// Joins names of fields for a partial answer.
pub(super) fn fields(names: &[String]) -> Result<Option<String>, Fail> {
    let is_name = |name: &String| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '*'))
    };
    if let Some(name) = names.iter().find(|name| !is_name(name)) {
        return Err(invalid("fields", format!("`{name}` is not a name such as primaryEmail or name/givenName")));
    }
    Ok((!names.is_empty()).then(|| names.join(",")))
}

/// A password goes where it is masked.
fn refuse_passwords(param: &str, fields: &Map<String, Value>) -> Result<(), Fail> {
    match fields.keys().find(|name| matches!(name.as_str(), "password" | "hashFunction")) {
        Some(name) => Err(invalid(param, format!("{name} is not taken here; give the password in the param password"))),
        None => Ok(()),
    }
}

/// Removes what nobody may see, should it ever be in an answer.
fn shown(mut user: Value) -> Value {
    if let Some(fields) = user.as_object_mut() {
        fields.remove("password");
        fields.remove("hashFunction");
    }
    user
}

/// Makes a password that nobody knows: 148 random bits, with letters of each kind for every policy.
fn generated(cx: &Context) -> Result<Secret, Fail> {
    let text = format!("aA1!{}{}", Uuid::now_v7().simple(), Uuid::now_v7().simple());
    let secret =
        RuntimeSecret::new(Secret::new(text)).map_err(|error| Fail::coded(Code::Invalid, error.to_string()))?;
    cx.add_secret(secret.clone());
    Ok(secret.secret().clone())
}
