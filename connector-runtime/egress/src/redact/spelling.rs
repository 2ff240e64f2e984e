//! The spellings in which a secret is sent, logged and echoed.
//!
//! Nothing of this is kept: a spelling is written when a scan has found a secret's anchor, and dropped after it. So a
//! secret of 64 KiB costs its own bytes and a few words.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use encoding_rs::WINDOWS_1252;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

// What the WHATWG URL standard escapes in each part of a URL.
const FRAGMENT: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
const QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
const SPECIAL_QUERY: &AsciiSet = &QUERY.add(b'\'');
const PATH: &AsciiSet = &QUERY.add(b'?').add(b'^').add(b'`').add(b'{').add(b'}');
const PATH_SEGMENT: &AsciiSet = &PATH.add(b'/').add(b'%');
const USERINFO: &AsciiSet =
    &PATH.add(b'/').add(b':').add(b';').add(b'=').add(b'@').add(b'[').add(b'\\').add(b']').add(b'|');
const COMPONENT: &AsciiSet = &USERINFO.add(b'$').add(b'%').add(b'&').add(b'+').add(b',');
const OLD_PATH: &AsciiSet = &QUERY.add(b'?').add(b'`').add(b'{').add(b'}');
const OLD_SEGMENT: &AsciiSet = &OLD_PATH.add(b'/').add(b'%');
/// RFC 3986 keeps `-._~`.
const RFC_3986: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Forms keep `-._`, and in browsers `*`; they write a space as `+`.
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');
const BROWSER_FORM: &AsciiSet = &FORM.remove(b'*');

/// What is escaped in a URL, and whether a space becomes a `+`.
const URL_PARTS: [(&AsciiSet, bool); 13] = [
    (NON_ALPHANUMERIC, false),
    (RFC_3986, false),
    (FORM, true),
    (BROWSER_FORM, true),
    (FRAGMENT, false),
    (QUERY, false),
    (SPECIAL_QUERY, false),
    (PATH, false),
    (PATH_SEGMENT, false),
    (USERINFO, false),
    (COMPONENT, false),
    (OLD_PATH, false),
    (OLD_SEGMENT, false),
];

/// How a text is written character by character, so that the spelling of a part is a part of the spelling.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Raw,
    Url {
        part: (&'static AsciiSet, bool),
        is_lower: bool,
    },
    Json,
    /// JSON text inside JSON text.
    JsonTwice,
    JsonSlash,
    JsonAscii {
        is_upper: bool,
    },
}

impl Spelling {
    /// Lists all spellings of a text that may differ from each other.
    pub(super) fn all(text: &str) -> impl Iterator<Item = Self> {
        // Letters and digits are written alike everywhere.
        let differs = !text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let urls = URL_PARTS.into_iter().flat_map(|part| [false, true].map(|is_lower| Self::Url { part, is_lower }));
        let json = [Self::Json, Self::JsonTwice, Self::JsonSlash];
        let ascii = [false, true].map(|is_upper| Self::JsonAscii { is_upper });
        std::iter::once(Self::Raw).chain(urls.chain(json).chain(ascii).filter(move |_| differs))
    }

    /// Writes a text.
    pub(super) fn write(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Raw => text.into(),
            Self::Url { part: (set, has_plus), is_lower } => {
                let mut written: Cow<'_, str> = utf8_percent_encode(text, set).into();
                if has_plus && written.contains("%20") {
                    written = written.replace("%20", "+").into();
                }
                if is_lower && written.contains('%') { lower_hex(&written).into() } else { written }
            }
            Self::Json => escape(text).into(),
            Self::JsonTwice => escape(&escape(text)).into(),
            Self::JsonSlash => escape(text).replace('/', "\\/").into(),
            Self::JsonAscii { is_upper } => ascii_json(&escape(text), is_upper).into(),
        }
    }
}

/// Writes a text as it stands between the quotes of JSON.
fn escape(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// Writes what is not ASCII as `\\uXXXX`, as many JSON writers do.
fn ascii_json(escaped: &str, is_upper: bool) -> String {
    use std::fmt::Write;
    let mut ascii = String::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(character) = rest.chars().next() {
        let (head, tail) = rest.split_at(character.len_utf8());
        if let Some((unit, after)) = tail.split_at_checked(5).filter(|(unit, _)| head == "\\" && unit.starts_with('u'))
        {
            // An escape that is there already, of a control character.
            ascii.push_str("\\u");
            let digits = &unit[1..];
            ascii.push_str(&if is_upper { digits.to_ascii_uppercase() } else { digits.to_owned() });
            rest = after;
            continue;
        }
        if let Some((pair, after)) = rest.split_at_checked(2).filter(|_| head == "\\") {
            ascii.push_str(pair);
            rest = after;
            continue;
        }
        if character.is_ascii() {
            ascii.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing to a text cannot fail.
                _ = if is_upper { write!(ascii, "\\u{unit:04X}") } else { write!(ascii, "\\u{unit:04x}") };
            }
        }
        rest = tail;
    }
    ascii
}

/// Writes the hex digits of percent-encoding in lower case.
pub(super) fn lower_hex(text: &str) -> String {
    let mut digits_left = 0_u8;
    text.chars()
        .map(|character| {
            let shown = if digits_left > 0 { character.to_ascii_lowercase() } else { character };
            digits_left = if character == '%' { 2 } else { digits_left.saturating_sub(1) };
            shown
        })
        .collect()
}

/// Which text a reader takes a secret for: the text itself, or its UTF-8 bytes read in a charset of one byte a
/// character. Whoever writes that again as UTF-8 has encoded the secret twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reading {
    Right,
    Latin1,
    Windows1252,
}

impl Reading {
    pub(super) const ALL: [Self; 3] = [Self::Right, Self::Latin1, Self::Windows1252];

    /// Reads a secret; `None` if the result is that of an earlier reading.
    pub(super) fn read(self, secret: &str) -> Option<Cow<'_, str>> {
        let latin1 = || secret.bytes().map(char::from).collect::<String>();
        match self {
            Self::Right => Some(secret.into()),
            Self::Latin1 => (!secret.is_ascii()).then(|| latin1().into()),
            Self::Windows1252 => {
                let text =
                    (!secret.is_ascii()).then(|| WINDOWS_1252.decode_without_bom_handling(secret.as_bytes()).0)?;
                (*text != latin1()).then_some(text)
            }
        }
    }
}

/// The shortest part of a base64 text that is searched for.
const MIN_BASE64: usize = 7;

/// Returns the part of a base64 text that depends only on the secret if `shift` bytes (mod 3) come before it and
/// anything after it, as in `base64("user:secret")`.
pub(super) fn base64_core(secret: &str, shift: usize, is_url_safe: bool) -> Option<String> {
    let mut bytes = vec![0; shift];
    bytes.extend_from_slice(secret.as_bytes());
    let mut encoded = if is_url_safe { URL_SAFE_NO_PAD.encode(&bytes) } else { STANDARD_NO_PAD.encode(&bytes) };
    // Characters touched by the bytes before, and the last one if bits of it come from what follows.
    encoded.truncate(bytes.len() * 8 / 6);
    encoded.drain(..(shift * 8).div_ceil(6));
    (encoded.len() >= MIN_BASE64).then_some(encoded)
}

/// Lists the base64 texts of a secret at one alignment, each with the same characters before any position.
pub(super) fn base64_texts(secret: &str, shift: usize) -> Vec<String> {
    let mut texts = Vec::new();
    if shift == 0 {
        let whole = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD].map(|engine| engine.encode(secret));
        texts.extend(whole.into_iter().filter(|text| text.len() >= MIN_BASE64));
    }
    texts.extend([false, true].into_iter().filter_map(|is_url_safe| base64_core(secret, shift, is_url_safe)));
    texts
}
