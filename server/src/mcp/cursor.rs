//! Cursors: a place in a list, for the token and the list that it was made for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rmcp::ErrorData;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Tells lists apart: what a cursor of another one would say has no meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListKey(String);

impl ListKey {
    /// Returns the key of a list that a token sees. `parts` are what else decides about the list: its name, its filters.
    pub(super) fn new(token: Option<Uuid>, parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        digest.update(token.unwrap_or_default().as_bytes());
        for part in parts {
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            digest.update(part.as_bytes());
        }
        Self(const_hex::encode(&digest.finalize()[..8]))
    }

    /// Writes the cursor of a place.
    pub(super) fn cursor(&self, place: &str) -> String {
        format!("{}.{}", self.0, URL_SAFE_NO_PAD.encode(place))
    }

    /// Reads a cursor of this list.
    ///
    /// # Errors
    /// Invalid params, if it is one of another list or of another token, or none at all.
    pub(super) fn place(&self, cursor: Option<&str>) -> Result<Option<String>, ErrorData> {
        let Some(cursor) = cursor else { return Ok(None) };
        let place = cursor
            .strip_prefix(self.0.as_str())
            .and_then(|rest| URL_SAFE_NO_PAD.decode(rest.strip_prefix('.')?).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok());
        place.map(Some).ok_or_else(|| {
            ErrorData::invalid_params("The cursor is not one of this list; ask for the list from its beginning", None)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_of_one_list_and_one_token() {
        let key = |token: u128, filter: &str| ListKey::new(Some(Uuid::from_u128(token)), &["tools", filter]);
        let cursor = key(1, "a").cursor("crm__größe");
        assert_eq!(key(1, "a").place(Some(&cursor)).unwrap().as_deref(), Some("crm__größe"));
        assert_eq!(key(1, "a").place(None).unwrap(), None);
        for wrong in [key(2, "a"), key(1, "b")] {
            assert!(wrong.place(Some(&cursor)).is_err());
        }
        for text in ["", ".", "nonsense", &cursor[..cursor.len() - 1], &format!("{cursor}=")] {
            let read = key(1, "a").place(Some(text));
            assert!(read.is_err() || read.unwrap().as_deref() != Some("crm__größe"), "{text}");
        }
    }
}
