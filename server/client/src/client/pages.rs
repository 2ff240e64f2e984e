//! Lists that are read page by page.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use super::error::ClientError;
use super::transport::{Client, Outgoing};
use crate::answers::Page;
use crate::routes::Route;

/// The maximum number of items of a page.
pub const MAX_PAGE: u32 = 500;

/// The maximum number of pages without items, one after the other, of a list that is read to its end.
const MAX_EMPTY_PAGES: u32 = 10_000;

/// A list that is read page by page. No request is sent before [`Pages::next_page`].
#[derive(Debug)]
pub struct Pages<'c, T> {
    client: &'c Client,
    route: Route,
    key: Option<String>,
    query: Vec<(&'static str, String)>,
    next: Next,
    items: PhantomData<fn() -> T>,
}

#[derive(Debug)]
enum Next {
    First,
    After(String),
    None,
}

impl<'c, T: DeserializeOwned> Pages<'c, T> {
    pub(super) fn new(client: &'c Client, route: Route, key: Option<&str>) -> Self {
        let key = key.map(str::to_owned);
        Self { client, route, key, query: Vec::new(), next: Next::First, items: PhantomData }
    }

    pub(super) fn filter(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Sets the number of items of a page; the server's default is 50, its maximum [`MAX_PAGE`].
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.query.retain(|(name, _)| *name != "limit");
        self.query.push(("limit", limit.to_string()));
        self
    }

    /// Starts after the page that has this `next_cursor`.
    #[must_use]
    pub fn after(mut self, cursor: impl Into<String>) -> Self {
        self.next = Next::After(cursor.into());
        self
    }

    /// Reads the next page; `None` after the last one. An empty list has a first page too.
    ///
    /// # Errors
    /// [`ClientError`]; the same page can be requested again then.
    pub async fn next_page(&mut self) -> Result<Option<Page<T>>, ClientError> {
        let mut out = Outgoing { query: self.query.clone(), ..Outgoing::default() };
        match &self.next {
            Next::First => {}
            Next::After(cursor) => out.query.push(("cursor", cursor.clone())),
            Next::None => return Ok(None),
        }
        let keys: Vec<&str> = self.key.as_deref().into_iter().collect();
        let page: Page<T> = self.client.send(self.route, &keys, out).await?.json()?;
        self.next = page.next_cursor.clone().map_or(Next::None, Next::After);
        Ok(Some(page))
    }

    /// Reads all remaining items.
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::TooLarge`] if there are more than `max`, so that a part never looks like the
    /// whole.
    pub async fn collect(mut self, max: usize) -> Result<Vec<T>, ClientError> {
        if !self.query.iter().any(|(name, _)| *name == "limit") {
            self = self.limit(MAX_PAGE);
        }
        let mut items = Vec::new();
        let (mut last, mut empty) = (None, 0);
        while let Some(page) = self.next_page().await? {
            // A page may be empty although others follow: the server looks at a bounded number of rows for each.
            empty = if page.items.is_empty() { empty + 1 } else { 0 };
            let endless = page.next_cursor.is_some() && (page.next_cursor == last || empty > MAX_EMPTY_PAGES);
            last = page.next_cursor;
            items.extend(page.items);
            if items.len() > max || endless {
                return Err(ClientError::TooLarge(format!("the list has more than {max} items")));
            }
        }
        Ok(items)
    }
}
