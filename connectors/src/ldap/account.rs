//! Accounts: their passwords, and whether they may sign in.

use std::collections::HashSet;

use connector_runtime::context::Context;
use connector_runtime::prelude::*;
use ldap3::Mod;
use ldap3::exop::PasswordModify;

use super::Ldap;
use super::ber::Answers;
use super::change::{Changes, Modification};
use super::directory::Kind;
use super::failure::{rc, refused};
use super::session::{Effect, Session};
use crate::shared::invalid;

/// The bit of userAccountControl that disables an account in Active Directory.
const DISABLED: u32 = 2;
/// How often a change is made anew because somebody else changed the entry meanwhile.
const MAX_REPEATS: usize = 3;
/// What locks an account for good in the password policy of OpenLDAP.
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// Returns a password as Active Directory takes it: in quotes, as UTF-16LE.
pub(super) fn quoted(password: &Secret) -> Vec<u8> {
    format!("\"{}\"", password.expose()).encode_utf16().flat_map(u16::to_le_bytes).collect()
}

impl Ldap {
    pub(super) async fn change_password(
        &self,
        cx: &Context,
        dn: &str,
        new: &Secret,
        old: Option<&Secret>,
        must_change: bool,
    ) -> Result<(), Failure> {
        if new.expose().is_empty() || old.is_some_and(|old| old.expose().is_empty()) {
            return Err(invalid("A password may not be empty").into());
        }
        self.check_encryption("send a password")?;
        let mut session = self.bound(cx).await?;
        let kind = self.kind(&mut session).await?;
        if kind == Kind::ActiveDirectory {
            let name = b"unicodePwd".to_vec();
            let mut changes: Vec<Modification> = match old {
                Some(old) => vec![
                    Mod::Delete(name.clone(), HashSet::from([quoted(old)])),
                    Mod::Add(name, HashSet::from([quoted(new)])),
                ],
                None => vec![Mod::Replace(name, HashSet::from([quoted(new)]))],
            };
            if must_change {
                changes.push(Mod::Replace(b"pwdLastSet".to_vec(), HashSet::from([b"0".to_vec()])));
            }
            let result = session.modify(dn, changes).await?;
            return if result.rc == rc::SUCCESS { Ok(()) } else { Err(refused("set the password", &result).into()) };
        }
        session.set_password(dn, new, old).await?;
        if must_change {
            let reset = Changes { set: Map::from_iter([("pwdReset".to_owned(), json!(true))]), ..Changes::default() };
            let told = |fail: Fail| {
                let fail = fail.diagnostic("passwordSet", true);
                fail.diagnostic("hint", "the password is set; mustChange needs the password policy of the directory")
            };
            session.change(dn, &reset, &self.forms()).await.map_err(told)?;
        }
        Ok(())
    }

    pub(super) async fn enable(&self, cx: &Context, dn: &str, enabled: bool) -> Result<bool, Failure> {
        let mut session = self.bound(cx).await?;
        let changes = match self.kind(&mut session).await? {
            Kind::ActiveDirectory => return Ok(session.enable_in_active_directory(dn, enabled).await?),
            Kind::Dirsrv => json!({ "nsAccountLock": if enabled { Value::Null } else { json!("true") } }),
            Kind::Standard => {
                json!({ "pwdAccountLockedTime": if enabled { Value::Null } else { json!(LOCKED_FOR_GOOD) } })
            }
        };
        let Value::Object(set) = changes else { return Ok(false) };
        let told = |fail: Fail| {
            match fail.diagnostics.get("systemCode").and_then(Value::as_u64) {
            // It knows no such attribute.
            Some(17 | 65) => Fail::coded(
                Code::Unsupported,
                "The directory has no password policy (overlay ppolicy), so that it cannot disable accounts; let it have one",
            )
            .diagnostics(fail.diagnostics.clone())
            .diagnostic("code", Code::Unsupported),
            _ => fail,
        }
        };
        Ok(session.change(dn, &Changes { set, ..Changes::default() }, &self.forms()).await.map_err(told)?)
    }
}

impl Session<'_> {
    /// Sets a password by the operation for it (RFC 3062), so that the directory stores it in its own form.
    pub(super) async fn set_password(&mut self, dn: &str, new: &Secret, old: Option<&Secret>) -> Result<(), Fail> {
        let (dn, new, old) = (dn.to_owned(), new.clone(), old.cloned());
        let operation = async move |ldap: &mut ldap3::Ldap| {
            let old = old.as_ref().map(Secret::expose);
            ldap.extended(PasswordModify { user_id: Some(&dn), old_pass: old, new_pass: Some(new.expose()) }).await
        };
        let answer = self.run("set the password", (Answers::EXTENDED, Effect::Writes), operation).await?;
        if answer.1.rc == rc::SUCCESS { Ok(()) } else { Err(refused("set the password", &answer.1)) }
    }

    async fn enable_in_active_directory(&mut self, dn: &str, enabled: bool) -> Result<bool, Fail> {
        for _ in 0..MAX_REPEATS {
            let entry = self.read(dn, &["userAccountControl"]).await?;
            let entry = entry.ok_or_else(|| Fail::coded(Code::NotFound, "The directory has no such entry"))?;
            let Some(before) = entry.text("userAccountControl") else {
                let why = "The entry has no userAccountControl: it is no account, or the connection may not see it";
                return Err(Fail::coded(Code::Invalid, why));
            };
            let bits: u32 =
                before.parse().map_err(|_| Fail::coded(Code::Invalid, "userAccountControl is no number"))?;
            let wanted = if enabled { bits & !DISABLED } else { bits | DISABLED };
            if wanted == bits {
                return Ok(false);
            }
            let name = b"userAccountControl".to_vec();
            // Only if it is still as it was read.
            let changes = vec![
                Mod::Delete(name.clone(), HashSet::from([before.into_bytes()])),
                Mod::Add(name, HashSet::from([wanted.to_string().into_bytes()])),
            ];
            let result = self.modify(dn, changes).await?;
            match result.rc {
                rc::SUCCESS => return Ok(true),
                rc::NO_SUCH_ATTRIBUTE => {}
                _ => return Err(refused("change the account", &result)),
            }
        }
        Err(Fail::coded(Code::Conflict, "Somebody else changes the account at the same time; try again"))
    }
}
