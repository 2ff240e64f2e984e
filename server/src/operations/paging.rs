//! Turns the pages of a list. Half a list would look whole, so a page that cannot be fetched or read is a failure.

use std::collections::HashSet;

use connector_runtime::outcome::Fail;
use connector_runtime::result::PayloadText;
use indexmap::IndexMap;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::Content;
use super::run::{Ended, Run, failed};
use crate::openapi::Pages;

/// The maximum number of pages that one command fetches.
pub(super) const MAX_PAGES: usize = 45;
/// The maximum number of bytes of the items that one command collects.
pub(super) const MAX_BYTES: usize = 10 << 20;

/// Fetches every page, and answers with all items together.
///
/// # Errors
/// If there are more pages than one command fetches, or one of them cannot be used.
pub(super) async fn all(run: &Run<'_>, pages: &Pages) -> Result<Ended, Box<Fail>> {
    let mut items: Vec<Box<RawValue>> = Vec::new();
    let mut bytes = 0;
    let mut turn = Turn::first(run, pages);
    let mut seen = HashSet::new();
    for page in 0_usize.. {
        let after = |fail: Box<Fail>| if page == 0 { fail } else { unfinished(*fail, page, items.len()) };
        if page == MAX_PAGES {
            let error = format!("there are more than {MAX_PAGES} pages; ask for more at a time, or for fewer items");
            return Err(Box::new(Fail::new(error).diagnostic("items", items.len())));
        }
        let turned = pages.key.as_deref().filter(|_| turn.url.is_none()).map(|key| (key, turn.value.as_ref()));
        let response = run.send(turned, turn.url.as_deref()).await.map_err(after)?;
        let found = Page::of(run.content(&response).map_err(after)?, pages).map_err(|why| after(failed(why)))?;
        let count = found.items.len();
        bytes += found.items.iter().map(|item| item.get().len()).sum::<usize>();
        if bytes > MAX_BYTES {
            let error = format!("the items of all pages have more than {} MiB; ask for fewer", MAX_BYTES >> 20);
            return Err(Box::new(Fail::new(error).diagnostic("pages", page + 1)));
        }
        items.extend(found.items);
        let link = response.next_link();
        let next = turn.next(run, pages, found.next, link, response.url().as_str(), count);
        let told = |why: String| unfinished(Fail::new(why), page + 1, items.len());
        match next.map_err(told)? {
            // A cursor may stay the same, as that of a service that remembers how far its reader is; a link may not.
            Some(Turn { url: Some(ref url), .. }) if !seen.insert(url.clone()) => {
                return Err(told("a link leads to a page that was there before".to_owned()));
            }
            Some(next) => turn = next,
            None => {
                let payload = match &pages.items {
                    Some(name) => PayloadText::of(&IndexMap::from([(name, &items)])),
                    None => PayloadText::of(&items),
                };
                let payload = payload.map_err(|error| failed(error.to_string()))?;
                return Ok(run.ended(&response, Some(payload)));
            }
        }
    }
    Err(failed("there are no pages"))
}

fn unfinished(mut fail: Fail, pages: usize, items: usize) -> Box<Fail> {
    let many = if pages == 1 { "page was" } else { "pages were" };
    fail.error = format!("{pages} {many} read, but not the rest: {}", fail.error);
    Box::new(fail.diagnostic("pages", pages).diagnostic("items", items))
}

/// Which page is fetched: by the value of a param, or by a URL.
#[derive(Debug, Default)]
struct Turn {
    value: Option<Value>,
    url: Option<String>,
}

impl Turn {
    fn first(run: &Run<'_>, pages: &Pages) -> Self {
        let given = pages.key.as_deref().and_then(|key| run.given.plain(key, false)).cloned();
        let value = given.or_else(|| match pages.by.as_str() {
            "page" => Some(json!(pages.first.unwrap_or(1))),
            "offset" => Some(json!(0)),
            _ => None,
        });
        Self { value, url: None }
    }

    /// Returns what leads to the next page, if there is one.
    fn next(
        &self,
        run: &Run<'_>,
        pages: &Pages,
        cursor: Option<Value>,
        link: Option<&str>,
        current: &str,
        count: usize,
    ) -> Result<Option<Self>, String> {
        let url = |link: &str| Ok(Some(Self { value: None, url: Some(run.base.link(current, link)?) }));
        let number = |step: usize| {
            if count == 0 {
                return Ok(None);
            }
            let next = self.value.as_ref().and_then(Value::as_u64).and_then(|number| number.checked_add(step as u64));
            let next = next.ok_or("the number of its page is no whole number, so there is no next one")?;
            Ok(Some(Self { value: Some(json!(next)), url: None }))
        };
        match (pages.by.as_str(), cursor, link) {
            ("cursor", Some(Value::String(text)), _) if text.is_empty() => Ok(None),
            // Many services call the whole URL their cursor.
            ("cursor", Some(Value::String(text)), _) if is_url(&text) => url(&text),
            ("cursor", Some(Value::Null | Value::Bool(false)) | None, _) => Ok(None),
            ("cursor", Some(value), _) => Ok(Some(Self { value: Some(value), url: None })),
            ("link", _, Some(link)) => url(link),
            ("page", ..) => number(1),
            ("offset", ..) => number(count),
            _ => Ok(None),
        }
    }
}

fn is_url(text: &str) -> bool {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://") || text.starts_with('/') && text.contains('?')
}

/// The items of a page, and its cursor.
struct Page {
    items: Vec<Box<RawValue>>,
    next: Option<Value>,
}

impl Page {
    fn of(content: Content, pages: &Pages) -> Result<Self, String> {
        let json = match content {
            Content::Json(json) => json,
            Content::Nothing => return Ok(Self { items: Vec::new(), next: None }),
            _ => return Err("the page is not JSON".to_owned()),
        };
        let lacks = |name: &str| format!("the page has no list {name}");
        let Some(name) = &pages.items else {
            let items = serde_json::from_str(json.get()).map_err(|_| "the page is not a list".to_owned())?;
            return Ok(Self { items, next: None });
        };
        let parts: IndexMap<String, &RawValue> = serde_json::from_str(json.get()).map_err(|_| lacks(name))?;
        let items = match parts.get(name).map(|items| items.get()) {
            None | Some("null") => Vec::new(),
            Some(items) => serde_json::from_str(items).map_err(|_| lacks(name))?,
        };
        let next = pages.next.as_ref().and_then(|next| parts.get(next));
        let next = next.and_then(|next| serde_json::from_str(next.get()).ok());
        Ok(Self { items, next })
    }
}
