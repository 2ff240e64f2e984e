//! A connection to the directory: dialled, encrypted, signed in, and used for one call.

use std::time::Duration;

use connector_runtime::context::Context;
use connector_runtime::egress::{Protocol, Trust, Wire};
use connector_runtime::prelude::*;
use ldap3::{LdapConnAsync, LdapConnSettings, LdapResult, StdStream};
use tokio::io::AsyncWriteExt as _;
use tokio::task::AbortHandle;

use super::Ldap;
use super::ber::{self, Answers, Broken};
use super::carrier::Carrier;
use super::failure::{rc, refused, unanswered};
use crate::shared::{invalid, time_to_work};

/// The request to go on with TLS (RFC 4511, section 4.14): message 1, the extended operation 1.3.6.1.4.1.1466.20037.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";
/// What a URL of a directory begins with, and whether its connection is encrypted from the start.
const SCHEMES: [(&str, bool); 2] = [("ldap", false), ("ldaps", true)];

/// The part of a call that failed, in `diagnostics.step`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Dial,
    Tls,
    SignIn,
    Base,
}

impl Step {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Dial => "dial",
            Self::Tls => "tls",
            Self::SignIn => "signIn",
            Self::Base => "base",
        }
    }

    pub(super) fn of(self, fail: Fail) -> Failure {
        fail.diagnostic("step", self.name()).into()
    }
}

/// An open connection. It is closed when it is dropped.
pub(super) struct Session<'c> {
    ldap: ldap3::Ldap,
    carrier: Carrier,
    driver: AbortHandle,
    cx: &'c Context,
    timeout: Duration,
    pub(super) is_secure: bool,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// What an operation does to the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    Writes,
}

impl Ldap {
    /// Opens a connection and signs in as the connection says; without `bindDn` nobody signs in.
    pub(super) async fn bound<'c>(&self, cx: &'c Context) -> Result<Session<'c>, Failure> {
        let account = match (&self.bind_dn, &self.bind_password) {
            (Some(dn), Some(password)) => {
                // With an empty password a directory signs nobody in and says that it did (RFC 4513, section 5.1.2).
                if password.expose().is_empty() || dn.is_empty() {
                    return Err(Step::SignIn.of(invalid("bindDn and bindPassword may not be empty")));
                }
                Some((dn, password))
            }
            (None, None) => None,
            _ => return Err(Step::SignIn.of(invalid("Set both of bindDn and bindPassword, or none of them"))),
        };
        if account.is_some() {
            self.check_encryption("sign in")?;
        }
        let mut session = self.open(cx).await?;
        if let Some((dn, password)) = account {
            let result = session.bind(dn, password).await.map_err(|fail| Step::SignIn.of(fail))?;
            if result.rc != rc::SUCCESS {
                return Err(Step::SignIn.of(refused("sign in", &result)));
            }
        }
        Ok(session)
    }

    /// Refuses to send a password where anybody could read it.
    pub(super) fn check_encryption(&self, what: &str) -> Result<(), Failure> {
        let (is_secure, ..) = self.place()?;
        if is_secure || self.start_tls || self.allow_plaintext {
            return Ok(());
        }
        Err(Step::Tls.of(Fail::coded(
            Code::Policy,
            format!(
                "Refused to {what} over a connection that is not encrypted; set startTls, or use ldaps://, or set \
                 allowPlaintext if the network is trusted"
            ),
        )))
    }

    /// Reads the URL: whether it is encrypted from the start, host, and port.
    fn place(&self) -> Result<(bool, String, u16), Failure> {
        let refuse = |why: &str| {
            Step::Dial.of(invalid(format!("The url of the connection {why}, such as ldaps://ldap.example.com")))
        };
        let url = Url::parse(&self.url).map_err(|_| refuse("is none; write ldap:// or ldaps:// and the host"))?;
        let scheme = SCHEMES.iter().find(|(scheme, _)| *scheme == url.scheme());
        let (_, is_secure) = scheme.ok_or_else(|| refuse("has to begin with ldap:// or ldaps://"))?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| refuse("has to name a host"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("may hold a host and a port alone; the base belongs in baseDn"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refuse("may hold no user name or password; they belong in bindDn and bindPassword"));
        }
        Ok((*is_secure, host.to_owned(), url.port().unwrap_or(if *is_secure { 636 } else { 389 })))
    }

    /// Opens a connection, and encrypts it as the connection says. Nobody is signed in.
    pub(super) async fn open<'c>(&self, cx: &'c Context) -> Result<Session<'c>, Failure> {
        let (is_secure, host, port) = self.place()?;
        let trust = match &self.ca_certificate {
            Some(pem) => Trust::only(pem).map_err(|error| Step::Tls.of(invalid(format!("caCertificate: {error}"))))?,
            None => Trust::system(),
        };
        let timeout = Duration::from_secs(self.timeout_secs.into());
        let opening_time = timeout.min(time_to_work(cx));
        let fail = |step: Step| move |error: EgressError| step.of(Fail::unanswered(&error, true));
        let opening = async {
            let mut wire = cx.connect(Protocol::Ldap, &host, port).await.map_err(fail(Step::Dial))?;
            if is_secure {
                wire = wire.secure(&trust).await.map_err(fail(Step::Tls))?;
            } else if self.start_tls {
                start_tls(&mut wire).await?;
                wire = wire.secure(&trust).await.map_err(fail(Step::Tls))?;
            }
            Ok::<_, Failure>(wire)
        };
        let silent = |_| {
            let place = format!("{host}:{port}");
            Step::Dial.of(Fail::coded(Code::Timeout, format!("The directory at {place} did not answer in time")))
        };
        let wire = tokio::time::timeout(opening_time, opening).await.map_err(silent)??;
        let is_secure = wire.is_secure();
        let no_socket = |_| Fail::coded(Code::Unavailable, "This machine has no socket left");
        let (socket, carrier) = Carrier::begin(wire).map_err(no_socket)?;
        let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(socket));
        // Its own scheme for sockets: the library neither dials nor encrypts.
        let name = Url::parse("ldapi://").map_err(Failure::from)?;
        let connected = LdapConnAsync::from_url_with_settings(settings, &name).await;
        let (connection, ldap) = connected.map_err(no_socket_ldap)?;
        let driver = tokio::spawn(connection.drive()).abort_handle();
        Ok(Session { ldap, carrier, driver, cx, timeout, is_secure })
    }
}

fn no_socket_ldap(_: ldap3::LdapError) -> Failure {
    Fail::coded(Code::Unavailable, "The connection to the directory could not be handed over").into()
}

/// Asks for TLS on a connection in the clear. Whatever the directory sent beyond its answer would be read as TLS, and is none.
async fn start_tls(wire: &mut Wire) -> Result<(), Failure> {
    let broke =
        |why: &str| Step::Tls.of(Fail::coded(Code::Unavailable, format!("The directory did not begin TLS: {why}")));
    wire.write_all(START_TLS).await.map_err(|_| broke("the connection broke"))?;
    let message = match ber::read_message(wire).await {
        Ok(Some(message)) => message,
        Ok(None) | Err(Broken::Ended(_)) => return Err(broke("the connection broke")),
        Err(_) => return Err(broke("what it answers is no LDAP; check that a directory listens there")),
    };
    let answer = ber::check(&message, Answers::EXTENDED).and_then(|_| ber::result(ber::operation(&message)?.body));
    match answer {
        Ok((rc::SUCCESS, _)) => Ok(()),
        Ok((code, text)) => Err(Step::Tls.of(Fail::coded(
            Code::Unsupported,
            format!("The directory refuses TLS on this port ({text}); use ldaps:// with its port"),
        )
        .diagnostic("systemCode", code)
        .diagnostic("systemMessage", text))),
        Err(_) => Err(broke("what it answers is no LDAP; check that a directory listens there")),
    }
}

impl Session<'_> {
    /// Returns how long one operation may take.
    pub(super) fn operation_time(&self) -> Duration {
        self.timeout.min(time_to_work(self.cx))
    }

    /// Runs one operation. What writes counts as unanswered until its result was read.
    pub(super) async fn run<T>(
        &mut self,
        what: &str,
        (answers, effect): (Answers, Effect),
        operation: impl AsyncFnOnce(&mut ldap3::Ldap) -> ldap3::result::Result<T>,
    ) -> Result<T, Fail> {
        let time = self.operation_time();
        self.carrier.expect(answers);
        let pending = (effect == Effect::Writes).then(|| self.cx.begin_effect());
        self.ldap.with_timeout(time);
        match operation(&mut self.ldap).await {
            Ok(result) => {
                if let Some(pending) = pending {
                    pending.settle();
                }
                Ok(result)
            }
            Err(error) => Err(unanswered(what, &error, self.carrier.broken(), effect == Effect::Writes)),
        }
    }

    /// Signs in. The result may be a refusal.
    pub(super) async fn bind(&mut self, dn: &str, password: &Secret) -> Result<LdapResult, Fail> {
        let (dn, password) = (dn.to_owned(), password.clone());
        self.run("sign in", (Answers::BIND, Effect::None), async move |ldap| {
            ldap.simple_bind(&dn, password.expose()).await
        })
        .await
    }

    /// Returns what carries the messages.
    pub(super) const fn carrier(&self) -> &Carrier {
        &self.carrier
    }

    /// Returns the library's handle, for searches, and what carries its messages.
    pub(super) fn parts(&mut self) -> (&mut ldap3::Ldap, &Carrier) {
        (&mut self.ldap, &self.carrier)
    }
}
