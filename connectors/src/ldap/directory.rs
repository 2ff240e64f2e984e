//! What a directory says of itself.

use connector_runtime::context::Context;
use connector_runtime::prelude::*;
use ldap3::exop::{Exop, WhoAmI};

use super::Ldap;
use super::ber::Answers;
use super::entry::RawEntry;
use super::failure::refused;
use super::session::{Effect, Session, Step};

/// What Active Directory says that it is.
const ACTIVE_DIRECTORY: &str = "1.2.840.113556.1.4.800";
/// The control that pages a search.
const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
const ASKED: &[&str] = &[
    "vendorName",
    "vendorVersion",
    "namingContexts",
    "supportedCapabilities",
    "supportedControl",
    "supportedExtension",
    "objectClass",
    "dnsHostName",
];

/// Which directory it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum DirectoryKind {
    /// Ask it.
    Auto,
    /// OpenLDAP, 389 Directory Server and others that keep to the standards.
    Openldap,
    /// Active Directory, or Samba in its place.
    ActiveDirectory,
}

/// How a directory that is known keeps accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Standard,
    /// 389 Directory Server locks accounts in its own way.
    Dirsrv,
    ActiveDirectory,
}

/// What the directory says of itself.
#[payload]
#[derive(Debug)]
pub struct DirectoryInfo {
    /// Who made it, as far as it says.
    pub vendor: Option<String>,
    /// What it is taken for.
    pub directory: DirectoryKind,
    /// Where its trees begin.
    pub naming_contexts: Vec<String>,
    /// Who has signed in; empty for nobody.
    pub who_am_i: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Whether it returns long lists page by page. Without that they end at its limit.
    pub paging: bool,
}

impl Ldap {
    /// Returns how the directory of a session keeps accounts.
    pub(super) async fn kind(&self, session: &mut Session<'_>) -> Result<Kind, Fail> {
        match self.directory {
            DirectoryKind::ActiveDirectory => Ok(Kind::ActiveDirectory),
            _ => {
                let root = session.read("", ASKED).await?;
                let kind = root.as_ref().map_or(Kind::Standard, kind_of);
                // Whoever says that it is none is believed.
                Ok(match self.directory {
                    DirectoryKind::Openldap if kind == Kind::ActiveDirectory => Kind::Standard,
                    _ => kind,
                })
            }
        }
    }

    pub(super) async fn look(&self, cx: &Context) -> Result<DirectoryInfo, Failure> {
        let mut session = self.bound(cx).await?;
        let root = session.read("", ASKED).await.map_err(|fail| Step::Base.of(fail))?;
        let who = session.who_am_i().await.map_err(|fail| Step::SignIn.of(fail))?;
        let base = session.read(&self.base_dn, &["1.1"]).await.map_err(|fail| Step::Base.of(fail))?;
        if base.is_none() {
            let why = "The base DN of the connection does not exist, or its account may not see it";
            return Err(Step::Base.of(Fail::coded(Code::NotFound, why)));
        }
        let kind = root.as_ref().map_or(Kind::Standard, kind_of);
        let texts = |name: &str| root.as_ref().map(|root| root.texts(name)).unwrap_or_default();
        Ok(DirectoryInfo {
            vendor: root.as_ref().and_then(vendor),
            directory: match kind {
                Kind::ActiveDirectory => DirectoryKind::ActiveDirectory,
                Kind::Standard | Kind::Dirsrv => DirectoryKind::Openldap,
            },
            naming_contexts: texts("namingContexts"),
            who_am_i: who,
            tls: session.is_secure,
            paging: texts("supportedControl").iter().any(|oid| oid == PAGED_RESULTS),
        })
    }
}

impl Session<'_> {
    /// Asks who has signed in (RFC 4532); empty where nobody has, or where the directory does not tell.
    async fn who_am_i(&mut self) -> Result<String, Fail> {
        let operation = async |ldap: &mut ldap3::Ldap| ldap.extended(WhoAmI).await;
        let answer = self.run("tell who signed in", (Answers::EXTENDED, Effect::None), operation).await?;
        let ldap3::result::ExopResult(Exop { val, .. }, result) = answer;
        // 2: it does not know the operation.
        match result.rc {
            0 => Ok(val.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()),
            2 => Ok(String::new()),
            _ => Err(refused("tell who signed in", &result)),
        }
    }
}

fn kind_of(root: &RawEntry) -> Kind {
    if root.texts("supportedCapabilities").iter().any(|oid| oid == ACTIVE_DIRECTORY) {
        Kind::ActiveDirectory
    } else if root.text("vendorName").is_some_and(|vendor| vendor.contains("389")) {
        Kind::Dirsrv
    } else {
        Kind::Standard
    }
}

fn vendor(root: &RawEntry) -> Option<String> {
    let version = root.text("vendorVersion");
    let name = root.text("vendorName").or_else(|| {
        if kind_of(root) == Kind::ActiveDirectory {
            Some("Active Directory".to_owned())
        } else {
            // OpenLDAP says it with an object class of its own.
            root.is_a("OpenLDAProotDSE").then(|| "OpenLDAP".to_owned())
        }
    })?;
    Some(version.map_or(name.clone(), |version| format!("{name} {version}")))
}
