//! Users, groups and roles of an Authifi tenant, over its administration API.
//!
//! The API follows the conventions of LoopBack 4: filters as JSON, lists by limit and skip, errors under `error`. Access tokens
//! come from the tenant's own token endpoint, by client credentials.

mod api;
mod call;
mod groups;
mod lists;
mod mocks;
mod payloads;
#[cfg(test)]
mod tests;
mod users;

use connector_runtime::prelude::*;

pub use self::call::Called;
pub use self::payloads::*;
use crate::http::Method;
use crate::shared::{Changed, OnExists};

/// Manage users, groups and roles of an Authifi tenant.
#[connector(
    name = "authifi",
    version = "1.0.0",
    category = "identity",
    tags("users", "groups", "roles", "oauth"),
    egress = base_url
)]
#[derive(Debug)]
pub struct Authifi {
    /// Where Authifi is: the address that /auth is below.
    #[config(label = "Base URL", example = "https://auth.example.com/_api")]
    base_url: Url,
    /// Name of the tenant, as in the address of its sign-in.
    #[config(min_length = 1, max_length = 200, example = "prod")]
    tenant: String,
    /// Id of the tenant.
    #[config(label = "Tenant ID", min_length = 1, max_length = 100, example = "42")]
    tenant_id: String,
    /// Id of a client that may use the client credentials grant and the administration API.
    #[config(label = "Client ID", min_length = 1)]
    client_id: String,
    /// Secret of the client.
    client_secret: Secret,
    /// Scopes of the tokens; left out, those that the client gets by itself.
    #[config(default = [])]
    scopes: Vec<String>,
    /// Resource of the tokens (RFC 8707). Without it the scopes of the administration API may be missing.
    #[config(example = "https://auth.example.com/_api")]
    resource: Option<String>,
}

#[connector]
impl Authifi {
    /// Check that a token is issued, that the tenant is there, and that its users may be read.
    #[command(effect = read, mock(default = mocks::test, unauthenticated = mocks::unauthenticated, denied = mocks::denied))]
    pub async fn test(&self, cx: &Context) -> Outcome<Checked> {
        succeed(self.check(cx).await?)
    }

    /// List users.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::users, empty = mocks::no_users, denied = mocks::denied))]
    pub async fn list_users(
        &self,
        cx: &Context,
        /// Conditions as LoopBack has them: fields with values or operators.
        #[param(name = "where", example = json!({ "familyName": "Lovelace" }))]
        by: Option<Map<String, Value>>,
        /// A text that the email, the user name or a name holds, whatever its case.
        #[param(max_length = 200)]
        search: Option<String>,
        /// What the users are sorted by before their id, such as familyName ASC.
        #[param(max_length = 100)]
        order: Option<String>,
        /// Most users to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Users> {
        succeed(self.read_users(cx, by, search.as_deref(), order.as_deref(), limit as usize).await?)
    }

    /// Read a user, by id or by email.
    #[command(effect = read, mock(default = mocks::user, not_found = mocks::no_user))]
    pub async fn get_user(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(label = "ID", example = 7)]
        id: Option<Value>,
        /// Email of the user, in place of the id.
        #[param(max_length = 320)]
        email: Option<String>,
        /// Id of the identity issuer, where several users have the email.
        #[param(label = "Issuer ID")]
        issuer_id: Option<Value>,
    ) -> Outcome<OneUser> {
        succeed(self.read_user(cx, id.as_ref(), email.as_deref(), issuer_id.as_ref()).await?)
    }

    /// Create a user.
    #[command(effect = create, mock(default = mocks::user_created, exists = mocks::exists))]
    pub async fn create_user(
        &self,
        cx: &Context,
        /// Email; unique within the tenant and the issuer.
        #[param(min_length = 3, max_length = 320, example = "ada@example.com")]
        email: String,
        /// Id of the identity issuer. It never changes.
        #[param(label = "Identity issuer ID", example = 1)]
        identity_issuer_id: Value,
        /// User name.
        #[param(max_length = 320)]
        username: Option<String>,
        /// Given name.
        #[param(max_length = 200)]
        given_name: Option<String>,
        /// Family name.
        #[param(max_length = 200)]
        family_name: Option<String>,
        /// Full name.
        #[param(max_length = 400)]
        name: Option<String>,
        /// When the account ends.
        expires_at: Option<Timestamp>,
        /// What to do if there is one.
        #[param(default = "fail")]
        on_exists: OnExists,
    ) -> Outcome<CreatedUser> {
        let issuer = api::id_value(&api::id_text("identityIssuerId", &identity_issuer_id)?);
        let mut fields = Map::from_iter([("email".to_owned(), json!(email)), ("identityIssuerId".to_owned(), issuer)]);
        let names = [("username", username), ("givenName", given_name), ("familyName", family_name), ("name", name)];
        fields.extend(names.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?)))));
        if let Some(expires_at) = expires_at {
            fields.insert("expiration".to_owned(), json!(expires_at));
        }
        succeed(self.make_user(cx, users::NewUser { fields, on_exists }).await?)
    }

    /// Change fields of a user.
    #[command(effect = update, idempotent, mock(default = mocks::user_updated, unchanged = mocks::user_unchanged, not_found = mocks::no_user))]
    pub async fn update_user(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(label = "ID", example = 7)]
        id: Value,
        /// Fields and the values that they get; null empties one.
        #[param(example = json!({ "familyName": "King" }))]
        set: Map<String, Value>,
    ) -> Outcome<UpdatedUser> {
        succeed(self.change_user(cx, &id, set).await?)
    }

    /// Set when a user's account ends.
    #[command(effect = update, idempotent, mock(default = mocks::user_updated, unchanged = mocks::user_unchanged, not_found = mocks::no_user))]
    pub async fn set_expiration(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(label = "ID", example = 7)]
        id: Value,
        /// When the account ends; left out, never.
        expires_at: Option<Timestamp>,
    ) -> Outcome<UpdatedUser> {
        let set = Map::from_iter([("expiration".to_owned(), json!(expires_at))]);
        succeed(self.change_user(cx, &id, set).await?)
    }

    /// Delete a user. One that does not exist is deleted already.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, denied = mocks::denied))]
    pub async fn delete_user(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(label = "ID", example = 7)]
        id: Value,
    ) -> Outcome<Deleted> {
        succeed(self.remove_user(cx, &id).await?)
    }

    /// List the permissions of a user, also those that its groups give.
    #[command(effect = read, mock(default = mocks::permissions, empty = mocks::no_permissions))]
    pub async fn list_user_permissions(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(label = "User ID", example = 7)]
        user_id: Value,
        /// Most permissions to return.
        #[param(default = 1000, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Permissions> {
        succeed(self.read_permissions(cx, &user_id, limit as usize).await?)
    }

    /// List groups.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::groups, empty = mocks::no_groups))]
    pub async fn list_groups(
        &self,
        cx: &Context,
        /// Conditions as LoopBack has them.
        #[param(name = "where", example = json!({ "namespace": "hr" }))]
        by: Option<Map<String, Value>>,
        /// Most groups to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Groups> {
        succeed(self.read_groups(cx, by, limit as usize).await?)
    }

    /// Read a group, by id or by name.
    #[command(effect = read, mock(default = mocks::group, not_found = mocks::no_group))]
    pub async fn get_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "ID", example = 3)]
        id: Option<Value>,
        /// Name of the group, in place of the id.
        #[param(max_length = 400)]
        name: Option<String>,
    ) -> Outcome<OneGroup> {
        succeed(self.read_group(cx, id.as_ref(), name.as_deref()).await?)
    }

    /// Create a group.
    #[command(effect = create, mock(default = mocks::group_created, exists = mocks::exists))]
    pub async fn create_group(
        &self,
        cx: &Context,
        /// Name.
        #[param(min_length = 1, max_length = 400, example = "staff")]
        name: String,
        /// What it is for.
        #[param(max_length = 4000)]
        description: Option<String>,
        /// Namespace.
        #[param(max_length = 400)]
        namespace: Option<String>,
        /// What to do if there is one.
        #[param(default = "fail")]
        on_exists: OnExists,
    ) -> Outcome<CreatedGroup> {
        let mut fields = Map::from_iter([("name".to_owned(), json!(name))]);
        let more = [("description", description), ("namespace", namespace)];
        fields.extend(more.into_iter().filter_map(|(field, value)| Some((field.to_owned(), json!(value?)))));
        succeed(self.make_group(cx, fields, on_exists).await?)
    }

    /// Delete a group. One that does not exist is deleted already.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, denied = mocks::denied))]
    pub async fn delete_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "ID", example = 3)]
        id: Value,
    ) -> Outcome<Deleted> {
        let id = api::id_text("id", &id)?;
        succeed(self.api(cx)?.delete("delete the group", &["groups", &id]).await?)
    }

    /// List the users of a group.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::users, empty = mocks::no_users))]
    pub async fn list_group_users(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "Group ID", example = 3)]
        group_id: Value,
        /// Most users to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Users> {
        succeed(self.read_group_users(cx, &group_id, limit as usize).await?)
    }

    /// Add users to a group. Those who are in it are told as unchanged.
    #[command(effect = update, idempotent, timeout = 120_000, mock(default = mocks::members_changed, not_found = mocks::no_group))]
    pub async fn add_to_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "Group ID", example = 3)]
        group_id: Value,
        /// Ids of the users, at most 1,000.
        #[param(label = "User IDs", example = [7, 8])]
        user_ids: Vec<Value>,
    ) -> Outcome<MembersChanged> {
        succeed(self.change_group_users(cx, &group_id, &user_ids, groups::Change::Add).await?)
    }

    /// Remove users from a group. Those who are not in it are told as unchanged.
    #[command(effect = update, idempotent, timeout = 120_000, mock(default = mocks::members_changed, not_found = mocks::no_group))]
    pub async fn remove_from_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "Group ID", example = 3)]
        group_id: Value,
        /// Ids of the users, at most 1,000.
        #[param(label = "User IDs", example = [7, 8])]
        user_ids: Vec<Value>,
    ) -> Outcome<MembersChanged> {
        succeed(self.change_group_users(cx, &group_id, &user_ids, groups::Change::Remove).await?)
    }

    /// List the access roles that a group gives.
    #[command(effect = read, mock(default = mocks::roles, empty = mocks::no_roles))]
    pub async fn list_access_roles(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "Group ID", example = 3)]
        group_id: Value,
        /// Most roles to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Roles> {
        succeed(self.read_roles(cx, &group_id, limit as usize).await?)
    }

    /// Let a group give an access role.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, denied = mocks::denied))]
    pub async fn grant_role(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "Group ID", example = 3)]
        group_id: Value,
        /// Id of the access role.
        #[param(label = "Access role ID", example = 12)]
        access_role_id: Value,
    ) -> Outcome<Changed> {
        succeed(self.change_role(cx, &group_id, &access_role_id, groups::Change::Add).await?)
    }

    /// Let a group give an access role no more.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, denied = mocks::denied))]
    pub async fn revoke_role(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(label = "Group ID", example = 3)]
        group_id: Value,
        /// Id of the access role.
        #[param(label = "Access role ID", example = 12)]
        access_role_id: Value,
    ) -> Outcome<Changed> {
        succeed(self.change_role(cx, &group_id, &access_role_id, groups::Change::Remove).await?)
    }

    /// List clients.
    #[command(effect = read, mock(default = mocks::items, empty = mocks::no_items))]
    pub async fn list_clients(
        &self,
        cx: &Context,
        /// Most clients to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Items> {
        succeed(self.read_items(cx, "clients", None, None, limit as usize).await?)
    }

    /// List identity providers.
    #[command(effect = read, mock(default = mocks::items, empty = mocks::no_items))]
    pub async fn list_identity_providers(
        &self,
        cx: &Context,
        /// Most identity providers to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Items> {
        succeed(self.read_items(cx, "identity-providers", None, None, limit as usize).await?)
    }

    /// List what was done in the tenant.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::items, empty = mocks::no_items))]
    pub async fn list_audit_logs(
        &self,
        cx: &Context,
        /// From when on.
        from: Option<Timestamp>,
        /// Until when.
        to: Option<Timestamp>,
        /// Most lines to return.
        #[param(default = 100, min = 1, max = 10_000)]
        limit: u32,
    ) -> Outcome<Items> {
        succeed(self.read_items(cx, "audit-logs", from, to, limit as usize).await?)
    }

    /// Approve an access request.
    #[command(effect = update, mock(default = mocks::approved, not_found = mocks::no_request))]
    pub async fn approve_access_request(
        &self,
        cx: &Context,
        /// Id of the request.
        #[param(label = "ID", example = 5)]
        id: Value,
    ) -> Outcome<Approved> {
        succeed(self.approve(cx, &id).await?)
    }

    /// Send any request below the tenant, for what no other command does.
    #[command(mock(default = mocks::called, denied = mocks::denied))]
    pub async fn call(
        &self,
        cx: &Context,
        /// Method.
        #[param(default = "GET")]
        method: Method,
        /// Path below the tenant; each part is encoded, and none may be . or ..
        #[param(min_length = 1, max_length = 2000, example = "resource-servers/4/permissions")]
        path: String,
        /// Query parameters; what is no text is sent as JSON.
        query: Option<Map<String, Value>>,
        /// What to send, as JSON.
        body: Option<Value>,
    ) -> Outcome<Called> {
        succeed(self.send_raw(cx, method, &path, query, body).await?)
    }
}
