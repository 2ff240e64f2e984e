//! What commands take and answer.

use connector_runtime::prelude::*;

/// How much of a user is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Projection {
    /// No custom fields.
    Basic,
    /// The custom fields that customFieldMask names.
    Custom,
    /// All custom fields.
    Full,
}

/// What users are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum UserOrder {
    /// Primary address.
    #[select(name = "email")]
    Email,
    /// Family name.
    #[select(name = "familyName")]
    FamilyName,
    /// Given name.
    #[select(name = "givenName")]
    GivenName,
}

/// What a member of a group may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Role {
    /// Owns the group.
    #[select(name = "OWNER", label = "Owner")]
    Owner,
    /// Manages the group.
    #[select(name = "MANAGER", label = "Manager")]
    Manager,
    /// Is in the group.
    #[select(name = "MEMBER", label = "Member")]
    Member,
}

/// What the test found.
#[payload]
#[derive(Debug)]
pub struct Checked {
    /// The domain of the subject.
    pub domain: String,
    /// Who is acted for.
    pub subject: String,
    /// What could be read: users, groups, orgUnits, as far as the connection has scopes for it.
    pub read: Vec<String>,
}

/// Users that were found.
#[payload]
#[derive(Debug)]
pub struct Users {
    /// The users, as Google describes them.
    pub users: Vec<Value>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there may be more.
    pub truncated: bool,
}

/// A user.
#[payload]
#[derive(Debug)]
pub struct OneUser {
    /// The user, as Google describes it.
    pub user: Value,
}

/// A user that exists now.
#[payload]
#[derive(Debug)]
pub struct CreatedUser {
    /// The user, as Google describes it.
    pub user: Value,
    /// False if it existed already.
    pub created: bool,
    /// Whether it could be read within a minute; null if nobody waited for that.
    pub visible: Option<bool>,
}

/// A user after a change.
#[payload]
#[derive(Debug)]
pub struct UpdatedUser {
    /// The user, as Google describes it.
    pub user: Value,
    /// False if it was so already.
    pub changed: bool,
}

/// What was deleted.
#[payload]
#[derive(Debug)]
pub struct Deleted {
    /// True: it does not exist any more.
    pub deleted: bool,
    /// False if it did not exist before.
    pub changed: bool,
}

/// Groups that were found.
#[payload]
#[derive(Debug)]
pub struct Groups {
    /// The groups, as Google describes them.
    pub groups: Vec<Value>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there may be more.
    pub truncated: bool,
}

/// A group.
#[payload]
#[derive(Debug)]
pub struct OneGroup {
    /// The group, as Google describes it.
    pub group: Value,
}

/// A group that exists now.
#[payload]
#[derive(Debug)]
pub struct CreatedGroup {
    /// The group, as Google describes it.
    pub group: Value,
    /// False if it existed already.
    pub created: bool,
    /// Whether it could be read within a minute; null if nobody waited for that.
    pub visible: Option<bool>,
}

/// A group after a change.
#[payload]
#[derive(Debug)]
pub struct UpdatedGroup {
    /// The group, as Google describes it.
    pub group: Value,
    /// False if it was so already.
    pub changed: bool,
}

/// Members of a group.
#[payload]
#[derive(Debug)]
pub struct Members {
    /// The members, as Google describes them.
    pub members: Vec<Value>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there may be more.
    pub truncated: bool,
}

/// A member of a group after a change.
#[payload]
#[derive(Debug)]
pub struct Member {
    /// The member, as Google describes it; null if Google cannot show it yet.
    pub member: Value,
    /// False if it was so already.
    pub changed: bool,
}

/// Whether somebody is a member.
#[payload]
#[derive(Debug)]
pub struct IsMember {
    /// Whether it is one, also by a group in the group.
    pub member: bool,
}

/// Organizational units that were found.
#[payload]
#[derive(Debug)]
pub struct OrgUnits {
    /// The units, as Google describes them.
    pub org_units: Vec<Value>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
}

/// An organizational unit that exists now.
#[payload]
#[derive(Debug)]
pub struct CreatedOrgUnit {
    /// The unit, as Google describes it.
    pub org_unit: Value,
    /// False if it existed already.
    pub created: bool,
    /// Whether it could be read within a minute; null if nobody waited for that.
    pub visible: Option<bool>,
}

/// What the API answered.
#[payload]
#[derive(Debug)]
pub struct Called {
    /// Status code.
    pub status: u16,
    /// The body; null if there is none.
    pub body: Value,
}
