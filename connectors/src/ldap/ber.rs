//! What a directory sends, looked at before the client library reads it.
//!
//! The library takes messages of any length and relies on their shape. A directory that is broken, or that is none, must
//! cost neither memory nor a panic, so each message is read whole, within a limit, and checked (RFC 4511, section 4).

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The most bytes of one message: a group of 100,000 members fits.
pub(super) const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// The control that pages a search (RFC 2696).
const PAGED_RESULTS: &[u8] = b"1.2.840.113556.1.4.319";

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const CONTROLS: u8 = 0xa0;
const REFERRALS: u8 = 0xa3;

/// Why a message is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// It has more bytes than a message may have.
    TooLarge,
    /// It is no LDAP.
    Malformed,
    /// It answers what nobody asked.
    Unexpected,
    /// The directory ends the connection, and says why.
    Ended(String),
}

/// What may be answered to an operation: the tags of the protocol's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answers(pub(super) &'static [u8]);

impl Answers {
    pub(super) const BIND: Self = Self(&[0x61]);
    pub(super) const SEARCH: Self = Self(&[ENTRY, REFERENCE, 0x65]);
    pub(super) const MODIFY: Self = Self(&[0x67]);
    pub(super) const ADD: Self = Self(&[0x69]);
    pub(super) const DELETE: Self = Self(&[0x6b]);
    pub(super) const RENAME: Self = Self(&[0x6d]);
    pub(super) const EXTENDED: Self = Self(&[EXTENDED]);
}

/// An entry that a search found.
pub(super) const ENTRY: u8 = 0x64;
/// A reference to another directory.
const REFERENCE: u8 = 0x73;
const EXTENDED: u8 = 0x78;

/// One value with its tag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Element<'b> {
    pub(super) tag: u8,
    pub(super) body: &'b [u8],
}

/// Reads a message. Not a byte behind it is taken. `None` at the end of the stream.
pub(super) async fn read_message(from: &mut (impl AsyncRead + Unpin)) -> Result<Option<Vec<u8>>, Broken> {
    let lost = |_| Broken::Ended(String::new());
    let mut head = [0; 2];
    match from.read(&mut head[..1]).await {
        Ok(0) => return Ok(None),
        Ok(_) if head[0] == SEQUENCE => {}
        Ok(_) => return Err(Broken::Malformed),
        Err(error) => return Err(lost(error)),
    }
    from.read_exact(&mut head[1..]).await.map_err(lost)?;
    let mut message = head.to_vec();
    let length = match usize::from(head[1]) {
        short @ 0..=0x7f => short,
        long @ 0x81..=0x84 => {
            let mut bytes = [0; 8];
            let count = long - 0x80;
            from.read_exact(&mut bytes[8 - count..]).await.map_err(lost)?;
            message.extend_from_slice(&bytes[8 - count..]);
            usize::try_from(u64::from_be_bytes(bytes)).map_err(|_| Broken::TooLarge)?
        }
        _ => return Err(Broken::Malformed),
    };
    if length > MAX_MESSAGE_BYTES {
        return Err(Broken::TooLarge);
    }
    // It grows with what comes, not with what was announced.
    let mut body = (&mut *from).take(length as u64);
    let read = body.read_to_end(&mut message).await.map_err(lost)?;
    if read < length { Err(Broken::Ended(String::new())) } else { Ok(Some(message)) }
}

/// Checks a message, and returns the tag of what it is.
pub(super) fn check(message: &[u8], expected: Answers) -> Result<u8, Broken> {
    let parts = children(only(message)?.body)?;
    let (id, operation, controls) = match parts.as_slice() {
        [id, operation] => (id, operation, None),
        // Active Directory puts the name of a notice beside it.
        [id, operation, controls] => (id, operation, Some(controls)),
        _ => return Err(Broken::Malformed),
    };
    if id.tag != INTEGER || id.body.is_empty() || id.body.len() > 4 {
        return Err(Broken::Malformed);
    }
    if id.body.iter().all(|byte| *byte == 0) {
        // A notice of disconnection (RFC 4511, section 4.4.1).
        let text = result(operation.body).map(|(_, text)| text).unwrap_or_default();
        return Err(Broken::Ended(text));
    }
    if !expected.0.contains(&operation.tag) {
        return Err(Broken::Unexpected);
    }
    match operation.tag {
        ENTRY => check_entry(operation.body)?,
        REFERENCE => check_texts(operation.body)?,
        _ => {
            result(operation.body)?;
        }
    }
    if let Some(controls) = controls {
        check_controls(controls)?;
    }
    Ok(operation.tag)
}

/// Reads the code and the text of a result.
pub(super) fn result(body: &[u8]) -> Result<(u32, String), Broken> {
    let parts = children(body)?;
    let [code, matched, text, more @ ..] = parts.as_slice() else { return Err(Broken::Malformed) };
    if code.tag != ENUMERATED || code.body.is_empty() || code.body.len() > 4 {
        return Err(Broken::Malformed);
    }
    for element in more {
        if element.tag == REFERRALS {
            check_texts(element.body)?;
        }
    }
    text_of(matched)?;
    let code = code.body.iter().fold(0, |code: u32, byte| code << 8 | u32::from(*byte));
    Ok((code, text_of(text)?.to_owned()))
}

/// Reads the operation of a message that was checked: its tag and its content.
pub(super) fn operation(message: &[u8]) -> Result<Element<'_>, Broken> {
    children(only(message)?.body)?.get(1).copied().ok_or(Broken::Malformed)
}

/// Reads the elements of a constructed value.
pub(super) fn children(mut body: &[u8]) -> Result<Vec<Element<'_>>, Broken> {
    let mut found = Vec::new();
    while !body.is_empty() {
        let (element, rest) = element(body)?;
        found.push(element);
        body = rest;
    }
    Ok(found)
}

/// Reads a value that nothing follows.
fn only(bytes: &[u8]) -> Result<Element<'_>, Broken> {
    let (element, rest) = element(bytes)?;
    if rest.is_empty() { Ok(element) } else { Err(Broken::Malformed) }
}

fn element(bytes: &[u8]) -> Result<(Element<'_>, &[u8]), Broken> {
    let (tag, rest) = bytes.split_first().ok_or(Broken::Malformed)?;
    let (first, rest) = rest.split_first().ok_or(Broken::Malformed)?;
    if tag & 0x1f == 0x1f {
        return Err(Broken::Malformed);
    }
    let (length, rest) = match usize::from(*first) {
        short @ 0..=0x7f => (short, rest),
        long @ 0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(long - 0x80).ok_or(Broken::Malformed)?;
            (bytes.iter().fold(0, |length: usize, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return Err(Broken::Malformed),
    };
    let (body, rest) = rest.split_at_checked(length).ok_or(Broken::Malformed)?;
    Ok((Element { tag: *tag, body }, rest))
}

fn text_of<'b>(element: &Element<'b>) -> Result<&'b str, Broken> {
    if element.tag != OCTETS {
        return Err(Broken::Malformed);
    }
    std::str::from_utf8(element.body).map_err(|_| Broken::Malformed)
}

fn check_texts(body: &[u8]) -> Result<(), Broken> {
    children(body)?.iter().try_for_each(|element| text_of(element).map(|_| ()))
}

fn check_entry(body: &[u8]) -> Result<(), Broken> {
    let parts = children(body)?;
    let [name, attributes] = parts.as_slice() else { return Err(Broken::Malformed) };
    text_of(name)?;
    if attributes.tag != SEQUENCE {
        return Err(Broken::Malformed);
    }
    for attribute in children(attributes.body)? {
        let parts = children(attribute.body)?;
        let [name, values] = parts.as_slice() else { return Err(Broken::Malformed) };
        text_of(name)?;
        let is_octets = |value: &Element<'_>| value.tag == OCTETS;
        if attribute.tag != SEQUENCE || values.tag != SET || !children(values.body)?.iter().all(is_octets) {
            return Err(Broken::Malformed);
        }
    }
    Ok(())
}

fn check_controls(controls: &Element<'_>) -> Result<(), Broken> {
    if controls.tag != CONTROLS {
        return Err(Broken::Malformed);
    }
    for control in children(controls.body)? {
        let parts = children(control.body)?;
        let (name, value) = match parts.as_slice() {
            [name] => (name, None),
            [name, critical] if critical.tag == BOOLEAN && critical.body.len() == 1 => (name, None),
            [name, value] => (name, Some(value)),
            [name, critical, value] if critical.tag == BOOLEAN && critical.body.len() == 1 => (name, Some(value)),
            _ => return Err(Broken::Malformed),
        };
        text_of(name)?;
        if value.is_some_and(|value| value.tag != OCTETS) || control.tag != SEQUENCE {
            return Err(Broken::Malformed);
        }
        if name.body == PAGED_RESULTS {
            let parts = children(only(value.ok_or(Broken::Malformed)?.body)?.body)?;
            let [size, cookie] = parts.as_slice() else { return Err(Broken::Malformed) };
            if size.tag != INTEGER || size.body.is_empty() || size.body.len() > 4 || cookie.tag != OCTETS {
                return Err(Broken::Malformed);
            }
        }
    }
    Ok(())
}
