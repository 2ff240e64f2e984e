//! How the pages of a list are found, and the errors of reading them.
//!
//! An author declares the paging and [`Pages`](super::Pages) follows it. What cannot be read is an error and
//! never an end: half a list must not look like a whole one.

use super::{BodyError, EgressError, HttpError};

/// The most pages that are read unless the author sets another limit.
const MAX_PAGES: usize = 1_000;

/// How the next page of a list is found.
///
/// Pointers are JSON pointers (RFC 6901) into the body of a page: `/meta/next`; the empty one is the body.
#[derive(Clone, Debug)]
#[must_use = "a paging does nothing until a request has it"]
pub struct Paging {
    pub(super) method: PagingMethod,
    pub(super) start: Option<u64>,
    pub(super) more: Option<String>,
    pub(super) total: Option<String>,
    pub(super) most_pages: usize,
}

#[derive(Clone, Debug)]
pub(super) enum PagingMethod {
    Link,
    NextUrl { pointer: String },
    Cursor { pointer: String, param: String },
    Number { param: String, items: String },
    Offset { param: String, items: String },
}

impl Paging {
    /// Follows the `Link` header with `rel="next"` (RFC 8288), up to a page without one.
    pub fn link() -> Self {
        Self::new(PagingMethod::Link)
    }

    /// Follows the URL that a page names in its body, whole or relative, up to a page without one.
    pub fn next_url(pointer: impl Into<String>) -> Self {
        Self::new(PagingMethod::NextUrl { pointer: pointer.into() })
    }

    /// Sends the cursor that a page names in its body as a query parameter, up to a page without one.
    ///
    /// A cursor is a text or a number. A missing one, null, false and the empty text are the end.
    pub fn cursor(pointer: impl Into<String>, param: impl Into<String>) -> Self {
        Self::new(PagingMethod::Cursor { pointer: pointer.into(), param: param.into() })
    }

    /// Counts pages in a query parameter, from 1, up to a page that has no items at a pointer.
    pub fn page_number(param: impl Into<String>, items: impl Into<String>) -> Self {
        Self::new(PagingMethod::Number { param: param.into(), items: items.into() })
    }

    /// Counts items in a query parameter, from 0, up to a page that has none at a pointer.
    ///
    /// The items that came are counted, not those that were asked for: a service may send fewer items than the
    /// limit that the request sets with [`query`](super::Request::query).
    pub fn offset(param: impl Into<String>, items: impl Into<String>) -> Self {
        Self::new(PagingMethod::Offset { param: param.into(), items: items.into() })
    }

    /// Starts a [`Paging::page_number`] or [`Paging::offset`] at another number.
    pub fn starting_at(mut self, number: u64) -> Self {
        self.start = Some(number);
        self
    }

    /// Ends at a page that has false at this pointer, whatever cursor it names.
    pub fn while_true(mut self, pointer: impl Into<String>) -> Self {
        self.more = Some(pointer.into());
        self
    }

    /// Ends a [`Paging::page_number`] or [`Paging::offset`] once as many items came as the number at this
    /// pointer says. That spares the request for a last, empty page.
    pub fn until_total(mut self, pointer: impl Into<String>) -> Self {
        self.total = Some(pointer.into());
        self
    }

    /// Sets the most pages that are read (1,000). A longer list is an error.
    pub fn most_pages(mut self, most: usize) -> Self {
        self.most_pages = most;
        self
    }

    fn new(method: PagingMethod) -> Self {
        Self { method, start: None, more: None, total: None, most_pages: MAX_PAGES }
    }

    /// Refuses a malformed pointer, because a missing value would be read as the end of the list.
    pub(super) fn check(&self) -> Result<(), EgressError> {
        let pointer = match &self.method {
            PagingMethod::Link => None,
            PagingMethod::NextUrl { pointer } | PagingMethod::Cursor { pointer, .. } => Some(pointer),
            PagingMethod::Number { items, .. } | PagingMethod::Offset { items, .. } => Some(items),
        };
        let mut all = pointer.into_iter().chain(&self.more).chain(&self.total);
        match all.find(|pointer| !pointer.is_empty() && !pointer.starts_with('/')) {
            Some(pointer) => Err(EgressError::request(format!(
                "the JSON pointer `{pointer}` of its paging does not begin with a slash; write `/{pointer}`"
            ))),
            None => Ok(()),
        }
    }

    /// Returns the parameter that counts, and its first value.
    pub(super) fn counter(&self) -> Option<(&str, u64)> {
        match &self.method {
            PagingMethod::Number { param, .. } => Some((param, self.start.unwrap_or(1))),
            PagingMethod::Offset { param, .. } => Some((param, self.start.unwrap_or(0))),
            _ => None,
        }
    }

    pub(super) fn reads_bodies(&self) -> bool {
        self.more.is_some() || !matches!(self.method, PagingMethod::Link)
    }
}

/// Why a list could not be read to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PagingError {
    /// A page brought no answer.
    #[error("{0}")]
    Egress(#[from] EgressError),
    /// There is no access token for a page.
    #[error("{0}")]
    Token(#[from] super::oauth::TokenError),
    /// A page was answered with another status than 200 to 299.
    #[error("{0}")]
    Http(#[from] HttpError),
    /// A page is not the JSON that was expected.
    #[error("{0}")]
    Body(#[from] BodyError),
    /// What leads to the next page, or the items of a page, are not what was expected there.
    #[error("cannot page through {request}: {why}")]
    Unreadable {
        /// The method and URL of the page, without its query.
        request: String,
        /// What is wrong, and how to mend it.
        why: String,
    },
    /// A page leads back to an earlier one.
    #[error(
        "stopped paging through {request}: its page {page} leads back to an earlier one, in an endless loop; \
         check how its paging is declared, or the service"
    )]
    Loop {
        /// The method and URL of the page, without its query.
        request: String,
        /// The number of the page, from 1.
        page: usize,
    },
    /// The next page is at another origin, and the request carries a secret.
    #[error(
        "did not follow the next page of {request} to {to}: it is another origin than the request's own, \
         which must not see the request's secret; call the service by the URL that its pages name"
    )]
    OtherOrigin {
        /// The method and URL of the page, without its query.
        request: String,
        /// The origin that it leads to.
        to: String,
    },
    /// The list is longer than the limit.
    #[error("the list of {request} is too long: {why}")]
    TooLong {
        /// The method and URL of the last page, without its query.
        request: String,
        /// The limit, and how to mend it.
        why: String,
    },
}

impl From<super::oauth::AuthorizedError> for PagingError {
    fn from(error: super::oauth::AuthorizedError) -> Self {
        match error {
            super::oauth::AuthorizedError::Token(error) => Self::Token(error),
            super::oauth::AuthorizedError::Egress(error) => Self::Egress(error),
        }
    }
}
