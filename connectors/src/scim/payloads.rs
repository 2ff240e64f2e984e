//! What the commands answer.

use connector_runtime::prelude::*;

/// What a service can do.
#[payload]
#[derive(Debug)]
pub struct ServiceCapabilities {
    /// Whether the service announces this; else it is assumed.
    pub announced: bool,
    /// Whether resources can be changed in part.
    pub patch: bool,
    /// Whether it takes many changes in one request.
    pub bulk: bool,
    /// The most operations of a bulk request.
    pub max_operations: Option<u64>,
    /// Whether lists can be filtered.
    pub filter: bool,
    /// The most resources of an answer.
    pub max_results: Option<u64>,
    /// Whether lists can be sorted.
    pub sort: bool,
    /// Whether resources have versions, so that ifMatch is safe.
    pub etag: bool,
    /// Whether pages can be asked for by a cursor.
    pub cursor: bool,
    /// The names of its resource types; empty if it does not say.
    pub resource_types: Vec<String>,
    /// How many users there are, as the service says.
    pub users: Option<u64>,
}

/// Some resources.
#[payload]
#[derive(Debug)]
pub struct ResourceList {
    /// The resources, as the service shows them.
    pub resources: Vec<Value>,
    /// How many are here.
    pub count: usize,
    /// How many there are, as the service says; null if it does not.
    pub total: Option<u64>,
    /// Whether there are more, or may be.
    pub truncated: bool,
    /// Why there may be more: limit, size, repeatedPage, missingPage or changing.
    pub reason: Option<String>,
}

/// One resource.
#[payload]
#[derive(Debug)]
pub struct OneResource {
    /// The resource, as the service shows it.
    pub resource: Value,
    /// Its id.
    pub id: Option<String>,
    /// Whether it is active; null if it does not say.
    pub active: Option<bool>,
    /// Its version, for ifMatch. Where the service has none, it is made of what was read.
    pub etag: String,
    /// Where it is.
    pub location: Option<String>,
}

/// A resource that was created, or was there.
#[payload]
#[derive(Debug)]
pub struct CreatedResource {
    /// The resource, as the service shows it.
    pub resource: Value,
    /// Its id.
    pub id: Option<String>,
    /// Its version, for ifMatch.
    pub etag: String,
    /// Where it is.
    pub location: Option<String>,
    /// Whether it was created; false if it was there.
    pub created: bool,
    /// Whether anything was created or changed.
    pub changed: bool,
}

/// A resource that was changed.
#[payload]
#[derive(Debug)]
pub struct ChangedResource {
    /// The resource, as the service shows it now; null if it is gone.
    pub resource: Value,
    /// Its version, for ifMatch; null if it is gone.
    pub etag: Option<String>,
    /// Whether anything was changed.
    pub changed: bool,
    /// Paths that show another value than was set, because the service writes it its own way or somebody else changed it.
    pub not_kept: Vec<String>,
}

/// Whether a user is active.
#[payload]
#[derive(Debug)]
pub struct Activation {
    /// Whether it is active now.
    pub active: bool,
    /// Whether that was changed.
    pub changed: bool,
    /// Whether the user was read and shows it. Some services do not show who is active.
    pub verified: bool,
    /// Whether the service has the user no more, as some do after a deactivation.
    pub gone: bool,
}

/// A resource that was deleted.
#[payload]
#[derive(Debug)]
pub struct Deletion {
    /// Whether it was deleted; false if there was none.
    pub deleted: bool,
    /// Whether this service keeps it, deactivated.
    pub deactivated_only: bool,
}

/// What became of members of a group.
#[payload]
#[derive(Debug)]
pub struct MembersChange {
    /// Whether anything was changed.
    pub any_changed: bool,
    /// Ids that were added or removed.
    pub changed: Vec<String>,
    /// Ids of which it was so already.
    pub unchanged: Vec<String>,
    /// Whether the group was read and shows it. Some services do not show who is in a group.
    pub verified: bool,
}

/// What became of all members of a group.
#[payload]
#[derive(Debug)]
pub struct MembersReplaced {
    /// Whether anything was changed.
    pub changed: bool,
    /// Ids that were added.
    pub added: Vec<String>,
    /// Ids that were removed.
    pub removed: Vec<String>,
    /// The version of the group, for ifMatch.
    pub etag: Option<String>,
}

/// What became of many changes.
#[payload]
#[derive(Debug)]
pub struct BulkResults {
    /// What became of each, in the order in which they were given.
    pub results: Vec<super::BulkResult>,
    /// How many were done.
    pub done: usize,
    /// How many were refused.
    pub failed: usize,
    /// How many were not sent, or not answered.
    pub open: usize,
}
