//! The commands: what each takes, and what it answers. How it is done is in the modules beside this one.

use connector_runtime::prelude::*;

use super::bulk::BulkOperation;
use super::changes::Changes;
use super::inputs::{Listing, NewGroup, NewUser, OneQuery, PatchOperation};
use super::kind::Kind;
use super::members::Membership;
use super::mocks;
use super::payloads::*;
use super::session::Session;
use super::single::Name;
use super::{Scim, answers};
use crate::shared::OnExistsOrUpdate;

#[connector]
impl Scim {
    /// Check that the service answers, signs the account in and shows it users, and tell what the service can do.
    #[command(effect = read, mock(default = mocks::capable, unauthenticated = mocks::not_signed_in))]
    pub async fn test(&self, cx: &Context) -> Outcome<ServiceCapabilities> {
        succeed(Session::new(self, cx).check().await?)
    }

    /// List users, all of them or those that match.
    #[command(
        effect = read,
        idempotent,
        timeout = 120_000,
        mock(default = mocks::users, empty = mocks::nothing, denied = mocks::denied, badFilter = mocks::bad_filter)
    )]
    pub async fn list_users(
        &self,
        cx: &Context,
        /// What has to be equal: values by attribute, all of which must hold. A list means any of its values, null no value.
        #[param(name = "where", example = json!({ "userName": "ada@example.com" }))]
        conditions: Option<Map<String, Value>>,
        /// A filter of SCIM instead, with `{name}` where a value belongs.
        #[param(example = "userName sw {begin} and active eq true")]
        filter: Option<String>,
        /// The values for the names in the filter.
        values: Option<Map<String, Value>>,
        /// Attributes to show; all if there are none.
        #[param(default = [])]
        attributes: Vec<String>,
        /// Attributes not to show.
        #[param(default = [])]
        excluded_attributes: Vec<String>,
        /// Attribute to sort by, where the service sorts.
        sort_by: Option<String>,
        /// Whether the largest comes first.
        #[param(default = false)]
        descending: bool,
        /// Most users to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<ResourceList> {
        let more = (attributes, excluded_attributes, sort_by, descending);
        let listing = Listing::of(Kind::users(), conditions, filter, values, more, limit);
        answers::list(&Session::new(self, cx), listing).await
    }

    /// List groups, all of them or those that match; without their members unless asked.
    #[command(
        effect = read,
        idempotent,
        timeout = 120_000,
        mock(default = mocks::groups, empty = mocks::nothing, denied = mocks::denied)
    )]
    pub async fn list_groups(
        &self,
        cx: &Context,
        /// What has to be equal: values by attribute, all of which must hold. A list means any of its values, null no value.
        #[param(name = "where", example = json!({ "displayName": "Engineering" }))]
        conditions: Option<Map<String, Value>>,
        /// A filter of SCIM instead, with `{name}` where a value belongs.
        #[param(example = "displayName sw {begin}")]
        filter: Option<String>,
        /// The values for the names in the filter.
        values: Option<Map<String, Value>>,
        /// Attributes to show; all if there are none.
        #[param(default = [])]
        attributes: Vec<String>,
        /// Attributes not to show.
        #[param(default = [])]
        excluded_attributes: Vec<String>,
        /// Attribute to sort by, where the service sorts.
        sort_by: Option<String>,
        /// Whether the largest comes first.
        #[param(default = false)]
        descending: bool,
        /// Whether to show members. Large groups make large answers.
        #[param(default = false)]
        with_members: bool,
        /// Most groups to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<ResourceList> {
        let more = (attributes, excluded_attributes, sort_by, descending);
        let listing = Listing::of(Kind::groups(), conditions, filter, values, more, limit);
        answers::list(&Session::new(self, cx), listing.with_members(with_members)).await
    }

    /// Get a user by one of id, userName and externalId.
    #[command(effect = read, idempotent, mock(default = mocks::user, notFound = mocks::not_found, denied = mocks::denied))]
    pub async fn get_user(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(min_length = 1)]
        id: Option<String>,
        /// User name, which is unique.
        #[param(min_length = 1)]
        user_name: Option<String>,
        /// The id that the caller's own system gave the user.
        #[param(min_length = 1)]
        external_id: Option<String>,
        /// Attributes to show; all if there are none.
        #[param(default = [])]
        attributes: Vec<String>,
    ) -> Outcome<OneResource> {
        let name = Name::of([("id", id), ("userName", user_name), ("externalId", external_id)])?;
        answers::get(&Session::new(self, cx), &Kind::users(), &name, OneQuery::of(&attributes, &[])?).await
    }

    /// Get a group by one of id, displayName and externalId.
    #[command(effect = read, idempotent, mock(default = mocks::group, notFound = mocks::not_found, denied = mocks::denied))]
    pub async fn get_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(min_length = 1)]
        id: Option<String>,
        /// Name of the group. If there are several of this name, the failure lists their ids.
        #[param(min_length = 1)]
        display_name: Option<String>,
        /// The id that the caller's own system gave the group.
        #[param(min_length = 1)]
        external_id: Option<String>,
        /// Whether to show members.
        #[param(default = true)]
        with_members: bool,
    ) -> Outcome<OneResource> {
        let name = Name::of([("id", id), ("displayName", display_name), ("externalId", external_id)])?;
        let excluded: &[String] = if with_members { &[] } else { &["members".to_owned()] };
        answers::get(&Session::new(self, cx), &Kind::groups(), &name, OneQuery::of(&[], excluded)?).await
    }

    /// Create a user.
    #[command(effect = create, mock(default = mocks::new_user, known = mocks::known_user, exists = mocks::exists, denied = mocks::denied))]
    pub async fn create_user(
        &self,
        cx: &Context,
        /// Name to sign in with, often the mail address. It is unique.
        #[param(min_length = 1, max_length = 500, example = "ada@example.com")]
        user_name: String,
        /// First password, where the service takes one.
        password: Option<Secret>,
        /// Given name.
        given_name: Option<String>,
        /// Family name.
        family_name: Option<String>,
        /// Name to show.
        display_name: Option<String>,
        /// Mail address at work.
        #[param(example = "ada@example.com")]
        email: Option<String>,
        /// The id that your own system gave the user.
        external_id: Option<String>,
        /// Whether the user may sign in.
        #[param(default = true)]
        active: bool,
        /// Other attributes as SCIM names them, also those of extensions below their URN.
        #[param(default = json!({}), example = json!({ "title": "Engineer" }))]
        attributes: Map<String, Value>,
        /// What to do if there is a user of this name.
        #[param(default = "fail")]
        on_exists: OnExistsOrUpdate,
    ) -> Outcome<CreatedResource> {
        let name = (given_name, family_name, display_name);
        let user = NewUser { user_name, password, name, email, external_id, active, attributes };
        answers::create(&Session::new(self, cx), user.wanted(on_exists)?, Vec::new()).await
    }

    /// Create a group, with members if there are any.
    #[command(
        effect = create,
        timeout = 120_000,
        mock(default = mocks::new_group, known = mocks::known_group, exists = mocks::exists, denied = mocks::denied)
    )]
    pub async fn create_group(
        &self,
        cx: &Context,
        /// Name of the group.
        #[param(min_length = 1, max_length = 500, example = "Engineering")]
        display_name: String,
        /// The id that your own system gave the group.
        external_id: Option<String>,
        /// Ids of users to add.
        #[param(default = [])]
        user_ids: Vec<String>,
        /// Other attributes as SCIM names them.
        #[param(default = json!({}))]
        attributes: Map<String, Value>,
        /// What to do if there is a group of this name. An update adds members and removes none.
        #[param(default = "fail")]
        on_exists: OnExistsOrUpdate,
    ) -> Outcome<CreatedResource> {
        let group = NewGroup { display_name, external_id, attributes };
        answers::create(&Session::new(self, cx), group.wanted(on_exists)?, user_ids).await
    }

    /// Change attributes of a user. What is so already is not sent.
    #[command(
        effect = update,
        idempotent,
        mock(default = mocks::changed_user, unchanged = mocks::unchanged_user, notFound = mocks::not_found, conflict = mocks::conflict)
    )]
    pub async fn update_user(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(min_length = 1)]
        id: String,
        /// New values by path; null removes.
        #[param(default = json!({}), example = json!({ "title": "Engineer", "name.familyName": "King" }))]
        set: Map<String, Value>,
        /// Paths whose values are removed.
        #[param(default = [])]
        remove: Vec<String>,
        /// A new password, where the service takes one.
        password: Option<Secret>,
        /// The version that was read, to change no other one. Where the service has no versions, it is compared before.
        if_match: Option<String>,
    ) -> Outcome<ChangedResource> {
        let changes = Changes::of(Some(&set), &remove)?.with_password(password.as_ref());
        answers::update(&Session::new(self, cx), &Kind::users(), &id, &changes, if_match.as_deref()).await
    }

    /// Change attributes of a group. Its members are changed by addMembers, removeMembers and setMembers.
    #[command(
        effect = update,
        idempotent,
        mock(default = mocks::changed_group, notFound = mocks::not_found, conflict = mocks::conflict)
    )]
    pub async fn update_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(min_length = 1)]
        id: String,
        /// New values by path; null removes.
        #[param(default = json!({}), example = json!({ "displayName": "Engineers" }))]
        set: Map<String, Value>,
        /// Paths whose values are removed.
        #[param(default = [])]
        remove: Vec<String>,
        /// The version that was read, to change no other one. Where the service has no versions, it is compared before.
        if_match: Option<String>,
    ) -> Outcome<ChangedResource> {
        let changes = Changes::of(Some(&set), &remove)?.without_members()?;
        answers::update(&Session::new(self, cx), &Kind::groups(), &id, &changes, if_match.as_deref()).await
    }

    /// Let a user sign in, or not any more.
    #[command(
        effect = update,
        idempotent,
        mock(default = mocks::activated, unchanged = mocks::activated_already, notFound = mocks::not_found)
    )]
    pub async fn set_active(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(min_length = 1)]
        id: String,
        /// Whether the user may sign in.
        active: bool,
    ) -> Outcome<Activation> {
        answers::set_active(&Session::new(self, cx), &id, active).await
    }

    /// Delete a user. One that is not there counts as deleted.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, gone = mocks::deleted_already, denied = mocks::denied))]
    pub async fn delete_user(
        &self,
        cx: &Context,
        /// Id of the user.
        #[param(min_length = 1)]
        id: String,
    ) -> Outcome<Deletion> {
        answers::delete(&Session::new(self, cx), &Kind::users(), &id).await
    }

    /// Delete a group. One that is not there counts as deleted.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, gone = mocks::deleted_already, denied = mocks::denied))]
    pub async fn delete_group(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(min_length = 1)]
        id: String,
    ) -> Outcome<Deletion> {
        answers::delete(&Session::new(self, cx), &Kind::groups(), &id).await
    }

    /// Add users to a group. Who is in it already stays.
    #[command(
        effect = update,
        idempotent,
        timeout = 120_000,
        mock(default = mocks::members_added, notFound = mocks::not_found, denied = mocks::denied)
    )]
    pub async fn add_members(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(min_length = 1)]
        group_id: String,
        /// Ids of the users.
        user_ids: Vec<String>,
    ) -> Outcome<MembersChange> {
        answers::members(&Session::new(self, cx), &group_id, user_ids, Membership::Add).await
    }

    /// Remove users from a group. Who is not in it stays outside.
    #[command(
        effect = update,
        idempotent,
        timeout = 120_000,
        mock(default = mocks::members_removed, notFound = mocks::not_found, denied = mocks::denied)
    )]
    pub async fn remove_members(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(min_length = 1)]
        group_id: String,
        /// Ids of the users.
        user_ids: Vec<String>,
    ) -> Outcome<MembersChange> {
        answers::members(&Session::new(self, cx), &group_id, user_ids, Membership::Remove).await
    }

    /// Make the members of a group those that are given: others are removed.
    #[command(
        effect = update,
        idempotent,
        timeout = 120_000,
        mock(default = mocks::members_set, notFound = mocks::not_found, conflict = mocks::conflict)
    )]
    pub async fn set_members(
        &self,
        cx: &Context,
        /// Id of the group.
        #[param(min_length = 1)]
        group_id: String,
        /// Ids of all users who shall be in it.
        user_ids: Vec<String>,
        /// The version of the group that was read. With it, the members are set in one step where the service has versions.
        if_match: Option<String>,
    ) -> Outcome<MembersReplaced> {
        answers::set_members(&Session::new(self, cx), &group_id, user_ids, if_match.as_deref()).await
    }

    /// Do many changes in few requests, as many at a time as the service takes.
    #[command(
        effect = update,
        timeout = 300_000,
        mock(default = mocks::all_done, oneRefused = mocks::one_refused, denied = mocks::denied)
    )]
    pub async fn bulk(
        &self,
        cx: &Context,
        /// The changes, in the order in which they are done.
        operations: Vec<BulkOperation>,
        /// After how many refused changes the others are not sent; all are sent without it.
        #[param(min = 1)]
        fail_on_errors: Option<u32>,
    ) -> Outcome<BulkResults> {
        answers::bulk(&Session::new(self, cx), operations, fail_on_errors).await
    }

    /// List resources of any type, such as roles, entitlements and those of extensions.
    #[command(
        effect = read,
        idempotent,
        timeout = 120_000,
        mock(default = mocks::roles, empty = mocks::nothing, denied = mocks::denied)
    )]
    pub async fn list(
        &self,
        cx: &Context,
        /// Name of the type, as the service names it.
        #[param(min_length = 1, example = "Role")]
        resource_type: String,
        /// What has to be equal: values by attribute, all of which must hold. A list means any of its values, null no value.
        #[param(name = "where")]
        conditions: Option<Map<String, Value>>,
        /// A filter of SCIM instead, with `{name}` where a value belongs.
        filter: Option<String>,
        /// The values for the names in the filter.
        values: Option<Map<String, Value>>,
        /// Attributes to show; all if there are none.
        #[param(default = [])]
        attributes: Vec<String>,
        /// Attributes not to show.
        #[param(default = [])]
        excluded_attributes: Vec<String>,
        /// Attribute to sort by, where the service sorts.
        sort_by: Option<String>,
        /// Whether the largest comes first.
        #[param(default = false)]
        descending: bool,
        /// Most resources to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<ResourceList> {
        let session = Session::new(self, cx);
        let more = (attributes, excluded_attributes, sort_by, descending);
        let listing = Listing::of(session.kind(&resource_type).await?, conditions, filter, values, more, limit);
        answers::list(&session, listing).await
    }

    /// Get a resource of any type.
    #[command(effect = read, idempotent, mock(default = mocks::role, notFound = mocks::not_found))]
    pub async fn get(
        &self,
        cx: &Context,
        /// Name of the type, as the service names it.
        #[param(min_length = 1, example = "Role")]
        resource_type: String,
        /// Id of the resource.
        #[param(min_length = 1)]
        id: String,
        /// Attributes to show; all if there are none.
        #[param(default = [])]
        attributes: Vec<String>,
    ) -> Outcome<OneResource> {
        let session = Session::new(self, cx);
        let kind = session.kind(&resource_type).await?;
        answers::get(&session, &kind, &Name::Id(id), OneQuery::of(&attributes, &[])?).await
    }

    /// Create a resource of any type.
    #[command(effect = create, mock(default = mocks::new_role, exists = mocks::exists, denied = mocks::denied))]
    pub async fn create(
        &self,
        cx: &Context,
        /// Name of the type, as the service names it.
        #[param(min_length = 1, example = "Role")]
        resource_type: String,
        /// The resource. Its schemas are added where it has none.
        resource: Map<String, Value>,
    ) -> Outcome<CreatedResource> {
        let session = Session::new(self, cx);
        answers::create_any(&session, session.kind(&resource_type).await?, resource).await
    }

    /// Change a resource of any type by operations of SCIM.
    #[command(effect = update, mock(default = mocks::changed_role, notFound = mocks::not_found, conflict = mocks::conflict))]
    pub async fn patch(
        &self,
        cx: &Context,
        /// Name of the type, as the service names it.
        #[param(min_length = 1, example = "Role")]
        resource_type: String,
        /// Id of the resource.
        #[param(min_length = 1)]
        id: String,
        /// The operations, in the order in which they are done.
        operations: Vec<PatchOperation>,
        /// The version that was read, to change no other one.
        if_match: Option<String>,
    ) -> Outcome<ChangedResource> {
        let session = Session::new(self, cx);
        let kind = session.kind(&resource_type).await?;
        answers::patch(&session, &kind, &id, &operations, if_match.as_deref()).await
    }

    /// Delete a resource of any type. One that is not there counts as deleted.
    #[command(effect = delete, idempotent, mock(default = mocks::deleted, gone = mocks::deleted_already))]
    pub async fn delete(
        &self,
        cx: &Context,
        /// Name of the type, as the service names it.
        #[param(min_length = 1, example = "Role")]
        resource_type: String,
        /// Id of the resource.
        #[param(min_length = 1)]
        id: String,
    ) -> Outcome<Deletion> {
        let session = Session::new(self, cx);
        let kind = session.kind(&resource_type).await?;
        answers::delete(&session, &kind, &id).await
    }
}
