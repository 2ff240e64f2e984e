//! What the commands answer. Resources are told as they came: what an edition of Authifi adds is not lost.

use connector_runtime::prelude::*;

/// That everything is as it should be.
#[payload]
#[derive(Debug)]
pub struct Checked {
    /// Name of the tenant.
    pub tenant: String,
    /// Scopes of the token, where it tells them.
    pub scopes: Vec<String>,
}

/// Users.
#[payload]
#[derive(Debug)]
pub struct Users {
    /// The users.
    pub users: Vec<Map<String, Value>>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
}

/// A user.
#[payload]
#[derive(Debug)]
pub struct OneUser {
    /// The user.
    pub user: Map<String, Value>,
}

/// A new user, or the one that was there.
#[payload]
#[derive(Debug)]
pub struct CreatedUser {
    /// The user.
    pub user: Map<String, Value>,
    /// False if it was there already.
    pub created: bool,
}

/// A user after a change.
#[payload]
#[derive(Debug)]
pub struct UpdatedUser {
    /// The user.
    pub user: Map<String, Value>,
    /// False if it was so already.
    pub changed: bool,
}

/// That something does not exist any more.
#[payload]
#[derive(Debug)]
pub struct Deleted {
    /// Always true.
    pub deleted: bool,
    /// False if it did not exist.
    pub changed: bool,
}

/// Groups.
#[payload]
#[derive(Debug)]
pub struct Groups {
    /// The groups.
    pub groups: Vec<Map<String, Value>>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
}

/// A group.
#[payload]
#[derive(Debug)]
pub struct OneGroup {
    /// The group.
    pub group: Map<String, Value>,
}

/// A new group, or the one that was there.
#[payload]
#[derive(Debug)]
pub struct CreatedGroup {
    /// The group.
    pub group: Map<String, Value>,
    /// False if it was there already.
    pub created: bool,
}

/// What became of each user.
#[payload]
#[derive(Debug, Default)]
pub struct MembersChanged {
    /// Ids of those who were added or removed.
    pub changed: Vec<String>,
    /// Ids of those for whom it was so already.
    pub unchanged: Vec<String>,
    /// Those whom Authifi refused.
    pub failed: Vec<FailedUser>,
}

/// A user whom Authifi refused.
#[payload]
#[derive(Debug)]
pub struct FailedUser {
    /// Id of the user.
    pub user_id: String,
    /// Why, as a code of this server.
    pub code: String,
    /// Why, in words.
    pub error: String,
}

/// Permissions of a user.
#[payload]
#[derive(Debug)]
pub struct Permissions {
    /// The permissions, with the resource servers that they are for.
    pub permissions: Vec<Map<String, Value>>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
}

/// Access roles.
#[payload]
#[derive(Debug)]
pub struct Roles {
    /// The roles.
    pub access_roles: Vec<Map<String, Value>>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
}

/// Resources of one kind.
#[payload]
#[derive(Debug)]
pub struct Items {
    /// The resources.
    pub items: Vec<Map<String, Value>>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there are more.
    pub truncated: bool,
}

/// An access request that was approved.
#[payload]
#[derive(Debug)]
pub struct Approved {
    /// What Authifi answered; null if nothing.
    pub request: Value,
}
