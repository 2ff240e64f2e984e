//! Lists are read page by page: a limit, and an opaque cursor that names the last row seen.
//!
//! The cursor holds a key, not an offset, so rows that are added or removed between two pages shift nothing.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub use floh_client::answers::Page;

use super::StoreError;

/// Which part of a list is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The maximum number of rows; clamped to 1..=[`PageRequest::MAX`].
    pub limit: u32,
    /// The `next_cursor` of the page before; `None` for the first page.
    pub cursor: Option<String>,
}

impl PageRequest {
    /// The number of rows of a page if the caller gives no limit.
    pub const DEFAULT: u32 = 50;
    /// The maximum number of rows of a page.
    pub const MAX: u32 = 500;

    pub(super) fn limit(&self) -> u32 {
        self.limit.clamp(1, Self::MAX)
    }

    /// Reads the key from the cursor. `list` keeps cursors of different lists apart.
    pub(super) fn after(&self, list: char) -> Result<Option<String>, StoreError> {
        let Some(cursor) = &self.cursor else {
            return Ok(None);
        };
        URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|text| !text.chars().any(char::is_control))
            .and_then(|text| text.strip_prefix(list).map(str::to_owned))
            .map(Some)
            .ok_or(StoreError::BadCursor)
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { limit: Self::DEFAULT, cursor: None }
    }
}

/// Builds a page from rows that were read with a limit of one more than requested; the extra row says whether more
/// follow.
pub(super) fn cut<T>(mut items: Vec<T>, request: &PageRequest, list: char, key: impl Fn(&T) -> String) -> Page<T> {
    let limit = request.limit() as usize;
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|last| cursor(list, &key(last)));
    Page { items, next_cursor }
}

/// Builds the cursor of a page that ends with a key.
pub(super) fn cursor(list: char, key: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}{key}"))
}
