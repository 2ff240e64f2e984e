//! A mail: its addresses, headers, texts and files, as bytes that may be sent.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use connector_runtime::egress::oauth::named;
use connector_runtime::prelude::*;
use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as LettreAttachment, Body, Mailbox, Message, MultiPart, SinglePart};
use uuid::Uuid;

use crate::shared::invalid;

/// The most bytes of all files of a mail.
const MAX_ATTACHED_BYTES: usize = 10 * 1024 * 1024;
/// The most bytes of a text.
const MAX_TEXT_BYTES: usize = 5 * 1024 * 1024;
/// The most recipients of a mail: what servers take in one go (RFC 5321, section 4.5.3.1.8).
const MAX_RECIPIENTS: usize = 100;
/// The most further headers.
const MAX_HEADERS: usize = 50;
/// Headers that the params of their own set, or that the mail gets, in lower case.
const OWN_HEADERS: &[&str] = &[
    "bcc",
    "cc",
    "content-disposition",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "return-path",
    "sender",
    "subject",
    "to",
];

/// A file of a mail.
#[object]
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its name.
    #[param(min_length = 1, max_length = 255)]
    name: String,
    /// Its media type.
    #[param(default = "application/octet-stream", max_length = 255)]
    content_type: String,
    /// Its bytes as base64.
    base64: String,
}

/// A mail as a call gives it.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    pub(super) bcc: Vec<String>,
    pub(super) reply_to: Option<String>,
    pub(super) subject: String,
    pub(super) text: Option<String>,
    pub(super) html: Option<String>,
    pub(super) attachments: Vec<Attachment>,
    pub(super) headers: Map<String, Value>,
    pub(super) message_id: Option<String>,
}

/// A mail as it is sent.
#[derive(Debug)]
pub(super) struct Mail {
    pub(super) envelope: Envelope,
    pub(super) content: Vec<u8>,
    pub(super) message_id: String,
    /// Whether an address has letters beyond ASCII.
    pub(super) needs_utf8: bool,
}

/// Refuses what would begin another header, or another command.
fn check_line(what: &str, text: &str) -> Result<(), Fail> {
    if text.contains(['\r', '\n', '\0']) {
        return Err(invalid(format!("{what} may hold no line break and no NUL")));
    }
    Ok(())
}

fn mailbox(what: &str, text: &str) -> Result<Mailbox, Fail> {
    check_line(what, text)?;
    let wrong = || invalid(format!("{what} is no address; write ada@example.com or Ada Lovelace <ada@example.com>"));
    let mailbox: Mailbox = text.trim().parse().map_err(|_| wrong())?;
    // What stands in a command is no place for a space or an angle bracket, whatever an address may hold in quotes.
    let address: &str = mailbox.email.as_ref();
    if address.chars().any(|c| c.is_control() || matches!(c, ' ' | '<' | '>')) {
        return Err(wrong());
    }
    Ok(mailbox)
}

fn mailboxes(what: &str, texts: &[String]) -> Result<Vec<Mailbox>, Fail> {
    texts.iter().enumerate().map(|(at, text)| mailbox(&format!("{what}/{at}"), text)).collect()
}

impl Parts {
    /// Builds the mail. `key` is the call's idempotency key.
    pub(super) fn build(self, default_from: Option<&str>, key: Option<&str>) -> Result<Mail, Fail> {
        let from = self.from.as_deref().or(default_from);
        let from = from.ok_or_else(|| invalid("Nobody sends: give from, or set it in the connection"))?;
        let from = mailbox("from", from)?;
        let [to, cc, bcc] =
            [("to", &self.to), ("cc", &self.cc), ("bcc", &self.bcc)].map(|(what, texts)| mailboxes(what, texts));
        let (to, cc, bcc) = (to?, cc?, bcc?);
        let mut recipients = Vec::new();
        for mailbox in to.iter().chain(&cc).chain(&bcc) {
            if !recipients.contains(&mailbox.email) {
                recipients.push(mailbox.email.clone());
            }
        }
        if recipients.len() > MAX_RECIPIENTS {
            let why = format!("A mail has at most {MAX_RECIPIENTS} recipients; send several, or to a list");
            return Err(Fail::coded(Code::TooLarge, why));
        }
        let needs_utf8 =
            recipients.iter().chain([&from.email]).any(|address| !AsRef::<str>::as_ref(address).is_ascii());
        check_line("subject", &self.subject)?;
        let message_id = message_id(self.message_id.as_deref(), key, from.email.domain())?;
        let envelope = Envelope::new(Some(from.email.clone()), recipients);
        let envelope = envelope.map_err(|_| invalid("Nobody gets it: give to, cc or bcc"))?;
        let mut builder =
            Message::builder().from(from).subject(self.subject.clone()).message_id(Some(message_id.clone()));
        for mailbox in to {
            builder = builder.to(mailbox);
        }
        for mailbox in cc {
            builder = builder.cc(mailbox);
        }
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox("replyTo", reply_to)?);
        }
        if self.headers.len() > MAX_HEADERS {
            return Err(Fail::coded(Code::TooLarge, format!("A mail has at most {MAX_HEADERS} further headers")));
        }
        for (name, value) in &self.headers {
            builder = builder.raw_header(header(name, value)?);
        }
        // The envelope is ours; the builder wants one of its own all the same.
        let built = self.body(builder.envelope(envelope.clone()))?;
        Ok(Mail { envelope, content: built.formatted(), message_id, needs_utf8 })
    }

    fn body(self, builder: lettre::message::MessageBuilder) -> Result<Message, Fail> {
        for (what, text) in [("text", &self.text), ("html", &self.html)] {
            if text.as_ref().is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
                return Err(Fail::coded(Code::TooLarge, format!("{what} has more than 5 MiB; attach it as a file")));
            }
        }
        let broken = |_| invalid("The mail cannot be built of these parts");
        let texts = match (self.text, self.html) {
            (Some(text), Some(html)) => Texts::Both(MultiPart::alternative_plain_html(text, html)),
            (None, Some(html)) => Texts::One(SinglePart::html(html)),
            (text, None) => Texts::One(SinglePart::plain(text.unwrap_or_default())),
        };
        if self.attachments.is_empty() {
            return match texts {
                Texts::One(part) => builder.singlepart(part),
                Texts::Both(parts) => builder.multipart(parts),
            }
            .map_err(broken);
        }
        let mut mixed = match texts {
            Texts::One(part) => MultiPart::mixed().singlepart(part),
            Texts::Both(parts) => MultiPart::mixed().multipart(parts),
        };
        let mut bytes = 0;
        for (at, attachment) in self.attachments.into_iter().enumerate() {
            let (part, length) = attachment.part(at)?;
            bytes += length;
            if bytes > MAX_ATTACHED_BYTES {
                return Err(Fail::coded(
                    Code::TooLarge,
                    "The files of a mail have at most 10 MiB together; send a link",
                ));
            }
            mixed = mixed.singlepart(part);
        }
        builder.multipart(mixed).map_err(broken)
    }
}

enum Texts {
    One(SinglePart),
    Both(MultiPart),
}

impl Attachment {
    fn part(self, at: usize) -> Result<(SinglePart, usize), Fail> {
        let what = format!("attachments/{at}");
        check_line(&format!("{what}/name"), &self.name)?;
        check_line(&format!("{what}/contentType"), &self.content_type)?;
        let wrong = |_| invalid(format!("{what}/contentType is no media type, such as application/pdf"));
        let content_type = ContentType::parse(&self.content_type).map_err(wrong)?;
        let wrong = |_| invalid(format!("{what}/base64 is no base64"));
        let bytes = BASE64_STANDARD.decode(self.base64.trim()).map_err(wrong)?;
        let length = bytes.len();
        Ok((LettreAttachment::new(self.name).body(Body::new(bytes), content_type), length))
    }
}

fn header(name: &str, value: &Value) -> Result<HeaderValue, Fail> {
    let shown: String = name.chars().take(60).filter(|c| !c.is_control()).collect();
    let wrong = |why: &str| invalid(format!("headers/{shown} {why}"));
    if OWN_HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(wrong("is set by a param of its own"));
    }
    let text = value.as_str().ok_or_else(|| wrong("has to be a text"))?;
    check_line(&format!("headers/{shown}"), text)?;
    // RFC 5322, section 2.2: printable, and no colon.
    let is_name =
        !name.is_empty() && name.len() <= 76 && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':');
    let name = HeaderName::new_from_ascii(name.to_owned()).ok().filter(|_| is_name);
    Ok(HeaderValue::new(name.ok_or_else(|| wrong("is not the name of a header"))?, text.to_owned()))
}

/// Makes the id of a mail: that of the call, one of its idempotency key, or a new one.
fn message_id(given: Option<&str>, key: Option<&str>, domain: &str) -> Result<String, Fail> {
    let domain = if domain.is_ascii() { domain } else { "localhost" };
    let id = match (given, key) {
        (Some(given), _) => {
            let bare = given.trim().trim_start_matches('<').trim_end_matches('>');
            let is_id = bare.split_once('@').is_some_and(|(left, right)| !left.is_empty() && !right.is_empty());
            if !is_id || !bare.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>')) {
                return Err(invalid("messageId has to be a text such as order-7@example.com"));
            }
            bare.to_owned()
        }
        // The key itself is no part of it: it may hold anything, and the mail leaves the house.
        (None, Some(key)) => {
            let hash = named(["mail", key]);
            let bytes = hash.first_chunk().copied().unwrap_or_default();
            format!("{}@{domain}", uuid::Builder::from_custom_bytes(bytes).into_uuid())
        }
        (None, None) => format!("{}@{domain}", Uuid::now_v7()),
    };
    Ok(format!("<{id}>"))
}
