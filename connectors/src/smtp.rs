//! Sends mail over SMTP (RFC 5321), encrypted from the start or by STARTTLS (RFC 3207).
//!
//! Each call opens a connection of its own through the runtime's egress and closes it. Who is accepted and who is refused
//! is told for each recipient; a mail whose end was not answered may have been sent, and its failure says so.

mod dialogue;
mod failure;
mod message;
mod mocks;
mod stream;
#[cfg(test)]
mod tests;

use connector_runtime::prelude::*;

pub use self::dialogue::{Rejected, ServerInfo};
pub use self::message::Attachment;

/// Send mail.
#[connector(
    name = "smtp",
    version = "1.0.0",
    category = "communication",
    tags("mail", "email", "notification"),
    egress = token_url
)]
#[derive(Debug)]
pub struct Smtp {
    /// Name or address of the mail server.
    #[config(example = "smtp.example.com")]
    host: String,
    /// Its port: 587 with starttls, 465 with tls. Others than 25, 465, 587 and 2525 have to be opened by the operator of
    /// this server.
    #[config(default = 587, min = 1, max = 65535)]
    port: u16,
    /// How the connection is encrypted.
    #[config(default = "starttls")]
    security: Security,
    /// Certificate of the authority (PEM) that issued the server's, if this machine does not trust it. No other one is
    /// trusted then.
    #[config(label = "CA certificate")]
    ca_certificate: Option<String>,
    /// Who signs in; without it nobody does.
    username: Option<String>,
    /// Password of the user.
    password: Option<Secret>,
    /// Where access tokens are fetched, in place of a password (XOAUTH2, by client credentials).
    #[config(label = "Token URL")]
    token_url: Option<Url>,
    /// Id of the client that fetches tokens.
    #[config(label = "Client ID")]
    client_id: Option<String>,
    /// Secret of the client that fetches tokens.
    client_secret: Option<Secret>,
    /// Scopes of the tokens.
    #[config(default = [])]
    scopes: Vec<String>,
    /// Who sends, where a call does not say.
    #[config(example = "Floh <floh@example.com>")]
    from: Option<String>,
    /// Name by which this server greets.
    #[config(default = "localhost")]
    hello_name: String,
    /// Seconds that one step of the dialogue may take.
    #[config(default = 30, min = 1, max = 300, label = "Timeout (s)")]
    timeout_secs: u32,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Select)]
pub enum Security {
    /// By STARTTLS; a server that does not offer it is refused.
    Starttls,
    /// From the start.
    Tls,
    /// Not at all. Then nobody signs in. For networks that nobody else reads.
    None,
}

/// What became of a mail.
#[payload]
#[derive(Debug)]
pub struct Sent {
    /// Its id, as in its header Message-ID.
    pub message_id: String,
    /// The recipients that the server accepted it for.
    pub accepted: Vec<String>,
    /// The recipients that it refused.
    pub rejected: Vec<Rejected>,
    /// What the server said at the end; many tell the number under which they keep it.
    pub response: String,
}

#[connector]
impl Smtp {
    /// Check that the server is reached, encrypted, and lets the user sign in. No mail is sent.
    #[command(effect = read, mock(default = mocks::test, denied = mocks::sign_in_refused))]
    pub async fn test(&self, cx: &Context) -> Outcome<ServerInfo> {
        succeed(self.look(cx).await?)
    }

    /// Send a mail. It is sent to all recipients that the server accepts.
    #[command(effect = create, timeout = 60_000, mock(default = mocks::sent, partly = mocks::partly_sent, rejected = mocks::all_rejected))]
    pub async fn send(
        &self,
        cx: &Context,
        /// Who sends; left out, the connection's from.
        #[param(example = "Floh <floh@example.com>", max_length = 1000)]
        from: Option<String>,
        /// Recipients.
        #[param(default = [], example = ["Ada Lovelace <ada@example.com>"])]
        to: Vec<String>,
        /// Recipients of a copy.
        #[param(default = [])]
        cc: Vec<String>,
        /// Recipients of a copy that the others do not see.
        #[param(default = [])]
        bcc: Vec<String>,
        /// Who gets the answers; left out, the sender.
        #[param(max_length = 1000)]
        reply_to: Option<String>,
        /// What it is about.
        #[param(max_length = 2000)]
        subject: String,
        /// The mail as plain text. With html it is what readers without HTML see.
        text: Option<String>,
        /// The mail as HTML.
        #[param(label = "HTML")]
        html: Option<String>,
        /// Files, at most 10 MiB together.
        #[param(default = [])]
        attachments: Vec<Attachment>,
        /// More headers by name. Those that other params set are refused.
        #[param(default = json!({}))]
        headers: Map<String, Value>,
        /// The mail's id; left out, it is made of the call's idempotency key, so that a repetition has the same one.
        #[param(max_length = 500)]
        message_id: Option<String>,
    ) -> Outcome<Sent> {
        let parts =
            message::Parts { from, to, cc, bcc, reply_to, subject, text, html, attachments, headers, message_id };
        let mail = parts.build(self.from.as_deref(), cx.idempotency_key())?;
        succeed(self.deliver(cx, mail).await?)
    }
}
