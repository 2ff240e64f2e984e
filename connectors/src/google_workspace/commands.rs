//! The commands: what each takes, and what it answers. How it is done is in the modules beside this one.

use connector_runtime::prelude::*;

use super::types::*;
use super::{GoogleWorkspace, groups, mocks, org_units, users};
use crate::shared::{Changed, OnExists};

#[connector]
impl GoogleWorkspace {
    /// Check that Google takes the key, that the account may act for the subject, and that the subject may read what the scopes
    /// are for.
    #[command(effect = read, mock(default = mocks::test, unauthenticated = mocks::delegation_missing, denied = mocks::denied))]
    pub async fn test(&self, cx: &Context) -> Outcome<Checked> {
        succeed(self.check(cx).await?)
    }

    /// List users.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::users, empty = mocks::no_users, denied = mocks::denied, rate_limited = mocks::rate_limited))]
    pub async fn list_users(
        &self,
        cx: &Context,
        /// Search in Google's form; several conditions are joined by spaces.
        #[param(max_length = 4096, example = "givenName:Ada* orgTitle:Director")]
        query: Option<String>,
        /// Only users of this domain; left out, of all domains of the customer.
        #[param(max_length = 255, example = "example.com")]
        domain: Option<String>,
        /// Only users of this organizational unit and those below it.
        #[param(max_length = 1024, example = "/Sales")]
        org_unit_path: Option<String>,
        /// Only users who are suspended, or only those who are not.
        suspended: Option<bool>,
        /// Users who were deleted in the last 20 days, in place of those who exist.
        #[param(default = false)]
        deleted: bool,
        /// Fields of a user to return; left out, all of them.
        #[param(default = [], example = ["primaryEmail", "name/givenName"])]
        fields: Vec<String>,
        /// Which custom fields are returned.
        #[param(default = "basic")]
        projection: Projection,
        /// Schemas of custom fields for projection custom, separated by commas.
        #[param(max_length = 1024)]
        custom_field_mask: Option<String>,
        /// What the users are sorted by.
        order_by: Option<UserOrder>,
        /// Most users to return.
        #[param(default = 500, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<Users> {
        let asked = users::UserQuery {
            query,
            domain,
            org_unit_path,
            suspended,
            deleted,
            fields,
            projection,
            custom_field_mask,
            order_by,
            limit,
        };
        succeed(self.read_users(cx, asked).await?)
    }

    /// Read a user.
    #[command(effect = read, mock(default = mocks::user, not_found = mocks::not_found))]
    pub async fn get_user(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320, example = "ada@example.com")]
        user_key: String,
        /// Fields to return; left out, all but custom ones.
        #[param(default = [], example = ["primaryEmail", "suspended"])]
        fields: Vec<String>,
    ) -> Outcome<OneUser> {
        succeed(self.read_user(cx, &user_key, &fields).await?)
    }

    /// Create a user.
    #[command(effect = create, timeout = 120_000, mock(default = mocks::user_created, exists = mocks::exists, denied = mocks::denied))]
    pub async fn create_user(
        &self,
        cx: &Context,
        /// Primary address, in a domain of the customer.
        #[param(min_length = 3, max_length = 320, example = "ada@example.com")]
        primary_email: String,
        /// Given name.
        #[param(min_length = 1, max_length = 60)]
        given_name: String,
        /// Family name.
        #[param(min_length = 1, max_length = 60)]
        family_name: String,
        /// First password, 8 to 100 characters. Left out, one is made up that nobody gets to know.
        password: Option<Secret>,
        /// Organizational unit; left out, the topmost one.
        #[param(max_length = 1024, example = "/Sales")]
        org_unit_path: Option<String>,
        /// Whether the password has to be changed at the first sign-in.
        #[param(default = true)]
        must_change_password: bool,
        /// Other fields of the user, as Google names them.
        #[param(default = json!({}), example = json!({ "recoveryEmail": "ada@example.org" }))]
        more: Map<String, Value>,
        /// What to do if there is a user of this address.
        #[param(default = "fail")]
        on_exists: OnExists,
        /// Whether to wait, a minute at most, until Google shows the user.
        #[param(default = false)]
        wait_until_visible: bool,
    ) -> Outcome<CreatedUser> {
        let new = users::NewUser {
            primary_email,
            given_name,
            family_name,
            password,
            org_unit_path,
            must_change_password,
            more,
            on_exists,
            wait_until_visible,
        };
        succeed(self.add_user(cx, new).await?)
    }

    /// Change fields of a user. The others stay; lists are replaced as a whole.
    #[command(effect = update, idempotent, mock(default = mocks::user_updated, not_found = mocks::not_found, denied = mocks::denied))]
    pub async fn update_user(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// Fields and their new values, as Google names them; null removes one.
        #[param(default = json!({}), example = json!({ "name": { "familyName": "King" } }))]
        set: Map<String, Value>,
        /// New password, 8 to 100 characters.
        password: Option<Secret>,
        /// The etag that the user must still have.
        #[param(min_length = 1, max_length = 1024)]
        if_match: Option<String>,
    ) -> Outcome<UpdatedUser> {
        succeed(self.patch_user(cx, &user_key, users::UserChange { set, password, if_match }).await?)
    }

    /// Suspend a user, who cannot sign in then.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn suspend_user(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// Why. It is written to the log of the call; Google keeps no reason.
        #[param(max_length = 1000)]
        reason: Option<String>,
    ) -> Outcome<Changed> {
        if let Some(reason) = reason {
            cx.log().info(format!("suspended because: {reason}"));
        }
        succeed(self.set_user(cx, &user_key, json!({ "suspended": true })).await?)
    }

    /// Let a suspended user sign in again.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn restore_user(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// Why. It is written to the log of the call; Google keeps no reason.
        #[param(max_length = 1000)]
        reason: Option<String>,
    ) -> Outcome<Changed> {
        if let Some(reason) = reason {
            cx.log().info(format!("restored because: {reason}"));
        }
        succeed(self.set_user(cx, &user_key, json!({ "suspended": false })).await?)
    }

    /// Delete a user. One that does not exist is deleted already. Google keeps a deleted user for 20 days.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, unchanged = mocks::not_deleted, denied = mocks::denied))]
    pub async fn delete_user(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
    ) -> Outcome<Deleted> {
        succeed(self.remove_user(cx, &user_key).await?)
    }

    /// Bring back a user who was deleted in the last 20 days.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn undelete_user(
        &self,
        cx: &Context,
        /// Id of the user. An address does not do; listUsers with deleted tells the id.
        #[param(min_length = 1, max_length = 320)]
        id: String,
        /// Organizational unit that the user comes back to.
        #[param(default = "/", min_length = 1, max_length = 1024)]
        org_unit_path: String,
    ) -> Outcome<Changed> {
        succeed(self.bring_back(cx, &id, &org_unit_path).await?)
    }

    /// Make a user a super administrator, or no longer one.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, denied = mocks::denied))]
    pub async fn make_admin(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// Whether the user is one from now on.
        #[param(default = true)]
        admin: bool,
    ) -> Outcome<Changed> {
        succeed(self.set_admin(cx, &user_key, admin).await?)
    }

    /// End all sessions of a user, who has to sign in again everywhere.
    #[command(effect = update, idempotent, mock(default = mocks::nothing, not_found = mocks::not_found))]
    pub async fn sign_out(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
    ) -> Outcome {
        self.end_sessions(cx, &user_key).await?;
        succeed(())
    }

    /// Give a user another address.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, exists = mocks::exists))]
    pub async fn add_alias(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// The other address.
        #[param(min_length = 3, max_length = 320)]
        alias: String,
    ) -> Outcome<Changed> {
        succeed(self.put_alias(cx, &user_key, &alias).await?)
    }

    /// Take another address from a user.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn remove_alias(
        &self,
        cx: &Context,
        /// Primary address or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// The other address.
        #[param(min_length = 3, max_length = 320)]
        alias: String,
    ) -> Outcome<Changed> {
        succeed(self.drop_alias(cx, &user_key, &alias).await?)
    }

    /// List groups.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::groups, empty = mocks::no_groups, denied = mocks::denied))]
    pub async fn list_groups(
        &self,
        cx: &Context,
        /// Only groups of this domain; left out, of all domains of the customer.
        #[param(max_length = 255)]
        domain: Option<String>,
        /// Only groups that this user or group is a direct member of, by address or id; in place of domain.
        #[param(max_length = 320)]
        user_key: Option<String>,
        /// Search in Google's form.
        #[param(max_length = 4096, example = "name:Staff*")]
        query: Option<String>,
        /// Most groups to return.
        #[param(default = 500, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<Groups> {
        succeed(self.read_groups(cx, groups::GroupQuery { domain, user_key, query, limit }).await?)
    }

    /// Read a group.
    #[command(effect = read, mock(default = mocks::group, not_found = mocks::not_found))]
    pub async fn get_group(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320, example = "staff@example.com")]
        group_key: String,
    ) -> Outcome<OneGroup> {
        succeed(self.read_group(cx, &group_key).await?)
    }

    /// Create a group.
    #[command(effect = create, timeout = 120_000, mock(default = mocks::group_created, exists = mocks::exists, denied = mocks::denied))]
    pub async fn create_group(
        &self,
        cx: &Context,
        /// Address of the group, in a domain of the customer.
        #[param(min_length = 3, max_length = 320, example = "staff@example.com")]
        email: String,
        /// Name for people.
        #[param(max_length = 75)]
        name: Option<String>,
        /// What the group is for.
        #[param(max_length = 4096)]
        description: Option<String>,
        /// What to do if there is a group of this address.
        #[param(default = "fail")]
        on_exists: OnExists,
        /// Whether to wait, a minute at most, until Google shows the group.
        #[param(default = false)]
        wait_until_visible: bool,
    ) -> Outcome<CreatedGroup> {
        let new = groups::NewGroup { email, name, description, on_exists, wait_until_visible };
        succeed(self.add_group(cx, new).await?)
    }

    /// Change a group. What is left out stays.
    #[command(effect = update, idempotent, mock(default = mocks::group_updated, not_found = mocks::not_found))]
    pub async fn update_group(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
        /// New address.
        #[param(min_length = 3, max_length = 320)]
        email: Option<String>,
        /// New name.
        #[param(max_length = 75)]
        name: Option<String>,
        /// New description; an empty text removes it.
        #[param(max_length = 4096)]
        description: Option<String>,
    ) -> Outcome<UpdatedGroup> {
        let set = [("email", email), ("name", name), ("description", description)];
        succeed(self.patch_group(cx, &group_key, set).await?)
    }

    /// Delete a group. One that does not exist is deleted already.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, unchanged = mocks::not_deleted, denied = mocks::denied))]
    pub async fn delete_group(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
    ) -> Outcome<Deleted> {
        succeed(self.remove(cx, &["groups", &group_key], "delete the group").await?)
    }

    /// List the members of a group.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::members, empty = mocks::no_members, not_found = mocks::not_found))]
    pub async fn list_members(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
        /// Only members of these roles; left out, of all.
        #[param(default = [])]
        roles: Vec<Role>,
        /// Whether to list the members of groups in the group too.
        #[param(default = false)]
        derived: bool,
        /// Most members to return.
        #[param(default = 500, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<Members> {
        succeed(self.read_members(cx, &group_key, &roles, derived, limit).await?)
    }

    /// Add a member to a group. One that is in it with another role gets this one.
    #[command(effect = update, idempotent, mock(default = mocks::member_changed, unchanged = mocks::member_unchanged, not_found = mocks::not_found))]
    pub async fn add_member(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
        /// Address or id of the member.
        #[param(min_length = 1, max_length = 320)]
        member_key: String,
        /// What the member may do.
        #[param(default = "MEMBER")]
        role: Role,
    ) -> Outcome<Member> {
        succeed(self.put_member(cx, &group_key, &member_key, role).await?)
    }

    /// Set the role of a member.
    #[command(effect = update, idempotent, mock(default = mocks::member_changed, unchanged = mocks::member_unchanged, not_found = mocks::not_found))]
    pub async fn set_member_role(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
        /// Address or id of the member.
        #[param(min_length = 1, max_length = 320)]
        member_key: String,
        /// What the member may do.
        #[param(default = "MEMBER")]
        role: Role,
    ) -> Outcome<Member> {
        succeed(self.set_role(cx, &group_key, &member_key, role).await?)
    }

    /// Remove a member from a group.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn remove_member(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
        /// Address or id of the member.
        #[param(min_length = 1, max_length = 320)]
        member_key: String,
    ) -> Outcome<Changed> {
        succeed(self.drop_member(cx, &group_key, &member_key).await?)
    }

    /// Say whether somebody is a member of a group, also by a group in the group.
    #[command(effect = read, mock(default = mocks::is_member, no = mocks::is_no_member, not_found = mocks::not_found))]
    pub async fn has_member(
        &self,
        cx: &Context,
        /// Address, alias or id of the group.
        #[param(min_length = 1, max_length = 320)]
        group_key: String,
        /// Address or id of the member.
        #[param(min_length = 1, max_length = 320)]
        member_key: String,
    ) -> Outcome<IsMember> {
        succeed(self.look_for_member(cx, &group_key, &member_key).await?)
    }

    /// List organizational units.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::org_units, empty = mocks::no_org_units, denied = mocks::denied))]
    pub async fn list_org_units(
        &self,
        cx: &Context,
        /// Only units below this one; left out, all.
        #[param(max_length = 1024, example = "/Sales")]
        org_unit_path: Option<String>,
        /// Whether to list only the units directly below it.
        #[param(default = false)]
        children_only: bool,
        /// Most units to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<OrgUnits> {
        succeed(self.read_org_units(cx, org_unit_path.as_deref(), children_only, limit).await?)
    }

    /// Create an organizational unit.
    #[command(effect = create, timeout = 120_000, mock(default = mocks::org_unit_created, exists = mocks::exists, denied = mocks::denied))]
    pub async fn create_org_unit(
        &self,
        cx: &Context,
        /// Name of the unit.
        #[param(min_length = 1, max_length = 255)]
        name: String,
        /// The unit above it.
        #[param(default = "/", min_length = 1, max_length = 1024)]
        parent_org_unit_path: String,
        /// What the unit is for.
        #[param(max_length = 4096)]
        description: Option<String>,
        /// What to do if there is a unit of this name below the same one.
        #[param(default = "fail")]
        on_exists: OnExists,
        /// Whether to wait, a minute at most, until Google shows the unit.
        #[param(default = false)]
        wait_until_visible: bool,
    ) -> Outcome<CreatedOrgUnit> {
        let parent = parent_org_unit_path;
        let new = org_units::NewOrgUnit { name, parent, description, on_exists, wait_until_visible };
        succeed(self.add_org_unit(cx, new).await?)
    }

    /// Move a user to another organizational unit.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn move_user(
        &self,
        cx: &Context,
        /// Primary address, alias or id of the user.
        #[param(min_length = 1, max_length = 320)]
        user_key: String,
        /// The unit.
        #[param(min_length = 1, max_length = 1024, example = "/Sales")]
        org_unit_path: String,
    ) -> Outcome<Changed> {
        succeed(self.set_user(cx, &user_key, json!({ "orgUnitPath": org_unit_path })).await?)
    }

    /// Call any method of the Directory API.
    #[command(mock(default = mocks::called, denied = mocks::denied, not_found = mocks::not_found))]
    pub async fn call(
        &self,
        cx: &Context,
        /// Id of the method as in Google's documentation; or GET, POST, PUT, PATCH, DELETE with a path.
        #[param(min_length = 1, max_length = 200, example = "directory.users.photos.get")]
        method: String,
        /// Path below the base URL, for an HTTP method. {name} is the param of that name.
        #[param(max_length = 2048, example = "admin/directory/v1/users/{userKey}")]
        path: Option<String>,
        /// Values for the places of the path; the others go to the query. A list repeats its name.
        #[param(default = json!({}), example = json!({ "userKey": "ada@example.com" }))]
        params: Map<String, Value>,
        /// What to send, as JSON.
        body: Option<Value>,
    ) -> Outcome<Called> {
        succeed(self.send_any(cx, &method, path.as_deref(), &params, body).await?)
    }
}
