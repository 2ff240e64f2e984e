//! JavaScript strings as Rust strings.
//!
//! A JavaScript string may hold half a surrogate pair, which is not UTF-8. The engine returns it all the
//! same, so every string goes through the checked conversion, and a broken one is repaired in the
//! engine by a function that was taken before the script could replace it.

use rquickjs::{Error, Result, String as JsString};

use super::realm::Realm;

/// Returns a string's text; halves of surrogate pairs become U+FFFD.
pub(super) fn read<'js>(realm: &Realm<'js>, string: &JsString<'js>) -> Result<String> {
    match string.to_string() {
        Err(Error::Utf8(_)) => {
            let mended: JsString<'js> = realm.well_formed.call((string.clone(),))?;
            mended.to_string()
        }
        // The engine ran out of memory and has said so.
        Err(Error::Unknown) => Err(Error::Exception),
        other => other,
    }
}

/// Cuts a text at a character's edge.
pub(super) fn cut(text: &str, most: usize) -> &str {
    match text.char_indices().map(|(at, _)| at).take_while(|at| *at <= most).last() {
        Some(at) if text.len() > most => &text[..at],
        _ => text,
    }
}
