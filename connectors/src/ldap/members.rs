//! Members of groups.

use std::collections::{BTreeSet, HashSet, VecDeque};

use connector_runtime::context::Context;
use connector_runtime::prelude::*;
use ldap3::Mod;

use super::directory::Kind;
use super::entry::RawEntry;
use super::failure::{meaning, rc, refused};
use super::search::Query;
use super::session::Session;
use super::{Ldap, Scope, filter};
use crate::shared::invalid;

/// The most members that one call adds or removes.
const MAX_MEMBERS: usize = 5_000;
/// The most groups that are looked into for nested members.
const MAX_GROUPS: usize = 1_000;
/// The rule that follows groups into groups, in Active Directory.
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";
/// The most parts of a long attribute that are read; each has 1,500 values or more.
const MAX_RANGES: usize = 1_000;

/// The attribute that holds members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum MemberAttribute {
    /// By the object class of the group.
    Auto,
    /// Distinguished names, of groupOfNames and in Active Directory.
    #[select(name = "member")]
    Member,
    /// Distinguished names, of groupOfUniqueNames.
    #[select(name = "uniqueMember")]
    UniqueMember,
    /// Logins, of posixGroup.
    #[select(name = "memberUid")]
    MemberUid,
}

/// What became of each member.
#[payload]
#[derive(Debug, Default)]
pub struct MembersChanged {
    /// Those that were added or removed.
    pub changed: Vec<String>,
    /// Those for which it was so already.
    pub unchanged: Vec<String>,
    /// Those that the directory refused.
    pub failed: Vec<FailedMember>,
}

/// A member that the directory refused.
#[payload]
#[derive(Debug)]
pub struct FailedMember {
    /// The member.
    pub member: String,
    /// Why, as a code of this server: invalid, denied, notFound and others.
    pub code: String,
    /// Why, in words.
    pub error: String,
    /// The directory's own code.
    pub system_code: u32,
    /// The directory's own words.
    pub system_message: String,
}

/// Members of a group.
#[payload]
#[derive(Debug)]
pub struct MemberList {
    /// The members: distinguished names, or the logins of a posixGroup.
    pub members: Vec<String>,
    /// How many there are in this answer.
    pub count: u32,
    /// Whether there may be more.
    pub truncated: bool,
}

/// What happens to members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Add,
    Remove,
}

impl Change {
    fn modification(self, attribute: &str, members: HashSet<Vec<u8>>) -> Mod<Vec<u8>> {
        match self {
            Self::Add => Mod::Add(attribute.as_bytes().to_vec(), members),
            Self::Remove => Mod::Delete(attribute.as_bytes().to_vec(), members),
        }
    }
}

impl MemberAttribute {
    /// Returns the attribute of a group.
    fn of(self, group: &RawEntry) -> &'static str {
        match self {
            Self::Member => "member",
            Self::UniqueMember => "uniqueMember",
            Self::MemberUid => "memberUid",
            Self::Auto if group.is_a("groupOfUniqueNames") => "uniqueMember",
            Self::Auto if group.is_a("posixGroup") && !group.is_a("groupOfNames") && !group.is_a("group") => {
                "memberUid"
            }
            Self::Auto => "member",
        }
    }
}

fn no_group() -> Fail {
    Fail::coded(Code::NotFound, "The directory has no such group")
}

impl Ldap {
    pub(super) async fn change_members(
        &self,
        cx: &Context,
        group: &str,
        members: Vec<String>,
        attribute: MemberAttribute,
        change: Change,
    ) -> Result<MembersChanged, Failure> {
        if members.is_empty() || members.len() > MAX_MEMBERS {
            return Err(invalid(format!("members has to hold 1 to {MAX_MEMBERS} names")).into());
        }
        let mut seen = BTreeSet::new();
        let members: Vec<String> = members.into_iter().filter(|member| seen.insert(member.clone())).collect();
        let mut session = self.bound(cx).await?;
        let entry = session.read(group, &["objectClass"]).await?.ok_or_else(no_group)?;
        let attribute = attribute.of(&entry);
        let all = members.iter().map(|member| member.clone().into_bytes()).collect();
        let result = session.modify(group, vec![change.modification(attribute, all)]).await?;
        if result.rc == rc::SUCCESS {
            return Ok(MembersChanged { changed: members, ..MembersChanged::default() });
        }
        if result.rc == rc::NO_SUCH_OBJECT && session.read(group, &["1.1"]).await?.is_none() {
            return Err(no_group().into());
        }
        // One of them was refused, and so all: each of them on its own tells which.
        let mut done = MembersChanged::default();
        for member in members {
            let one = HashSet::from([member.clone().into_bytes()]);
            let told = |fail: Fail| fail.diagnostic("changed", &done.changed);
            let result = session.modify(group, vec![change.modification(attribute, one)]).await.map_err(told)?;
            if result.rc == rc::SUCCESS {
                done.changed.push(member);
            } else if session.is_member(group, attribute, &member).await? == (change == Change::Add) {
                // How a directory says so differs, and what it says means other things too: what counts is how it is.
                done.unchanged.push(member);
            } else {
                let (code, _) = meaning(result.rc);
                done.failed.push(FailedMember {
                    member,
                    code: code.name().to_owned(),
                    error: refused("change the group", &result).error,
                    system_code: result.rc,
                    system_message: result.text,
                });
            }
        }
        Ok(done)
    }

    pub(super) async fn read_members(
        &self,
        cx: &Context,
        group: &str,
        nested: bool,
        limit: usize,
    ) -> Result<MemberList, Failure> {
        let mut session = self.bound(cx).await?;
        let (members, truncated) = if !nested {
            session.members_of(group, limit).await?.ok_or_else(no_group)?
        } else if self.kind(&mut session).await? == Kind::ActiveDirectory {
            session.read(group, &["1.1"]).await?.ok_or_else(no_group)?;
            self.members_in_chain(&mut session, group, limit).await?
        } else {
            self.members_of_groups(&mut session, group, limit).await?
        };
        let count = u32::try_from(members.len()).unwrap_or(u32::MAX);
        Ok(MemberList { members, count, truncated })
    }

    /// Lets Active Directory follow groups into groups.
    async fn members_in_chain(
        &self,
        session: &mut Session<'_>,
        group: &str,
        limit: usize,
    ) -> Result<(Vec<String>, bool), Fail> {
        let query = Query {
            base: self.base_dn.clone(),
            scope: Scope::Sub,
            filter: format!("(memberOf:{IN_CHAIN}:={})", ldap3::ldap_escape(group)),
            attributes: vec!["1.1".to_owned()],
            limit,
        };
        let found = session.search(&query, self.page_size).await?;
        Ok((found.entries.into_iter().map(|entry| entry.dn).collect(), found.cut.is_some()))
    }

    /// Follows groups into groups, each once, whatever circles they make. Groups are members too.
    async fn members_of_groups(
        &self,
        session: &mut Session<'_>,
        group: &str,
        limit: usize,
    ) -> Result<(Vec<String>, bool), Fail> {
        let mut members = Vec::new();
        let mut known = HashSet::from([group.to_lowercase()]);
        let mut groups = VecDeque::from([group.to_owned()]);
        let mut looked = 0;
        while let Some(next) = groups.pop_front() {
            looked += 1;
            if looked > MAX_GROUPS {
                return Ok((members, true));
            }
            let (found, is_cut) = match session.members_of(&next, limit).await? {
                Some(found) => found,
                None if looked == 1 => return Err(no_group()),
                // A member that was deleted, or is no entry.
                None => continue,
            };
            for member in found {
                if !known.insert(member.to_lowercase()) {
                    continue;
                }
                if members.len() == limit {
                    return Ok((members, true));
                }
                if session.is_group(&member).await? {
                    groups.push_back(member.clone());
                }
                members.push(member);
            }
            if is_cut {
                return Ok((members, true));
            }
        }
        Ok((members, false))
    }
}

impl Session<'_> {
    async fn is_member(&mut self, group: &str, attribute: &str, member: &str) -> Result<bool, Fail> {
        let filter = format!("({attribute}={})", ldap3::ldap_escape(member));
        self.matches(group, filter).await
    }

    async fn is_group(&mut self, dn: &str) -> Result<bool, Fail> {
        self.matches(dn, "(|(member=*)(uniqueMember=*)(memberUid=*))".to_owned()).await
    }

    /// Returns whether an entry passes a filter; one that does not exist, or whose name is none, does not.
    async fn matches(&mut self, dn: &str, filter: String) -> Result<bool, Fail> {
        let query = Query { filter, ..Query::entry(dn, &["1.1"]) };
        match self.search(&query, 1).await {
            Ok(found) => Ok(!found.entries.is_empty()),
            // 34: the login of a posixGroup is no distinguished name.
            Err(fail) if matches!(fail.diagnostics.get("systemCode").and_then(Value::as_u64), Some(32 | 34)) => {
                Ok(false)
            }
            Err(fail) => Err(fail),
        }
    }

    /// Reads the members of a group, and whether there are more; `None` if there is no such group. A long list comes in
    /// parts (`member;range=0-1499`) in Active Directory.
    async fn members_of(&mut self, group: &str, limit: usize) -> Result<Option<(Vec<String>, bool)>, Fail> {
        let mut members = Vec::new();
        let mut asked = vec!["member".to_owned(), "uniqueMember".to_owned(), "memberUid".to_owned()];
        for _ in 0..MAX_RANGES {
            let names: Vec<&str> = asked.iter().map(String::as_str).collect();
            let Some(entry) = self.read(group, &names).await? else { return Ok(None) };
            let mut next = None;
            for (name, values) in &entry.attributes {
                members.extend(values.iter().map(|value| String::from_utf8_lossy(value).into_owned()));
                next = next.or_else(|| next_range(name, values.len()));
            }
            if members.len() > limit {
                members.truncate(limit);
                return Ok(Some((members, true)));
            }
            match next {
                Some(range) => {
                    filter::check_attribute(&range)?;
                    asked = vec![range];
                }
                None => return Ok(Some((members, false))),
            }
        }
        Ok(Some((members, true)))
    }
}

/// Returns how the next part of a long attribute is asked for; `None` after the last one, which ends in `*`.
pub(super) fn next_range(name: &str, came: usize) -> Option<String> {
    let (attribute, range) = name.split_once(";range=")?;
    let (first, last) = range.split_once('-')?;
    let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
    // A directory that says that it sent more than came would be asked for ever.
    (came > 0 && last.checked_sub(first)? + 1 == came).then(|| format!("{attribute};range={}-*", last + 1))
}
