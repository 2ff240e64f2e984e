//! What a redactor should find, written in the slowest and plainest way: every form of every secret, at every place.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::MASK;

/// The characters that a part of a URL escapes, besides what is not ASCII and control characters.
const URL_PARTS: [&str; 10] = [
    " \"<>`",
    " \"#<>",
    " \"#<>'",
    " \"#<>?^`{}",
    " \"#<>?^`{}/%",
    " \"#<>?^`{}/:;=@[\\]|",
    " \"#<>?^`{}/:;=@[\\]|$%&+,",
    " \"#<>?`{}",
    " \"#<>?`{}/%",
    " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}",
];

/// Returns every form of a secret, also of its UTF-8 read as Latin-1 and as Windows-1252.
pub(super) fn forms(secret: &str) -> BTreeSet<String> {
    let latin1: String = secret.bytes().map(char::from).collect();
    let windows = encoding_rs::WINDOWS_1252.decode_without_bom_handling(secret.as_bytes()).0;
    [secret, &latin1, &windows].into_iter().flat_map(forms_of).collect()
}

fn forms_of(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    let all = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
    let kept = all.replace("%2D", "-").replace("%2E", ".").replace("%5F", "_").replace("%7E", "~");
    let form = kept.replace("%20", "+").replace('~', "%7E");
    let browser: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let parts = URL_PARTS.map(|escaped| {
        let escapes = |c: char| !c.is_ascii() || c.is_ascii_control() || escaped.contains(c);
        secret.chars().map(|c| if escapes(c) { hex(c) } else { c.to_string() }).collect()
    });
    for url in parts.into_iter().chain([all, kept, form, browser]) {
        forms.insert(lower(&url));
        forms.insert(url);
    }
    for engine in [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD] {
        forms.insert(engine.encode(secret));
        // What is left of the text, whatever stands before and after the secret.
        for shift in 0..3 {
            let with = |fill: u8| engine.encode([&vec![fill; shift], secret.as_bytes(), &[fill; 3]].concat());
            let (left, right) = (with(0), with(255));
            let same: String = left
                .chars()
                .zip(right.chars())
                .skip_while(|(a, b)| a != b)
                .map_while(|(a, b)| (a == b).then_some(a))
                .collect();
            // Bits of the last character may agree by chance.
            let bits = (shift + secret.len()) * 8 / 6 - (shift * 8).div_ceil(6);
            forms.extend(Some(same[..bits.min(same.len())].to_owned()).filter(|core| core.len() >= 7));
        }
    }
    let inner = |text: &str| {
        let quoted = serde_json::to_string(text).unwrap();
        quoted[1..quoted.len() - 1].to_owned()
    };
    forms.insert(inner(secret));
    forms.insert(inner(&inner(secret)));
    forms.insert(inner(secret).replace('/', "\\/"));
    for is_upper in [false, true] {
        forms.insert(secret.chars().map(|c| unit(c, &inner(&c.to_string()), is_upper)).collect());
    }
    forms
}

fn hex(c: char) -> String {
    c.to_string().bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"))
}

fn unit(c: char, escaped: &str, is_upper: bool) -> String {
    let mut units = String::new();
    if c.is_ascii() && !escaped.starts_with("\\u") {
        return escaped.to_owned();
    }
    for unit in c.encode_utf16(&mut [0; 2]) {
        if is_upper { write!(units, "\\u{unit:04X}") } else { write!(units, "\\u{unit:04x}") }.unwrap();
    }
    units
}

fn lower(text: &str) -> String {
    let mut parts = text.split('%');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let cut = part.char_indices().nth(2).map_or(part.len(), |(at, _)| at);
        text + "%" + &part[..cut].to_ascii_lowercase() + &part[cut..]
    })
}

/// Masks every form of every secret; of two that overlap, all of both.
pub(super) fn masked(secrets: &[String], text: &str) -> String {
    let forms: BTreeSet<String> = secrets.iter().filter(|s| s.chars().count() >= 6).flat_map(|s| forms(s)).collect();
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for form in &forms {
        let places = (0..text.len()).filter(|at| text.as_bytes()[*at..].starts_with(form.as_bytes()));
        ranges.extend(places.map(|at| (at, at + form.len())));
    }
    ranges.sort_unstable();
    let mut shown = String::new();
    let mut done = 0;
    let mut index = 0;
    while let Some(&(start, mut end)) = ranges.get(index) {
        index += 1;
        while let Some(&(_, next)) = ranges.get(index).filter(|(next, _)| *next < end) {
            end = end.max(next);
            index += 1;
        }
        shown += &text[done..start];
        shown += MASK;
        done = end;
    }
    shown + &text[done..]
}
