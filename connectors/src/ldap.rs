//! Directories over LDAP 3 (RFC 4511): OpenLDAP, 389 Directory Server, Active Directory.
//!
//! Each call opens a connection of its own through the runtime's egress, encrypts it, signs in, and closes it. References
//! to other directories are told and never followed.

mod account;
mod attributes;
mod authenticate;
mod ber;
mod carrier;
mod change;
mod create;
mod directory;
mod dn;
mod entry;
mod failure;
mod filter;
mod members;
mod mocks;
mod search;
mod session;
#[cfg(test)]
mod tests;

use connector_runtime::prelude::*;

pub use self::attributes::Attributes;
pub use self::authenticate::{Authenticated, Reason};
pub use self::change::{Deleted, Moved};
pub use self::create::Created;
pub use self::directory::{DirectoryInfo, DirectoryKind};
pub use self::entry::Entry;
pub use self::members::{FailedMember, MemberAttribute, MemberList, MembersChanged};
pub use self::search::{Cut, Scope};
use crate::shared::{Changed, OnExistsOrUpdate, invalid};

/// Look up and change entries of a directory.
#[connector(
    name = "ldap",
    version = "1.0.0",
    category = "identity",
    tags("directory", "active-directory", "openldap", "users", "groups")
)]
#[derive(Debug)]
pub struct Ldap {
    /// Address of the directory: ldaps://host (port 636), or ldap://host (port 389) for a connection that is encrypted by
    /// startTls. Another port is one that the operator of this server has to open.
    #[config(label = "URL", example = "ldaps://ldap.example.com")]
    url: String,
    /// Whether a connection to ldap:// is encrypted before anything else is said.
    #[config(default = true, label = "StartTLS")]
    start_tls: bool,
    /// Whether passwords may be sent over a connection that is not encrypted. For networks that nobody else reads.
    #[config(default = false)]
    allow_plaintext: bool,
    /// Certificate of the authority (PEM) that issued the directory's, if this machine does not trust it. No other one is
    /// trusted then.
    #[config(label = "CA certificate")]
    ca_certificate: Option<String>,
    /// Who signs in; without it nobody does, and the directory shows what it shows to everybody.
    #[config(label = "Bind DN", example = "cn=floh,ou=services,dc=example,dc=com")]
    bind_dn: Option<String>,
    /// Password of the bind DN.
    bind_password: Option<Secret>,
    /// Where searches begin that name no base.
    #[config(label = "Base DN", example = "dc=example,dc=com")]
    base_dn: String,
    /// Which directory it is; auto asks it.
    #[config(default = "auto")]
    directory: DirectoryKind,
    /// Entries of a page. Lists are read page by page, whatever their length.
    #[config(default = 500, min = 1, max = 5000)]
    page_size: u32,
    /// Seconds that one operation may take.
    #[config(default = 30, min = 1, max = 300, label = "Timeout (s)")]
    timeout_secs: u32,
    /// Attributes whose values are bytes, besides the known ones; they are told as base64.
    #[config(default = [])]
    binary_attributes: Vec<String>,
}

/// Entries that were found.
#[payload]
#[derive(Debug)]
pub struct Entries {
    /// The entries.
    pub entries: Vec<Entry>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there may be more.
    pub truncated: bool,
    /// Why there may be more.
    pub truncated_by: Option<Cut>,
    /// Addresses of other directories that hold more. They are never asked.
    pub referrals: Vec<String>,
}

/// An entry.
#[payload]
#[derive(Debug)]
pub struct OneEntry {
    /// The entry.
    pub entry: Entry,
}

#[connector]
impl Ldap {
    /// Check that the directory is reached, encrypted, lets the account sign in, and shows the base.
    #[command(effect = read, mock(default = mocks::test, denied = mocks::sign_in_refused))]
    pub async fn test(&self, cx: &Context) -> Outcome<DirectoryInfo> {
        succeed(self.look(cx).await?)
    }

    /// Find entries.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::search, empty = mocks::search_empty, unavailable = mocks::unavailable))]
    pub async fn search(
        &self,
        cx: &Context,
        /// Where to begin; left out, the connection's base DN.
        #[param(max_length = 8192)]
        base: Option<String>,
        /// How far below the base to look.
        #[param(default = "sub")]
        scope: Scope,
        /// Attributes and the values that they must have, all of them. A list of values asks for each of them.
        #[param(name = "where", example = json!({ "mail": "ada@example.com" }))]
        by: Option<Map<String, Value>>,
        /// Filter as in RFC 4515, in place of where; {name} is the value of that name, escaped.
        #[param(max_length = 65536, example = "(&(objectClass=person)(|(uid={login})(mail={login})))")]
        filter: Option<String>,
        /// Values for the places of the filter.
        values: Option<Map<String, Value>>,
        /// Attributes to return; left out, all that are for users.
        #[param(default = [])]
        attributes: Vec<String>,
        /// Most entries to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<Entries> {
        let forms = self.forms();
        let query = search::Query {
            base: base.unwrap_or_else(|| self.base_dn.clone()),
            scope,
            filter: filter::build(by.as_ref(), filter.as_deref(), values.as_ref(), &forms)?,
            attributes: self::entry_attributes(attributes)?,
            limit: limit as usize,
        };
        let mut entries = Vec::new();
        let mut show = |entry: entry::RawEntry| entries.push(entry.shown(&forms));
        let found = self.bound(cx).await?.search_each(&query, self.page_size, &mut show).await?;
        let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
        succeed(Entries {
            count: u32::try_from(entries.len()).unwrap_or(u32::MAX),
            entries,
            truncated: found.cut.is_some(),
            truncated_by: found.cut,
            referrals: found.references,
        })
    }

    /// Read one entry, by its DN or by values that only it has.
    #[command(effect = read, mock(default = mocks::get, not_found = mocks::not_found))]
    pub async fn get(
        &self,
        cx: &Context,
        /// Its distinguished name.
        #[param(label = "DN", max_length = 8192)]
        dn: Option<String>,
        /// Attributes and the values that they must have, in place of the DN.
        #[param(name = "where", example = json!({ "uid": "ada" }))]
        by: Option<Map<String, Value>>,
        /// Attributes to return; left out, all that are for users.
        #[param(default = [])]
        attributes: Vec<String>,
    ) -> Outcome<OneEntry> {
        let forms = self.forms();
        let attributes = entry_attributes(attributes)?;
        let entry = self.one(cx, dn, by, attributes, &forms).await?;
        succeed(OneEntry { entry: entry.shown(&forms)? })
    }

    /// Create an entry.
    #[command(effect = create, mock(default = mocks::create, exists = mocks::exists))]
    pub async fn create(
        &self,
        cx: &Context,
        /// Its distinguished name; or give parent and rdn.
        #[param(label = "DN", max_length = 8192)]
        dn: Option<String>,
        /// The entry above it.
        #[param(max_length = 8192, example = "ou=people,dc=example,dc=com")]
        parent: Option<String>,
        /// Its name below the parent, by attribute; values are escaped.
        #[param(label = "RDN", example = json!({ "cn": "Ada Lovelace" }))]
        rdn: Option<Map<String, Value>>,
        /// Its object classes.
        #[param(example = ["inetOrgPerson"])]
        object_classes: Vec<String>,
        /// Its attributes: a value or a list of values by name.
        #[param(default = json!({}))]
        attributes: Map<String, Value>,
        /// Its password. It is set as set-password sets it.
        password: Option<Secret>,
        /// What to do if there is an entry of this name.
        #[param(default = "fail")]
        on_exists: OnExistsOrUpdate,
    ) -> Outcome<Created> {
        let name = create::Name { dn, parent, rdn };
        let new = create::NewEntry { object_classes, attributes, password, on_exists };
        succeed(self.create_entry(cx, name, new).await?)
    }

    /// Change attributes of an entry, all or none of them.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn modify(
        &self,
        cx: &Context,
        /// Its distinguished name.
        #[param(label = "DN", min_length = 1, max_length = 8192)]
        dn: String,
        /// Attributes that get these values in place of those they have; null or an empty list removes one.
        #[param(default = json!({}), example = json!({ "title": "Director", "pager": null }))]
        set: Map<String, Value>,
        /// Values to add.
        #[param(default = json!({}))]
        add: Map<String, Value>,
        /// Values to remove.
        #[param(default = json!({}))]
        remove: Map<String, Value>,
    ) -> Outcome<Changed> {
        let changed = self.modify_entry(cx, &dn, &change::Changes { set, add, remove }).await?;
        succeed(Changed { changed })
    }

    /// Delete an entry. One that does not exist is deleted already.
    #[command(effect = delete, idempotent, timeout = 120_000, mock(default = mocks::deleted, unchanged = mocks::not_deleted))]
    pub async fn delete(
        &self,
        cx: &Context,
        /// Its distinguished name.
        #[param(label = "DN", min_length = 1, max_length = 8192)]
        dn: String,
        /// Whether to delete all entries below it too, at most 10,000. They are deleted one by one.
        #[param(default = false)]
        recursive: bool,
    ) -> Outcome<Deleted> {
        succeed(self.delete_entry(cx, &dn, recursive).await?)
    }

    /// Move or rename an entry.
    #[command(effect = update, name = "move", mock(default = mocks::moved, not_found = mocks::not_found))]
    pub async fn move_entry(
        &self,
        cx: &Context,
        /// Its distinguished name.
        #[param(label = "DN", min_length = 1, max_length = 8192)]
        dn: String,
        /// The entry that it is to stand below; left out, it stays where it is.
        #[param(max_length = 8192)]
        new_parent: Option<String>,
        /// Its new name by attribute; left out, it keeps its name.
        #[param(label = "New RDN", example = json!({ "cn": "Ada King" }))]
        new_rdn: Option<Map<String, Value>>,
        /// Whether the values of the old name stay as values of their attributes.
        #[param(default = false, label = "Keep old RDN")]
        keep_old_rdn: bool,
    ) -> Outcome<Moved> {
        succeed(self.rename(cx, &dn, new_parent, new_rdn, keep_old_rdn).await?)
    }

    /// Add members to a group. Those that it has already are told as unchanged.
    #[command(effect = update, idempotent, timeout = 120_000, mock(default = mocks::members_changed, not_found = mocks::not_found))]
    pub async fn add_members(
        &self,
        cx: &Context,
        /// Distinguished name of the group.
        #[param(min_length = 1, max_length = 8192)]
        group: String,
        /// Distinguished names of the members (of a posixGroup their uids), at most 5,000.
        members: Vec<String>,
        /// The attribute that holds them; auto goes by the group's object class.
        #[param(default = "auto")]
        attribute: MemberAttribute,
    ) -> Outcome<MembersChanged> {
        succeed(self.change_members(cx, &group, members, attribute, members::Change::Add).await?)
    }

    /// Remove members from a group. Those that it does not have are told as unchanged.
    #[command(effect = update, idempotent, timeout = 120_000, mock(default = mocks::members_changed, not_found = mocks::not_found))]
    pub async fn remove_members(
        &self,
        cx: &Context,
        /// Distinguished name of the group.
        #[param(min_length = 1, max_length = 8192)]
        group: String,
        /// Distinguished names of the members (of a posixGroup their uids), at most 5,000.
        members: Vec<String>,
        /// The attribute that holds them; auto goes by the group's object class.
        #[param(default = "auto")]
        attribute: MemberAttribute,
    ) -> Outcome<MembersChanged> {
        succeed(self.change_members(cx, &group, members, attribute, members::Change::Remove).await?)
    }

    /// List the members of a group.
    #[command(effect = read, timeout = 120_000, mock(default = mocks::members, empty = mocks::no_members, not_found = mocks::not_found))]
    pub async fn list_members(
        &self,
        cx: &Context,
        /// Distinguished name of the group.
        #[param(min_length = 1, max_length = 8192)]
        group: String,
        /// Whether to list the members of groups in the group too, at most 1,000 groups.
        #[param(default = false)]
        nested: bool,
        /// Most members to return.
        #[param(default = 1000, min = 1, max = 100_000)]
        limit: u32,
    ) -> Outcome<MemberList> {
        succeed(self.read_members(cx, &group, nested, limit as usize).await?)
    }

    /// Set the password of an entry.
    #[command(effect = update, idempotent, mock(default = mocks::nothing, invalid = mocks::weak_password))]
    pub async fn set_password(
        &self,
        cx: &Context,
        /// Its distinguished name.
        #[param(label = "DN", min_length = 1, max_length = 8192)]
        dn: String,
        /// The new password.
        new_password: Secret,
        /// The old one, where the account of the connection may not set it without; then the directory's history counts.
        old_password: Option<Secret>,
        /// Whether a new one has to be chosen at the next sign-in.
        #[param(default = false)]
        must_change: bool,
    ) -> Outcome {
        self.change_password(cx, &dn, &new_password, old_password.as_ref(), must_change).await?;
        succeed(())
    }

    /// Enable or disable the account of an entry.
    #[command(effect = update, idempotent, mock(default = mocks::changed, unchanged = mocks::unchanged, not_found = mocks::not_found))]
    pub async fn set_enabled(
        &self,
        cx: &Context,
        /// Its distinguished name.
        #[param(label = "DN", min_length = 1, max_length = 8192)]
        dn: String,
        /// Whether it may sign in.
        enabled: bool,
    ) -> Outcome<Changed> {
        succeed(Changed { changed: self.enable(cx, &dn, enabled).await? })
    }

    /// Check a name and a password, as a sign-in does: a wrong password counts towards the lock of the account.
    #[command(effect = update, mock(default = mocks::authenticated, invalid = mocks::not_authenticated))]
    pub async fn authenticate(
        &self,
        cx: &Context,
        /// Who signs in, as a distinguished name; or give login.
        #[param(label = "DN", max_length = 8192)]
        dn: Option<String>,
        /// Who signs in, as a value of the login attribute.
        #[param(max_length = 1024)]
        login: Option<String>,
        /// The attribute that holds logins.
        #[param(default = "uid", example = "sAMAccountName")]
        login_attribute: String,
        /// The password.
        password: Secret,
    ) -> Outcome<Authenticated> {
        succeed(self.sign_in(cx, dn, login, &login_attribute, &password).await?)
    }
}

impl Ldap {
    fn forms(&self) -> entry::Forms {
        entry::Forms::with_binary(&self.binary_attributes)
    }

    /// Finds the one entry that a call means.
    async fn one(
        &self,
        cx: &Context,
        dn: Option<String>,
        by: Option<Map<String, Value>>,
        attributes: Vec<String>,
        forms: &entry::Forms,
    ) -> Result<entry::RawEntry, Failure> {
        let query = match (dn, by) {
            (Some(dn), None) if !dn.is_empty() => search::Query { attributes, ..search::Query::entry(&dn, &[]) },
            (None, Some(by)) if !by.is_empty() => search::Query {
                base: self.base_dn.clone(),
                scope: Scope::Sub,
                filter: filter::of_attributes(&by, forms)?,
                attributes,
                limit: 2,
            },
            _ => return Err(invalid("Give dn or where, one of them").into()),
        };
        let found = self.bound(cx).await?.search(&query, self.page_size).await?;
        match found.entries.as_slice() {
            [entry] => Ok(entry.clone()),
            [] => Err(Fail::coded(Code::NotFound, "The directory has no such entry").into()),
            several => {
                let names: Vec<&str> = several.iter().map(|entry| entry.dn.as_str()).collect();
                let fail =
                    Fail::coded(Code::Conflict, "Several entries of the directory match; give more values, or the dn");
                Err(fail.diagnostic("dns", names).into())
            }
        }
    }
}

/// Checks the names of attributes to return; `*` and `+` stand for those of users and of the directory.
fn entry_attributes(attributes: Vec<String>) -> Result<Vec<String>, Fail> {
    for name in &attributes {
        if !matches!(name.as_str(), "*" | "+" | "1.1") {
            filter::check_attribute(name)?;
        }
    }
    Ok(attributes)
}
