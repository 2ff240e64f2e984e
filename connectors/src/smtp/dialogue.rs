//! The dialogue with a mail server: greeting, encryption, sign-in, and the mail.

use std::time::Duration;

use connector_runtime::context::Context;
use connector_runtime::egress::oauth::{AuthorizedError, ClientCredentials};
use connector_runtime::egress::{Protocol, Trust, Wire};
use connector_runtime::prelude::*;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Noop, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::{Error, response::Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::failure::{Reply, Step, code_of, failed, late};
use super::message::Mail;
use super::stream::Stream;
use super::{Security, Sent, Smtp};
use crate::shared::{invalid, time_to_work};

/// The most bytes of one reply before the connection is encrypted.
const MAX_REPLY_BYTES: usize = 16 * 1024;
/// What the library reads in place of a greeting, once a connection is encrypted.
const GREETED: &[u8] = b"220 go on\r\n";

/// What the server says of itself.
#[payload]
#[derive(Debug)]
pub struct ServerInfo {
    /// The name by which it greets.
    pub server: String,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Whether somebody has signed in.
    pub signed_in: bool,
    /// Whether it takes addresses and headers in UTF-8 (RFC 6531).
    pub utf8: bool,
}

/// A recipient that the server refused.
#[payload]
#[derive(Debug)]
pub struct Rejected {
    /// The recipient.
    pub address: String,
    /// Why, as a code of this server: invalid or unavailable, for example.
    pub code: String,
    /// The server's own code.
    pub system_code: u16,
    /// The server's own words.
    pub system_message: String,
}

/// An open dialogue.
struct Dialogue<'c> {
    connection: AsyncSmtpConnection,
    cx: &'c Context,
    timeout: Duration,
    is_secure: bool,
}

impl Smtp {
    pub(super) async fn look(&self, cx: &Context) -> Result<ServerInfo, Failure> {
        let mut dialogue = self.signed_in(cx).await?;
        let answer = dialogue.step("answer", async |connection| connection.command(Noop).await).await;
        answer.map_err(|fail| Step::Greeting.of(fail))?;
        let info = dialogue.connection.server_info();
        let told = ServerInfo {
            server: info.name().to_owned(),
            tls: dialogue.is_secure,
            signed_in: self.username.is_some(),
            utf8: info.supports_feature(Extension::SmtpUtfEight),
        };
        dialogue.end().await;
        Ok(told)
    }

    /// Sends a mail to all recipients that the server accepts.
    pub(super) async fn deliver(&self, cx: &Context, mail: Mail) -> Result<Sent, Failure> {
        let mut dialogue = self.signed_in(cx).await?;
        dialogue.begin(&mail).await?;
        let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
        for recipient in mail.envelope.to() {
            let command = Rcpt::new(recipient.clone(), Vec::new());
            let answer =
                dialogue.within("take the recipient", async |connection| connection.command(command).await).await;
            let Err(error) = answer.map_err(|fail| Step::Recipients.of(fail))? else {
                accepted.push(recipient.to_string());
                continue;
            };
            let reply = Reply::of(&error).ok_or_else(|| Step::Recipients.of(failed("take the recipient", &error)))?;
            rejected.push(Rejected {
                address: recipient.to_string(),
                code: code_of(reply.code).name().to_owned(),
                system_code: reply.code,
                system_message: reply.text,
            });
        }
        if accepted.is_empty() {
            let is_later = rejected.iter().all(|one| one.system_code < 500);
            let code = if is_later { Code::Unavailable } else { Code::Invalid };
            let fail = Fail::coded(code, "The mail server refused all recipients; nothing was sent");
            return Err(Step::Recipients.of(fail.diagnostic("rejected", rejected)));
        }
        let ready = dialogue.step("take the mail", async |connection| connection.command(Data).await).await;
        ready.map_err(|fail| Step::Content.of(fail))?;
        // From here on the server may have it, whatever becomes of its answer.
        let effect = cx.begin_effect();
        let content = mail.content;
        let answer = dialogue.within("take the mail", async |connection| connection.message(&content).await).await;
        let unknown = |fail: Fail| {
            let code = fail.diagnostics.get("code").cloned();
            Step::Content.of(fail
                .diagnostic("code", Code::OutcomeUnknown)
                .diagnostic("outcome", "unknown")
                .diagnostic("cause", code)
                .diagnostic("messageId", &mail.message_id))
        };
        let response = match answer.map_err(unknown)? {
            Ok(response) => response,
            Err(error) => match Reply::of(&error) {
                Some(reply) => {
                    effect.settle();
                    return Err(Step::Content.of(reply.refused("send the mail")));
                }
                None => return Err(unknown(failed("say that it has the mail", &error))),
            },
        };
        effect.settle();
        dialogue.end().await;
        Ok(Sent { message_id: mail.message_id, accepted, rejected, response: said(&response) })
    }

    /// Opens a connection, encrypts it, and signs in as the connection says.
    async fn signed_in<'c>(&self, cx: &'c Context) -> Result<Dialogue<'c>, Failure> {
        let wants = match (&self.username, &self.password, &self.token_url) {
            (None, None, None) => false,
            (Some(_), Some(_), None) | (Some(_), None, Some(_)) => true,
            (Some(_), Some(_), Some(_)) => return Err(Step::SignIn.of(invalid("Set password or tokenUrl, not both"))),
            (Some(_), None, None) => return Err(Step::SignIn.of(invalid("username needs a password or a tokenUrl"))),
            (None, ..) => return Err(Step::SignIn.of(invalid("A password or a tokenUrl needs a username"))),
        };
        if wants && self.security == Security::None {
            let why = "Refused to sign in over a connection that is not encrypted; set security to starttls or tls";
            return Err(Step::SignIn.of(Fail::coded(Code::Policy, why)));
        }
        let mut dialogue = self.open(cx).await?;
        let Some(user) = self.username.clone().filter(|_| wants) else { return Ok(dialogue) };
        let (secret, mechanisms) = match (&self.password, &self.token_url) {
            (Some(password), _) => (password.clone(), vec![Mechanism::Plain, Mechanism::Login]),
            (None, Some(url)) => (self.token(cx, url).await?, vec![Mechanism::Xoauth2]),
            (None, None) => return Ok(dialogue),
        };
        let credentials = Credentials::new(user, secret.expose().to_owned());
        let answer =
            dialogue.step("sign in", async |connection| connection.auth(&mechanisms, &credentials).await).await;
        answer.map_err(|fail| Step::SignIn.of(fail))?;
        Ok(dialogue)
    }

    /// Fetches an access token for signing in.
    async fn token(&self, cx: &Context, url: &Url) -> Result<Secret, Failure> {
        let (Some(client_id), Some(client_secret)) = (&self.client_id, &self.client_secret) else {
            return Err(Step::SignIn.of(invalid("tokenUrl needs a clientId and a clientSecret")));
        };
        let source = ClientCredentials {
            token_url: url.as_str().to_owned(),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            scopes: self.scopes.clone(),
            audience: String::new(),
            resource: String::new(),
            authentication: None,
        };
        let token = cx.oauth(source).token().await;
        let token = token.map_err(|error| Step::SignIn.of(Fail::unauthorized(&AuthorizedError::Token(error), true)))?;
        Ok(token.secret().clone())
    }

    /// Opens a connection and encrypts it as the connection says.
    async fn open<'c>(&self, cx: &'c Context) -> Result<Dialogue<'c>, Failure> {
        let trust = match &self.ca_certificate {
            Some(pem) => Trust::only(pem).map_err(|error| Step::Tls.of(invalid(format!("caCertificate: {error}"))))?,
            None => Trust::system(),
        };
        if self.hello_name.is_empty() || !self.hello_name.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Step::Greeting.of(invalid("helloName has to be the name of a host")));
        }
        let timeout = Duration::from_secs(self.timeout_secs.into());
        let time = timeout.min(time_to_work(cx));
        let unreached = |step: Step| move |error: EgressError| step.of(Fail::unanswered(&error, true));
        let opening = async {
            let mut wire = cx.connect(Protocol::Smtp, &self.host, self.port).await.map_err(unreached(Step::Dial))?;
            let before = match self.security {
                Security::None => &[][..],
                Security::Tls => {
                    wire = wire.secure(&trust).await.map_err(unreached(Step::Tls))?;
                    &[][..]
                }
                Security::Starttls => {
                    start_tls(&mut wire, &self.hello_name).await?;
                    wire = wire.secure(&trust).await.map_err(unreached(Step::Tls))?;
                    GREETED
                }
            };
            let is_secure = wire.is_secure();
            let hello = ClientId::Domain(self.hello_name.clone());
            let connected =
                AsyncSmtpConnection::connect_with_transport(Box::new(Stream::new(wire, before)), &hello).await;
            let connection = connected.map_err(|error| Step::Greeting.of(failed("greet", &error)))?;
            Ok(Dialogue { connection, cx, timeout, is_secure })
        };
        tokio::time::timeout(time, opening).await.unwrap_or_else(|_| Err(Step::Dial.of(late("answer"))))
    }
}

impl Dialogue<'_> {
    /// Says who sends. What the mail needs of the server is looked at first.
    async fn begin(&mut self, mail: &Mail) -> Result<(), Failure> {
        let info = self.connection.server_info();
        let mut options = Vec::new();
        if mail.needs_utf8 {
            if !info.supports_feature(Extension::SmtpUtfEight) {
                let why = "An address has letters beyond ASCII, and the mail server does not take such ones (SMTPUTF8)";
                return Err(Step::Sender.of(Fail::coded(Code::Unsupported, why)));
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        if !mail.content.is_ascii() {
            if !info.supports_feature(Extension::EightBitMime) {
                let why = "A header has letters beyond ASCII, and the mail server does not take such ones (8BITMIME)";
                return Err(Step::Sender.of(Fail::coded(Code::Unsupported, why)));
            }
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let command = MailCommand::new(mail.envelope.from().cloned(), options);
        let answer = self.step("take mail of this sender", async |connection| connection.command(command).await).await;
        answer.map_err(|fail| Step::Sender.of(fail))?;
        Ok(())
    }

    /// Runs a step, which the server may refuse.
    async fn step(
        &mut self,
        what: &str,
        step: impl AsyncFnOnce(&mut AsyncSmtpConnection) -> Result<Response, Error>,
    ) -> Result<Response, Fail> {
        self.within(what, step).await?.map_err(|error| failed(what, &error))
    }

    /// Runs a step within its time.
    async fn within(
        &mut self,
        what: &str,
        step: impl AsyncFnOnce(&mut AsyncSmtpConnection) -> Result<Response, Error>,
    ) -> Result<Result<Response, Error>, Fail> {
        let time = self.timeout.min(time_to_work(self.cx));
        tokio::time::timeout(time, step(&mut self.connection)).await.map_err(|_| late(what))
    }

    /// Says goodbye. What the server makes of it does not matter any more.
    async fn end(mut self) {
        drop(self.within("say goodbye", async |connection| connection.quit().await).await);
    }
}

/// Reads the greeting and begins TLS, in the clear. Not a byte behind the server's last answer is read: what it sent ahead
/// would be read as TLS, and is none.
async fn start_tls(wire: &mut Wire, hello: &str) -> Result<(), Failure> {
    let greeting = reply(wire, "greet", Step::Greeting).await?;
    if greeting.code != 220 {
        return Err(Step::Greeting.of(greeting.refused("greet")));
    }
    say(wire, &format!("EHLO {hello}\r\n")).await?;
    let offers = reply(wire, "greet", Step::Greeting).await?;
    if offers.code != 250 {
        return Err(Step::Greeting.of(offers.refused("greet")));
    }
    if !offers.text.lines().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        let why = "The mail server does not offer STARTTLS; use security tls with its port (465), or another server";
        return Err(Step::Tls.of(Fail::coded(Code::Unsupported, why)));
    }
    say(wire, "STARTTLS\r\n").await?;
    let begun = reply(wire, "begin TLS", Step::Tls).await?;
    if begun.code == 220 { Ok(()) } else { Err(Step::Tls.of(begun.refused("begin TLS"))) }
}

async fn say(wire: &mut Wire, line: &str) -> Result<(), Failure> {
    wire.write_all(line.as_bytes()).await.map_err(|_| Step::Greeting.of(broke("greet", "the connection broke")))
}

/// Reads a reply: lines `250-text`, and a last one `250 text` (RFC 5321, section 4.2).
async fn reply(wire: &mut Wire, what: &str, step: Step) -> Result<Reply, Failure> {
    let no_smtp = || step.of(broke(what, "what it answers is no SMTP; check that a mail server listens there"));
    let mut text = String::new();
    let mut bytes = 0;
    loop {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            bytes += 1;
            if bytes > MAX_REPLY_BYTES {
                return Err(no_smtp());
            }
            line.push(wire.read_u8().await.map_err(|_| step.of(broke(what, "the connection broke")))?);
        }
        let line = std::str::from_utf8(&line).map_err(|_| no_smtp())?.trim_end();
        let code: u16 = line.get(..3).and_then(|code| code.parse().ok()).ok_or_else(no_smtp)?;
        let is_last = match line.as_bytes().get(3) {
            None | Some(b' ') => true,
            Some(b'-') => false,
            Some(_) => return Err(no_smtp()),
        };
        text.push_str(line.get(4..).unwrap_or_default());
        if is_last {
            return Ok(Reply { code, text });
        }
        text.push('\n');
    }
}

fn broke(what: &str, why: &str) -> Fail {
    Fail::coded(Code::Unavailable, format!("The mail server did not {what}: {why}"))
}

/// Returns what the server said at the end, in one line.
fn said(response: &Response) -> String {
    response.message().collect::<Vec<_>>().join(" ").replace(char::is_control, " ")
}
