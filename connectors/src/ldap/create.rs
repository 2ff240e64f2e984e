//! New entries, with or without a password.

use std::collections::HashSet;

use connector_runtime::context::Context;
use connector_runtime::prelude::*;

use super::ber::Answers;
use super::change::{Changes, values};
use super::directory::Kind;
use super::entry::{Entry, Forms, RawEntry};
use super::failure::{rc, refused};
use super::session::{Effect, Session};
use super::{Ldap, account, dn as names};
use crate::shared::{OnExistsOrUpdate, invalid};

/// A new entry, or the one that was there.
#[payload]
#[derive(Debug)]
pub struct Created {
    /// The entry as the directory has it.
    pub entry: Entry,
    /// False if it was there already.
    pub created: bool,
    /// Whether an entry that was there was changed.
    pub changed: bool,
}

/// How a call names the new entry.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) dn: Option<String>,
    pub(super) parent: Option<String>,
    pub(super) rdn: Option<Map<String, Value>>,
}

impl Name {
    fn dn(self) -> Result<String, Fail> {
        match self {
            Self { dn: Some(dn), parent: None, rdn: None } if !dn.is_empty() => Ok(dn),
            Self { dn: None, parent: Some(parent), rdn: Some(rdn) } => {
                Ok(names::below(&parent, &names::relative(&rdn)?))
            }
            _ => Err(invalid("Give dn, or parent and rdn")),
        }
    }
}

/// What a new entry is to have.
#[derive(Debug)]
pub(super) struct NewEntry {
    pub(super) object_classes: Vec<String>,
    pub(super) attributes: Map<String, Value>,
    pub(super) password: Option<Secret>,
    pub(super) on_exists: OnExistsOrUpdate,
}

type Attributes = Vec<(Vec<u8>, HashSet<Vec<u8>>)>;

impl Ldap {
    pub(super) async fn create_entry(&self, cx: &Context, name: Name, new: NewEntry) -> Result<Created, Failure> {
        let dn = name.dn()?;
        let forms = self.forms();
        if new.attributes.keys().any(|name| name.eq_ignore_ascii_case("objectClass")) {
            return Err(invalid("The object classes stand in objectClasses, not in attributes").into());
        }
        let mut attributes = Attributes::new();
        let classes = new.object_classes.iter().map(|class| class.clone().into_bytes()).collect();
        attributes.push((b"objectClass".to_vec(), classes));
        for (name, value) in &new.attributes {
            let values = values(name, value, &forms, true)?;
            if !values.is_empty() {
                attributes.push((name.clone().into_bytes(), values.into_iter().collect()));
            }
        }
        if new.password.is_some() {
            self.check_encryption("send a password")?;
        }
        let mut session = self.bound(cx).await?;
        let kind = match new.password {
            Some(_) => self.kind(&mut session).await?,
            None => Kind::Standard,
        };
        if let (Kind::ActiveDirectory, Some(password)) = (kind, &new.password) {
            attributes.push((b"unicodePwd".to_vec(), HashSet::from([account::quoted(password)])));
        }
        let result = session.add(&dn, attributes).await?;
        match result.rc {
            rc::SUCCESS => {}
            rc::ALREADY_EXISTS => {
                let exists = refused("create the entry", &result);
                return session.existing(&dn, new, &forms, exists).await;
            }
            _ => return Err(refused("create the entry", &result).into()),
        }
        if let Some(password) = new.password.as_ref().filter(|_| kind != Kind::ActiveDirectory)
            && let Err(fail) = session.set_password(&dn, password, None).await
        {
            // An account without the password that it was to have is not what was asked for.
            let is_gone = session.delete(&dn).await.is_ok();
            return Err(fail.diagnostic("created", !is_gone).into());
        }
        let entry = session.shown(&dn, &forms).await?;
        Ok(Created { entry, created: true, changed: true })
    }
}

impl Session<'_> {
    async fn add(&mut self, dn: &str, attributes: Attributes) -> Result<ldap3::LdapResult, Fail> {
        let dn = dn.to_owned();
        let operation = async move |ldap: &mut ldap3::Ldap| ldap.add(&dn, attributes).await;
        self.run("create the entry", (Answers::ADD, Effect::Writes), operation).await
    }

    /// Reads an entry to show it. One that the account may write and not read is shown without attributes.
    async fn shown(&mut self, dn: &str, forms: &Forms) -> Result<Entry, Failure> {
        let read = self.read(dn, &["*"]).await?;
        let entry = read.unwrap_or_else(|| RawEntry { dn: dn.to_owned(), attributes: Vec::new() });
        entry.shown(forms)
    }

    /// Does with an entry that exists what the call says.
    async fn existing(&mut self, dn: &str, new: NewEntry, forms: &Forms, exists: Fail) -> Result<Created, Failure> {
        // Another entry may be in the way: a login that is taken, for example.
        if new.on_exists == OnExistsOrUpdate::Fail || self.read(dn, &["1.1"]).await?.is_none() {
            return Err(exists.into());
        }
        let changed = match new.on_exists {
            OnExistsOrUpdate::Update if !new.attributes.is_empty() => {
                self.change(dn, &Changes { set: new.attributes, ..Changes::default() }, forms).await?
            }
            _ => false,
        };
        Ok(Created { entry: self.shown(dn, forms).await?, created: false, changed })
    }
}
