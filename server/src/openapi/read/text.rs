//! Decodes bytes as text: gzip, byte order marks, UTF-16 and, as a last resort, Latin-1.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::GzDecoder;

use super::super::ImportError;
use super::MAX_BYTES;

/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The most bytes that deflate makes of one.
const MAX_RATIO: usize = 1032;

/// The text of a document.
#[derive(Debug)]
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    /// The first byte that is not UTF-8, if the text was read as Latin-1.
    pub(super) latin: Option<usize>,
}

pub(super) fn decode(bytes: &[u8]) -> Result<Text<'_>, ImportError> {
    if bytes.starts_with(&GZIP) {
        let mut plain = Vec::with_capacity(told_length(bytes));
        let limit = MAX_BYTES as u64 + 1;
        GzDecoder::new(bytes)
            .take(limit)
            .read_to_end(&mut plain)
            .map_err(|error| ImportError::new("encoding", format!("the document is not sound gzip: {error}")))?;
        return plain_text(Cow::Owned(plain));
    }
    plain_text(Cow::Borrowed(bytes))
}

/// Returns the length that gzip tells at its end, as far as so many bytes can be unpacked to it: room that is taken once
/// is not copied as it grows.
fn told_length(bytes: &[u8]) -> usize {
    let told = bytes.last_chunk().map_or(0, |last| u32::from_le_bytes(*last));
    // One byte more is asked for, to see the end.
    let room = usize::try_from(told).unwrap_or(MAX_BYTES).min(MAX_BYTES) + 1;
    room.min(bytes.len().saturating_mul(MAX_RATIO))
}

/// Returns how many bytes of text a document has, which may be packed; at most one more than a document may have.
pub(in super::super) fn length(bytes: &[u8]) -> usize {
    if !bytes.starts_with(&GZIP) {
        return bytes.len();
    }
    let mut plain = GzDecoder::new(bytes).take(MAX_BYTES as u64 + 1);
    // What is broken is told when it is read.
    let counted = std::io::copy(&mut plain, &mut std::io::sink());
    counted.ok().and_then(|length| usize::try_from(length).ok()).unwrap_or(MAX_BYTES)
}

/// Returns the text of a document, unpacked.
///
/// # Errors
/// If it is none, or too large.
pub fn text(bytes: &[u8]) -> Result<String, ImportError> {
    Ok(decode(bytes)?.text.into_owned())
}

fn plain_text(bytes: Cow<'_, [u8]>) -> Result<Text<'_>, ImportError> {
    if bytes.len() > MAX_BYTES {
        let message = format!("the document is larger than {} MiB; import a part of it", MAX_BYTES >> 20);
        return Err(ImportError::new("too_large", message));
    }
    if let Some(text) = utf16(&bytes) {
        return Ok(Text { text: Cow::Owned(text?), latin: None });
    }
    let text = match bytes {
        Cow::Borrowed(bytes) => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| (error, bytes.into())),
        Cow::Owned(bytes) => {
            String::from_utf8(bytes).map(Cow::Owned).map_err(|error| (error.utf8_error(), error.into_bytes()))
        }
    };
    match text {
        Ok(Cow::Borrowed(text)) => {
            Ok(Text { text: Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text)), latin: None })
        }
        Ok(Cow::Owned(text)) => {
            let plain = text.strip_prefix('\u{feff}').map(str::to_owned);
            Ok(Text { text: Cow::Owned(plain.unwrap_or(text)), latin: None })
        }
        Err((error, bytes)) => {
            let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
            Ok(Text { text: Cow::Owned(text), latin: Some(error.valid_up_to()) })
        }
    }
}

/// Decodes UTF-16, if the text has its byte order mark or a NUL in the first character.
fn utf16(bytes: &[u8]) -> Option<Result<String, ImportError>> {
    let (little, rest) = match bytes {
        [0xff, 0xfe, rest @ ..] => (true, rest),
        [0xfe, 0xff, rest @ ..] => (false, rest),
        [first, 0, ..] if *first != 0 => (true, bytes),
        [0, second, ..] if *second != 0 => (false, bytes),
        _ => return None,
    };
    let (pairs, _) = rest.as_chunks::<2>();
    let units = pairs.iter().map(|pair| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
    let text: Result<String, _> = char::decode_utf16(units).collect();
    Some(text.map_err(|_| ImportError::new("encoding", "the document is not sound UTF-16 text; save it as UTF-8")))
}

/// Replaces escapes of half a character in JSON text, such as `\\ud800` alone; `None` if there are none.
pub(super) fn halves(json: &str) -> Option<String> {
    let unit = |rest: &str| rest.strip_prefix("\\u").and_then(|rest| u16::from_str_radix(rest.get(..4)?, 16).ok());
    let mut out = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        let rest = &json[at..];
        at += match (unit(rest), rest.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str(&json[from..at]);
                out.push_str("\\ufffd");
                from = at + 6;
                6
            }
            // The character after a backslash is ASCII in valid JSON.
            _ => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        };
    }
    (from > 0).then(|| out + &json[from..])
}
