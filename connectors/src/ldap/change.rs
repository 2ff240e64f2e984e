//! Changes of entries: attributes, names, and that there are none.

use std::collections::{BTreeSet, HashSet};

use connector_runtime::context::Context;
use connector_runtime::prelude::*;
use ldap3::{LdapResult, Mod};

use super::ber::Answers;
use super::entry::{Forms, RawEntry};
use super::failure::{rc, refused};
use super::filter::{check_attribute, texts};
use super::search::Query;
use super::session::{Effect, Session};
use super::{Ldap, Scope, dn as names};
use crate::shared::invalid;

/// The most entries that one recursive deletion deletes.
const MAX_DELETED: usize = 10_000;
/// How often a change is made anew because somebody else changed the entry meanwhile.
const MAX_REPEATS: usize = 3;

/// A change of one attribute, as it is sent.
pub(super) type Modification = Mod<Vec<u8>>;

/// What `delete` did.
#[payload]
#[derive(Debug)]
pub struct Deleted {
    /// How many entries were deleted.
    pub deleted: u32,
    /// False if there was no such entry.
    pub changed: bool,
}

/// What `move` did.
#[payload]
#[derive(Debug)]
pub struct Moved {
    /// The distinguished name that the entry has now.
    pub dn: String,
    /// False if it had this name already.
    pub changed: bool,
}

/// What is to be changed of an entry.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) set: Map<String, Value>,
    pub(super) add: Map<String, Value>,
    pub(super) remove: Map<String, Value>,
}

impl Changes {
    fn names(&self) -> Vec<&str> {
        self.set.keys().chain(self.add.keys()).chain(self.remove.keys()).map(String::as_str).collect()
    }

    /// Returns what has to be sent so that an entry has what is wanted; nothing if it has.
    fn against(&self, entry: &RawEntry, forms: &Forms) -> Result<Vec<Modification>, Fail> {
        let mut changes = Vec::new();
        for (name, value) in &self.set {
            let wanted = values(name, value, forms, true)?;
            if wanted != has(entry, name) {
                changes.push(Mod::Replace(name.clone().into_bytes(), wanted.into_iter().collect()));
            }
        }
        for (name, value) in &self.add {
            let missing: HashSet<_> =
                values(name, value, forms, false)?.difference(&has(entry, name)).cloned().collect();
            if !missing.is_empty() {
                changes.push(Mod::Add(name.clone().into_bytes(), missing));
            }
        }
        for (name, value) in &self.remove {
            let gone: HashSet<_> =
                values(name, value, forms, false)?.intersection(&has(entry, name)).cloned().collect();
            if !gone.is_empty() {
                changes.push(Mod::Delete(name.clone().into_bytes(), gone));
            }
        }
        Ok(changes)
    }
}

fn has(entry: &RawEntry, name: &str) -> BTreeSet<Vec<u8>> {
    entry.values(name).iter().cloned().collect()
}

/// Reads the values of an attribute as the directory gets them. Null and an empty list are none, where that is allowed.
pub(super) fn values(name: &str, value: &Value, forms: &Forms, may_be_none: bool) -> Result<BTreeSet<Vec<u8>>, Fail> {
    check_attribute(name)?;
    let is_none = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    if is_none && may_be_none {
        return Ok(BTreeSet::new());
    }
    let form = forms.of(name);
    let wrong = |why| invalid(format!("{name} is not right: {why}"));
    texts(name, value)?.iter().map(|text| form.read(text).map_err(wrong)).collect()
}

impl Ldap {
    pub(super) async fn modify_entry(&self, cx: &Context, dn: &str, changes: &Changes) -> Result<bool, Failure> {
        let names = changes.names();
        if names.is_empty() {
            return Err(invalid("Give what to set, add or remove").into());
        }
        let distinct: BTreeSet<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        if distinct.len() < names.len() {
            return Err(invalid("An attribute stands in more than one of set, add and remove").into());
        }
        // What is wrong with a value is told before anything is dialled.
        changes.against(&RawEntry { dn: String::new(), attributes: Vec::new() }, &self.forms())?;
        let mut session = self.bound(cx).await?;
        Ok(session.change(dn, changes, &self.forms()).await?)
    }

    pub(super) async fn delete_entry(&self, cx: &Context, dn: &str, recursive: bool) -> Result<Deleted, Failure> {
        let mut session = self.bound(cx).await?;
        let mut deleted = 0;
        if recursive {
            let query = Query {
                base: dn.to_owned(),
                scope: Scope::Sub,
                filter: "(objectClass=*)".to_owned(),
                attributes: vec!["1.1".to_owned()],
                limit: MAX_DELETED,
            };
            let found = match session.search(&query, self.page_size).await {
                Err(fail) if fail.diagnostics.get("code") == Some(&json!(Code::NotFound)) => {
                    return Ok(Deleted { deleted: 0, changed: false });
                }
                found => found?,
            };
            if found.cut.is_some() {
                let why = format!(
                    "There are more than {MAX_DELETED} entries, or more than the directory lists; delete parts of the tree first"
                );
                return Err(Fail::coded(Code::TooLarge, why).into());
            }
            let mut names: Vec<String> = found.entries.into_iter().map(|entry| entry.dn).collect();
            names.sort_by_key(|name| std::cmp::Reverse(names::depth(name)));
            for name in names {
                let told = |fail: Fail| fail.diagnostic("deleted", deleted);
                if session.delete(&name).await.map_err(told)? {
                    deleted += 1;
                }
            }
        } else if session.delete(dn).await? {
            deleted = 1;
        }
        Ok(Deleted { deleted, changed: deleted > 0 })
    }

    pub(super) async fn rename(
        &self,
        cx: &Context,
        dn: &str,
        parent: Option<String>,
        relative: Option<Map<String, Value>>,
        keep: bool,
    ) -> Result<Moved, Failure> {
        if parent.is_none() && relative.is_none() {
            return Err(invalid("Give newParent, newRdn, or both").into());
        }
        let (own, above) = names::split(dn);
        let relative = relative.as_ref().map_or_else(|| Ok(own.to_owned()), names::relative)?;
        let target = names::below(parent.as_deref().unwrap_or(above), &relative);
        let mut session = self.bound(cx).await?;
        let (operation_dn, operation_parent) = (dn.to_owned(), parent.clone());
        let renamed = session
            .run("move the entry", (Answers::RENAME, Effect::Writes), async move |ldap| {
                ldap.modifydn(&operation_dn, &relative, !keep, operation_parent.as_deref()).await
            })
            .await?;
        match renamed.rc {
            rc::SUCCESS => Ok(Moved { dn: target, changed: true }),
            // It may have been moved before.
            rc::NO_SUCH_OBJECT if session.read(&target, &["1.1"]).await?.is_some() => {
                Ok(Moved { dn: target, changed: false })
            }
            _ => Err(refused("move the entry", &renamed).into()),
        }
    }
}

impl Session<'_> {
    /// Makes an entry have what is wanted. Returns whether something was changed.
    pub(super) async fn change(&mut self, dn: &str, changes: &Changes, forms: &Forms) -> Result<bool, Fail> {
        let names = changes.names();
        for _ in 0..MAX_REPEATS {
            let entry = self.read(dn, &names).await?;
            let entry = entry.ok_or_else(|| Fail::coded(Code::NotFound, "The directory has no such entry"))?;
            let sent = changes.against(&entry, forms)?;
            if sent.is_empty() {
                return Ok(false);
            }
            let result = self.modify(dn, sent).await?;
            match result.rc {
                rc::SUCCESS => return Ok(true),
                // A value is there, or is not, that differs from the wanted one in its text alone, or since a moment.
                rc::VALUE_EXISTS | rc::NO_SUCH_ATTRIBUTE if self.read(dn, &names).await?.as_ref() != Some(&entry) => {}
                rc::VALUE_EXISTS | rc::NO_SUCH_ATTRIBUTE => return self.change_each(dn, changes, &entry, forms).await,
                _ => return Err(refused("change the entry", &result)),
            }
        }
        Err(Fail::coded(Code::Conflict, "Somebody else changes the entry at the same time; try again"))
    }

    /// Changes value by value: to a directory, values may be the same whose texts differ.
    async fn change_each(
        &mut self,
        dn: &str,
        changes: &Changes,
        entry: &RawEntry,
        forms: &Forms,
    ) -> Result<bool, Fail> {
        let mut changed = false;
        for change in changes.against(entry, forms)? {
            let each: Vec<Modification> = match change {
                Mod::Add(name, values) => {
                    values.into_iter().map(|value| Mod::Add(name.clone(), HashSet::from([value]))).collect()
                }
                Mod::Delete(name, values) => {
                    values.into_iter().map(|value| Mod::Delete(name.clone(), HashSet::from([value]))).collect()
                }
                other => vec![other],
            };
            for one in each {
                let result = self.modify(dn, vec![one]).await?;
                match result.rc {
                    rc::SUCCESS => changed = true,
                    rc::VALUE_EXISTS | rc::NO_SUCH_ATTRIBUTE => {}
                    _ => return Err(refused("change the entry", &result).diagnostic("changed", changed)),
                }
            }
        }
        Ok(changed)
    }

    /// Sends changes of an entry, all or none.
    pub(super) async fn modify(&mut self, dn: &str, changes: Vec<Modification>) -> Result<LdapResult, Fail> {
        let dn = dn.to_owned();
        self.run("change the entry", (Answers::MODIFY, Effect::Writes), async move |ldap| {
            ldap.modify(&dn, changes).await
        })
        .await
    }

    /// Deletes an entry. Returns whether there was one.
    pub(super) async fn delete(&mut self, dn: &str) -> Result<bool, Fail> {
        let name = dn.to_owned();
        let operation = async move |ldap: &mut ldap3::Ldap| ldap.delete(&name).await;
        let result = self.run("delete the entry", (Answers::DELETE, Effect::Writes), operation).await?;
        match result.rc {
            rc::SUCCESS => Ok(true),
            rc::NO_SUCH_OBJECT => Ok(false),
            rc::NOT_ON_NON_LEAF => Err(refused("delete the entry", &result)
                .diagnostic("hint", "set recursive to delete the entries below it too")),
            _ => Err(refused("delete the entry", &result)),
        }
    }
}
