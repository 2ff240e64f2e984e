//! Whether a name and a password belong together.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;
use ldap3::LdapResult;
use ldap3::controls::{Control, RawControl};

use super::ber::{self, Answers};
use super::failure::{rc, refused};
use super::search::Query;
use super::session::{Effect, Step};
use super::{Ldap, Scope, filter};
use crate::shared::invalid;

/// The control by which a directory says why it lets nobody in (the draft behavera-ldap-password-policy).
const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// The longest password that is sent.
const MAX_PASSWORD_BYTES: usize = 4096;

/// Whether somebody may sign in.
#[payload]
#[derive(Debug, Clone, PartialEq)]
pub struct Authenticated {
    /// Whether the name and the password belong together, and the account may be used.
    pub authenticated: bool,
    /// Why not; null if it is so.
    pub reason: Option<Reason>,
    /// Who it is; null if nobody was found.
    pub dn: Option<String>,
}

/// Why somebody may not sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Reason {
    /// The name or the password is wrong. Most directories do not tell which.
    Invalid,
    /// Too many wrong passwords were tried.
    Locked,
    /// The account is disabled.
    Disabled,
    /// The account or its password has expired.
    Expired,
    /// The password is right, and a new one has to be chosen first.
    #[select(name = "mustChange")]
    MustChange,
}

impl Ldap {
    pub(super) async fn sign_in(
        &self,
        cx: &Context,
        dn: Option<String>,
        login: Option<String>,
        attribute: &str,
        password: &Secret,
    ) -> Result<Authenticated, Failure> {
        let refuse = |reason, dn| Authenticated { authenticated: false, reason: Some(reason), dn };
        if password.expose().len() > MAX_PASSWORD_BYTES {
            return Err(
                Fail::coded(Code::TooLarge, format!("A password has at most {MAX_PASSWORD_BYTES} bytes")).into()
            );
        }
        self.check_encryption("send a password")?;
        let named = match (dn, login) {
            (Some(dn), None) => Ok(dn),
            (None, Some(login)) => Err(login),
            _ => return Err(invalid("Give dn or login, one of them").into()),
        };
        // A directory takes a name without a password for nobody, whom it lets in (RFC 4513, section 5.1.2).
        if password.expose().is_empty() || named.as_ref().unwrap_or_else(|login| login).is_empty() {
            return Ok(refuse(Reason::Invalid, None));
        }
        let dn = match named {
            Ok(dn) => dn,
            Err(login) => {
                let filter =
                    filter::of_attributes(&Map::from_iter([(attribute.to_owned(), json!(login))]), &self.forms())?;
                let attributes = vec!["1.1".to_owned()];
                let query = Query { base: self.base_dn.clone(), scope: Scope::Sub, filter, attributes, limit: 2 };
                let found = self.bound(cx).await?.search(&query, self.page_size).await?;
                match found.entries.as_slice() {
                    [entry] => entry.dn.clone(),
                    [] => return Ok(refuse(Reason::Invalid, None)),
                    _ => {
                        let why = format!("Several entries have this {attribute}; use an attribute that is unique");
                        return Err(Fail::coded(Code::Conflict, why).into());
                    }
                }
            }
        };
        // A connection of its own: whoever signs in on it has it to himself.
        let mut session = self.open(cx).await?;
        let (name, word) = (dn.clone(), password.clone());
        let operation = async move |ldap: &mut ldap3::Ldap| {
            let policy = RawControl { ctype: PASSWORD_POLICY.to_owned(), crit: false, val: None };
            ldap.with_controls(policy).simple_bind(&name, word.expose()).await
        };
        let result = session.run("sign in", (Answers::BIND, Effect::None), operation).await;
        let result = result.map_err(|fail| Step::SignIn.of(fail))?;
        match reason(&result) {
            Some(None) => Ok(Authenticated { authenticated: true, reason: None, dn: Some(dn) }),
            Some(Some(reason)) => Ok(refuse(reason, Some(dn))),
            None => Err(Step::SignIn.of(refused("sign in", &result))),
        }
    }
}

/// Reads why nobody is let in: `Some(None)` if somebody is, `None` if the directory failed.
#[expect(clippy::option_option, reason = "let in, refused for a reason, or failed")]
pub(super) fn reason(result: &LdapResult) -> Option<Option<Reason>> {
    let policy = policy_error(&result.ctrls);
    match result.rc {
        // Let in, to do nothing but choose a new password.
        rc::SUCCESS if policy == Some(2) => Some(Some(Reason::MustChange)),
        rc::SUCCESS => Some(None),
        rc::INVALID_CREDENTIALS => Some(Some(match (policy, active_directory_code(&result.text)) {
            (Some(0), _) => Reason::Expired,
            (Some(1), _) => Reason::Locked,
            (Some(2), _) => Reason::MustChange,
            (_, Some(code)) => code,
            _ => Reason::Invalid,
        })),
        // 389 Directory Server is unwilling to let in a disabled account, or one whose password has expired.
        53 if result.text.to_ascii_lowercase().contains("inactivated") => Some(Some(Reason::Disabled)),
        19 if policy.is_some() || result.text.to_ascii_lowercase().contains("retry") => Some(Some(Reason::Locked)),
        // No such name: as if the password were wrong.
        rc::NO_SUCH_OBJECT => Some(Some(Reason::Invalid)),
        _ => None,
    }
}

/// Reads the code that Active Directory writes into its text: `..., data 533, v4563`.
fn active_directory_code(text: &str) -> Option<Reason> {
    let (_, after) = text.split_once("data ")?;
    Some(match after.split([',', ' ']).next()? {
        "533" => Reason::Disabled,
        "532" | "701" | "568" => Reason::Expired,
        "773" => Reason::MustChange,
        "775" => Reason::Locked,
        _ => Reason::Invalid,
    })
}

/// Reads the error of the password policy: a sequence of a warning and an error with the tag 1.
fn policy_error(controls: &[Control]) -> Option<u8> {
    let Control(_, control) = controls.iter().find(|Control(_, control)| control.ctype == PASSWORD_POLICY)?;
    let outer = ber::children(control.val.as_deref()?).ok()?;
    let parts = ber::children(outer.first()?.body).ok()?;
    parts.iter().find(|part| part.tag == 0x81)?.body.first().copied()
}
